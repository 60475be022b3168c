import assert from "node:assert/strict";
import { test } from "node:test";
import { coalesce } from "../../src/runtime/coalesce.ts";

/** Turns of an event loop that the test takes. */
function turns() {
  const waiting: (() => void)[] = [];
  return {
    schedule: (run: () => void) => waiting.push(run),
    take: () => {
      for (const run of waiting.splice(0)) {
        run();
      }
    },
  };
}

test("many triggers before the next turn are one pass in it", () => {
  const { schedule, take } = turns();
  let passes = 0;
  const trigger = coalesce(() => {
    passes += 1;
  }, schedule);
  trigger();
  trigger();
  assert.equal(passes, 0);
  take();
  take();
  assert.equal(passes, 1);
  trigger();
  take();
  assert.equal(passes, 2);
});

test("a trigger during a pass has it run once more", () => {
  const { schedule, take } = turns();
  let passes = 0;
  const trigger = coalesce(() => {
    passes += 1;
    if (passes === 1) {
      trigger();
      trigger();
    }
  }, schedule);
  trigger();
  take();
  assert.equal(passes, 1);
  take();
  take();
  assert.equal(passes, 2);
});

test("a pass that throws is not swallowed, and does not end the passes", () => {
  const { schedule, take } = turns();
  let passes = 0;
  const trigger = coalesce(() => {
    passes += 1;
    throw new Error("a bug");
  }, schedule);
  trigger();
  assert.throws(take, /a bug/);
  trigger();
  assert.throws(take, /a bug/);
  assert.equal(passes, 2);
});
