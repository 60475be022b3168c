import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { backoffMs } from "../../src/runtime/backoff.ts";

const range = { baseMs: 500, limitMs: 30_000 };

test("delays double up to the limit", () => {
  const delays = [0, 1, 2, 3, 6, 7, 8, 1e9].map((failures) => backoffMs(failures, range, () => 1));
  assert.deepEqual(delays, [500, 500, 1_000, 2_000, 16_000, 30_000, 30_000, 30_000]);
});

test("at most half is taken off at random", () => {
  fc.assert(
    fc.property(fc.nat(), fc.double({ min: 0, max: 1, noNaN: true }), (failures, random) => {
      const fullMs = backoffMs(failures, range, () => 1);
      const delayMs = backoffMs(failures, range, () => random);
      assert.ok(delayMs >= fullMs / 2 && delayMs <= fullMs);
    }),
  );
});
