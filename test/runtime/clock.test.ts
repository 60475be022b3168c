import assert from "node:assert/strict";
import { test } from "node:test";
import { nextTurn, pendingTimers, sleep, systemClock } from "../../src/runtime/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";

test("sleep ends when its time has passed", async () => {
  const clock = new ManualClock();
  const slept = sleep(clock, 1_000, new AbortController().signal);
  clock.advance(999);
  assert.deepEqual(clock.delays, [1_000]);
  clock.advance(1);
  await slept;
});

test("sleep ends as soon as its signal aborts, and leaves no timer", async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  const slept = sleep(clock, 1_000, stop.signal);
  stop.abort();
  await slept;
  await sleep(clock, 1_000, stop.signal);
  assert.deepEqual(clock.delays, []);
});

test("the machine's clock goes forward, and its timers can be cancelled", async () => {
  const startMs = systemClock.now();
  let isCalled = false;
  const timer = systemClock.after(0, () => {
    isCalled = true;
  });
  timer.cancel();
  await new Promise<void>((resolve) => {
    systemClock.after(0, resolve);
    setImmediate(() => {});
    setTimeout(() => {}, 5);
  });
  await nextTurn();
  assert.equal(isCalled, false);
  assert.ok(systemClock.now() >= startMs);
  assert.ok(systemClock.wallTime() > Date.UTC(2020));
});

test("timers count until they fire or are cancelled, whichever is first", async () => {
  const before = pendingTimers();
  const cancelled = systemClock.after(60_000, () => undefined);
  const fired = sleep(systemClock, 1, new AbortController().signal);
  assert.equal(pendingTimers(), before + 2);
  cancelled.cancel();
  cancelled.cancel();
  // The timer does not keep the process alive: this one does.
  await Promise.all([fired, new Promise((resolve) => setTimeout(resolve, 5))]);
  assert.equal(pendingTimers(), before);
});

test("a timer of the machine's clock is never early, by no part of a millisecond", async (t) => {
  const alive = setInterval(() => {}, 1_000);
  t.after(() => clearInterval(alive));
  const delayMs = 4.9;
  for (let round = 0; round < 20; round += 1) {
    const startMs = systemClock.now();
    await new Promise<void>((resolve) => {
      systemClock.after(delayMs, resolve);
    });
    const tookMs = systemClock.now() - startMs;
    assert.ok(tookMs >= delayMs, `after ${tookMs} ms`);
  }
});
