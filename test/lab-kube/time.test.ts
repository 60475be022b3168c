import assert from "node:assert/strict";
import { test } from "node:test";
import { formatAge, formatMicroTime, formatTime, parseTime } from "../../lab/kube/time.ts";

const ages: readonly (readonly [number, string])[] = [
  [-5, "<invalid>"],
  [-1, "0s"],
  [0, "0s"],
  [119, "119s"],
  [120, "2m"],
  [125, "2m5s"],
  [600, "10m"],
  [3 * 3600 - 1, "179m"],
  [3 * 3600, "3h"],
  [3 * 3600 + 60, "3h1m"],
  [8 * 3600, "8h"],
  [47 * 3600, "47h"],
  [48 * 3600, "2d"],
  [50 * 3600, "2d2h"],
  [8 * 86400, "8d"],
  [729 * 86400, "729d"],
  [731 * 86400, "2y1d"],
  [3000 * 86400, "8y"],
];

for (const [seconds, text] of ages) {
  test(`an age of ${seconds} s is shown as ${text}`, () => {
    assert.equal(formatAge(seconds * 1000), text);
  });
}

test("times have seconds, micro times six digits more; both are read back", () => {
  const milliseconds = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  assert.equal(formatTime(milliseconds), "2026-01-02T03:04:05Z");
  assert.equal(formatMicroTime(milliseconds), "2026-01-02T03:04:05.678000Z");
  assert.equal(parseTime(formatMicroTime(milliseconds)), milliseconds);
  assert.equal(parseTime("soon"), undefined);
});
