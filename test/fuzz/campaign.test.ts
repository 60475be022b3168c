import assert from "node:assert/strict";
import { test } from "node:test";
import { runCampaign } from "./campaign.ts";
import { runFullTable } from "./full-table.ts";
import { violations } from "./verdict.ts";

test("a speaker among 16 hostile routers stays up, and its good peer never notices", async () => {
  const result = await runCampaign({
    seed: 20_261_122,
    inputs: 500,
    limitMs: 20_000,
    hostileSessions: 16,
  });
  assert.deepEqual(violations(result), []);
  assert.ok(result.hostile.inputs >= 100, `${result.hostile.inputs} inputs only`);
  assert.ok(result.speaker.hostile.notificationsSent > 0);
  assert.ok(result.speaker.hostile.sessionsLost > 0, "no hostile session was ever up");
});

test("a router's 100,000 routes are counted and dropped while another session goes on", async () => {
  const result = await runFullTable(100_000, 20_000);
  assert.deepEqual(violations(result), []);
  assert.equal(result.speaker.table?.prefixesReceived, 100_000);
  assert.equal(result.speaker.table?.sessionsLost, 0);
});
