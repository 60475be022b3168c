import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDurationSeconds } from "../../src/config/duration.ts";

const durations: Readonly<Record<string, number | undefined>> = {
  "90s": 90,
  "1m30s": 90,
  "1.5h": 5400,
  "+90s": 90,
  "-1.5s": -1,
  ".5m": 30,
  "1.s": 1,
  "0": 0,
  "-0": 0,
  "2.999999999s": 2,
  "3000000000ns": 3,
  "3000000\u00b5s": 3,
  "0.1h": 360,
  "120": undefined,
  "": undefined,
  s: undefined,
  ".s": undefined,
  "90 s": undefined,
  "90S": undefined,
  "1d": undefined,
  "1m-3s": undefined,
  "1e2s": undefined,
};

for (const [written, seconds] of Object.entries(durations)) {
  test(`the duration "${written}" is ${seconds ?? "none"}`, () => {
    assert.equal(parseDurationSeconds(written), seconds);
  });
}

test("hours, minutes and seconds add up", () => {
  fc.assert(
    fc.property(fc.nat(99), fc.nat(999), fc.nat(9999), (hours, minutes, seconds) => {
      const whole = hours * 3600 + minutes * 60 + seconds;
      assert.equal(parseDurationSeconds(`${hours}h${minutes}m${seconds}s`), whole);
    }),
  );
});
