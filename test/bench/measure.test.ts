import assert from "node:assert/strict";
import { test } from "node:test";
import {
  cpuMs,
  kernelPrefixes,
  median,
  peakRssMegabytes,
  whenTrue,
} from "../../bench/bgp/measure.ts";

test("the median is the middle value, or the mean of the two in the middle", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("whenTrue tells when a probe first held, and nothing if it never does", async () => {
  let calls = 0;
  const probe = async () => {
    calls += 1;
    return calls === 3;
  };
  const at = await whenTrue(probe, 10_000, 0);
  assert.equal(calls, 3);
  assert.ok(at !== undefined && Math.abs(Date.now() - at) < 1_000);
  assert.equal(await whenTrue(async () => false, 0), undefined);
});

test("the kernel says what a process has used, and how many routes its namespace has", async () => {
  const pids = [process.pid];
  assert.ok((await cpuMs(pids)) > 0);
  assert.ok((await peakRssMegabytes(pids)) > 10);
  assert.ok((await kernelPrefixes(process.pid)) >= 0);
});
