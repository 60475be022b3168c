import assert from "node:assert/strict";
import { test } from "node:test";
import { mixedClock } from "../support/manual-clock.ts";
import {
  accept,
  applyService,
  applySlice,
  configText,
  setUp,
  startSpeaker,
} from "./speaker-process.ts";

const limits = { timeout: 60_000 };

/** Without a Hold Time the session lives through an hour that passes in a moment. */
function timelessConfig(port: number): string {
  return configText(port).replace("name: router", "name: router, hold-time: 0s");
}

test(
  "an hour without the API server changes no route; what happened meanwhile follows",
  limits,
  async (t) => {
    const { clock, manual } = mixedClock();
    const { server, router, port, kubeconfigPath } = await setUp(t);
    accept(server, timelessConfig(port));
    const { get } = await startSpeaker(t, kubeconfigPath, { drainTimeMs: 0 }, clock);
    await router.until(() => router.count("End-of-RIB ipv6") === 1);
    const before = [...router.log];
    await server.stop();
    for (let second = 0; second < 3_600; second += 20) {
      manual.advance(20_000);
      await new Promise((resolve) => {
        setTimeout(resolve, 2);
      });
    }
    assert.deepEqual(router.log, before);
    assert.deepEqual(await get("/readyz"), { status: 200, text: "ok\n" });
    assert.match(
      (await get("/metrics")).text,
      /routelb_k8s_client_following\{resource="services"\} 0/,
    );
    applyService(server, "other", "172.16.7.201");
    applySlice(server, "other", true);
    server.objects.delete("services", "default/nginx");
    await server.start();
    const follows = router.untilRoutes("172.16.7.201/32");
    const ticking = setInterval(() => manual.advance(1_000), 5);
    await follows;
    clearInterval(ticking);
    assert.equal(router.count("open"), 1);
  },
);

test(
  "the first watch that finds the server again ends the pauses of the others",
  limits,
  async (t) => {
    const { clock, manual } = mixedClock();
    const { server, router, port, kubeconfigPath } = await setUp(t);
    accept(server, timelessConfig(port));
    const { lines } = await startSpeaker(t, kubeconfigPath, { drainTimeMs: 0 }, clock, {
      random: Math.random,
    });
    const told = (text: RegExp) => lines.filter(({ message }) => text.test(message)).length;
    const tickUntil = async (isSo: () => boolean, stepMs = 250) => {
      while (!isSo() && !t.signal.aborted) {
        manual.advance(stepMs);
        await new Promise((resolve) => {
          setTimeout(resolve, 2);
        });
      }
    };
    await router.until(() => router.count("End-of-RIB ipv6") === 1);
    await server.stop();
    await tickUntil(() => told(/cannot be followed/) >= 40);
    await server.start();
    await tickUntil(() => told(/followed again/) > 0);
    manual.advance(500);
    await tickUntil(() => told(/followed again/) >= 5, 0);
    assert.equal(told(/followed again/), 5);
  },
);
