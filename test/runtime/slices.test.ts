import assert from "node:assert/strict";
import { test } from "node:test";
import { inSlices } from "../../src/runtime/slices.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** Each step takes `stepMs` of the clock's time. */
function* count(clock: ManualClock, steps: number, stepMs: number, done: number[]) {
  for (let step = 0; step < steps; step += 1) {
    done.push(step);
    clock.advance(stepMs);
    yield;
  }
  return "all";
}

test("what is short is done in the same turn", () => {
  const clock = new ManualClock();
  const done: number[] = [];
  void inSlices(count(clock, 5, 1, done), clock, () => true);
  assert.deepEqual(done, [0, 1, 2, 3, 4]);
});

test("what is long leaves the event loop its turns, and ends with its result", async () => {
  const clock = new ManualClock();
  const done: number[] = [];
  const seen: number[] = [];
  const result = inSlices(count(clock, 20, 4, done), clock, () => {
    seen.push(done.length);
    return true;
  });
  assert.deepEqual(done, [0, 1]);
  assert.equal(await result, "all");
  assert.deepEqual(seen, [2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
});

test("what is no longer wanted is given up at the next turn", async () => {
  const clock = new ManualClock();
  const done: number[] = [];
  assert.equal(await inSlices(count(clock, 20, 4, done), clock, () => done.length < 6), undefined);
  assert.equal(done.length, 6);
});
