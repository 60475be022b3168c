import assert from "node:assert/strict";
import { test } from "node:test";
import { warmUp } from "../../../src/bgp/session/warm-up.ts";

test("warming up looks at the interfaces, leaves no timer behind and takes no slice of the loop", () => {
  let looks = 0;
  const before = process.getActiveResourcesInfo().length;
  const started = process.threadCpuUsage();
  warmUp(() => {
    looks += 1;
    return [];
  });
  const { user } = process.threadCpuUsage(started);
  assert.ok(looks >= 10);
  assert.equal(process.getActiveResourcesInfo().length, before);
  assert.ok(user < 5_000_000, `${user} us: something is out of all proportion`);
});
