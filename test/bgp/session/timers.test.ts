import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type SessionTimerName, Timers } from "../../../src/bgp/session/timers.ts";
import { ManualClock } from "../../support/manual-clock.ts";

function timersWith(random: () => number) {
  const clock = new ManualClock();
  const expired: SessionTimerName[] = [];
  const timers = new Timers(clock, random, (timer) => expired.push(timer));
  return { clock, expired, timers };
}

test("ConnectRetry, IdleHold and Keepalive are cut by 0.75 to 1; Hold and SendHold never", () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (random) => {
      const { clock, timers } = timersWith(() => random);
      for (const timer of ["ConnectRetry", "IdleHold", "Keepalive", "Hold", "SendHold"] as const) {
        timers.start(timer, 100);
      }
      const delays = clock.delays;
      assert.equal(delays.filter((delay) => delay === 100_000).length, 2);
      assert.ok(delays.every((delay) => delay >= 75_000 && delay <= 100_000));
    }),
  );
});

test("a KEEPALIVE never comes sooner than a second after the last (RFC 4271 §4.4)", () => {
  const { clock, timers } = timersWith(() => 0);
  timers.start("Keepalive", 1);
  assert.deepEqual(clock.delays, [1_000]);
});

test("a timer that is started again runs once, from then on", () => {
  const { clock, expired, timers } = timersWith(() => 0);
  timers.start("Hold", 10);
  clock.advance(9_000);
  timers.start("Hold", 10);
  clock.advance(9_000);
  assert.deepEqual(expired, []);
  clock.advance(1_000);
  assert.deepEqual(expired, ["Hold"]);
});

test("a stopped timer never expires, also in the turn that confirms it", () => {
  const { clock, expired, timers } = timersWith(() => 0);
  timers.start("Hold", 10);
  clock.after(10_000, () => timers.stop("Hold"));
  clock.advance(20_000);
  timers.start("Keepalive", 1);
  timers.stop("Keepalive");
  clock.advance(20_000);
  assert.deepEqual(expired, []);
});

test("a time beyond what Node's timers take is cut, not fired at once", () => {
  const { clock, timers } = timersWith(() => 0);
  timers.start("SendHold", 1e9);
  assert.deepEqual(clock.delays, [2 ** 31 - 1]);
});
