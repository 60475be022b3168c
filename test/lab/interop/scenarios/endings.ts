import assert from "node:assert/strict";
import { waitFor } from "../../../../lab/wait.ts";
import type { BgpSpeaker } from "../../../support/bgp-speaker.ts";
import type { Answers } from "../rows.ts";
import type { Scenario, Stage } from "../stage.ts";

export const holdTimer: Scenario = {
  name: "hold timer",
  settings: { holdTimeSeconds: 3 },
  rows: ["hold-timer"],
  async run(stage) {
    const speaker = await upWithThree(stage, { holdTimeSeconds: 3, connectTimeSeconds: 1 });
    await stage.cut();
    const down = await speaker.waitFor("the session is down", (s) => s.state !== "Established");
    assert.equal(down.lastError?.kind, "hold-timer-expired");
    await stage.waitUntilDown();
    await stage.waitForCount(0);
    const isTold = await stage.says(/hold ?timer (is )?expired/i);
    await stage.mend();
    await stage.waitUntilUp();
    await stage.waitForCount(3);
    return { "hold-timer": isTold ? "yes" : "drops the session without a word of the timer" };
  },
};

export const routerRestart: Scenario = {
  name: "restart of the router",
  settings: {},
  rows: ["router-restart"],
  async run(stage) {
    const speaker = await upWithThree(stage);
    await stage.restartRouter();
    await stage.waitForCount(3);
    const { counters, state } = await speaker.status();
    assert.equal(state, "Established");
    assert.equal(counters.sessionsLost, 1);
    return { "router-restart": "yes" };
  },
};

export const gracefulRestart: Scenario = {
  name: "graceful restart",
  settings: {},
  rows: ["graceful-restart", "restart-exit", "boot"],
  async run(stage) {
    const first = await upWithThree(stage, withRestart);
    first.process.signal("SIGKILL");
    await first.process.exited;
    await stage.waitUntilDown();
    if ((await stage.router.count("ipv4")) === 0) {
      const answer = `keeps no routes; its last word: \`${await stage.lastWord()}\``;
      return { "graceful-restart": answer, "restart-exit": answer, boot: answer };
    }
    assert.notEqual((await stage.router.route("10.0.0.0/32"))?.isStale, false);
    const second = await stage.speaker(withRestart);
    await stage.waitUntilUp();
    assert.equal(await stage.router.count("ipv4"), 3, "no route goes before End-of-RIB");
    await second.request({ type: "routes", routes: { count: 2 } });
    await stage.waitForCount(2);
    return { "graceful-restart": "yes", ...(await leaveAndBoot(stage, second)) };
  },
};

async function leaveAndBoot(stage: Stage, second: BgpSpeaker): Promise<Answers> {
  assert.deepEqual(await second.request({ type: "close-for-restart" }), { closed: true });
  await stage.waitUntilDown();
  const kept = await stage.router.count("ipv4");
  assert.equal(kept, 2);
  await second[Symbol.asyncDispose]();
  const booted = await stage.speaker(withRestart, 30);
  await stage.waitUntilUp();
  const isFlushed = await waitFor(
    async () => ((await stage.router.count("ipv4")) === 0 ? true : undefined),
    { what: "the routes are gone", timeoutMs: 3_000 },
  ).catch(() => false);
  await booted.request({ type: "routes", routes: { count: 1 } });
  await stage.waitForCount(1);
  return { "restart-exit": "yes", boot: isFlushed ? "yes" : "keeps them until End-of-RIB" };
}

const withRestart = { gracefulRestart: { restartTimeSeconds: 60 } } as const;

async function upWithThree(stage: Stage, changes: Parameters<Stage["speaker"]>[0] = {}) {
  const speaker = await stage.speaker(changes);
  await speaker.request({ type: "routes", routes: { count: 3 } });
  await stage.waitUntilUp();
  await stage.waitForCount(3);
  return speaker;
}
