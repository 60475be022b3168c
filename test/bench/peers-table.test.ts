import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTrials } from "../../bench/peers/table.ts";
import type { PeerTrial } from "../../bench/peers/trial.ts";

const part = { services: 5_000, areAddressed: true, hasFailures: false };
const nothing = {
  part,
  limitMs: 60_000,
  idle: undefined,
  first: undefined,
  allSeconds: undefined,
  holding: undefined,
  rested: undefined,
  failures: undefined,
} as const;

function heldOf(times: readonly number[]): Pick<PeerTrial, "held"> {
  return { held: { times, controllerCpuMs: 1, speakerCpuMs: 2 } };
}

function createRow(...trials: readonly PeerTrial[]): string | undefined {
  return formatTrials(trials)
    .split("\n")
    .find((line) => line.startsWith("| then create"));
}

test("a Service that is not there in time is told in its row, beside products that had none", () => {
  const whole = Array.from({ length: 20 }, () => 80);
  const row = createRow(
    { product: "whole", ...nothing, ...heldOf(whole), misses: [] },
    { product: "late", ...nothing, ...heldOf([90, 90, Infinity]), misses: [] },
    { product: "never", ...nothing, ...heldOf([Infinity, Infinity]), misses: [] },
    { product: "not measured", ...nothing, held: undefined, misses: [] },
  );
  assert.equal(
    row,
    "| then create to kernel ms | 80 / 80 | 90 / > 60000 (of 3, 1 not there) " +
      "| > 60000 / > 60000 (of 2, 2 not there) | - |",
  );
});

test("what was not measured is said below the table, with the reason", () => {
  const misses = [{ what: "all in the kernel", why: "5000 next hops: not after 900 s" }];
  const text = formatTrials([{ product: "late", ...nothing, held: undefined, misses }]);
  assert.equal(text.split("\n").at(-1), "late, all in the kernel: 5000 next hops: not after 900 s");
});
