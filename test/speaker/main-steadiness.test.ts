import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { Fault, FaultAction } from "../../lab/kube/faults.ts";
import type { ApiServer } from "../../lab/kube/server.ts";
import type { Clock } from "../../src/runtime/clock.ts";
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
const names = Array.from({ length: 20 }, (_, index) => `service-${index}`);

/** A speaker with 20 Services and more, all advertised over a session that needs no Keepalives. */
async function advertising(t: TestContext, clock?: Clock) {
  const set = await setUp(t);
  accept(set.server, configText(set.port).replace("name: router", "name: router, hold-time: 0s"));
  for (const [index, name] of names.entries()) {
    applyService(set.server, name, `172.16.7.${200 + index}`);
    applySlice(set.server, name, true);
  }
  const options = { drainTimeMs: 0, withdrawShare: 0.5 };
  const speaker = await startSpeaker(t, set.kubeconfigPath, options, clock);
  await set.router.until(() => set.router.count("End-of-RIB ipv6") === 1);
  assert.equal(set.router.routes.size, 21);
  return { ...set, ...speaker };
}

/** What can become of an API server and of what it says, though nothing was asked of the cluster. */
const troubles: Readonly<Record<string, (server: ApiServer) => Promise<void> | Fault[] | void>> = {
  "all watches end": ({ watches }) => watches.cut("end"),
  "all connections are reset": ({ watches }) => watches.cut("reset"),
  "all watches break in the middle of a line": ({ watches }) => watches.cut("half-line"),
  "it restarts": async (server) => {
    await server.stop();
    await server.start();
  },
  "it was compacted while nobody was told of changes": (server) => {
    server.watches.silence();
    applyService(server, "unseen", "172.16.7.240");
    server.objects.delete("services", "default/unseen");
    server.compact();
    server.watches.cut("reset");
  },
  "it sends 410 in the stream": ({ watches }) =>
    watches.fail({ kind: "Status", status: "Failure", code: 410, reason: "Expired" }),
  "it is slow": ({ faults, watches }) => {
    const slow: FaultAction = { type: "delay", delayMs: 700 };
    const fault = faults.add({ userAgentPrefix: "routelb" }, slow, 12);
    watches.cut("reset");
    return [fault];
  },
  "it is overloaded": (server) => {
    const busy: FaultAction = { type: "answer", code: 429, retryAfterSeconds: 1 };
    const lists = server.faults.add({ verb: "list" }, busy, 3);
    const watches = server.faults.add({ verb: "watch" }, { type: "answer", code: 503 }, 4);
    server.compact();
    server.watches.cut("end");
    return [lists, watches];
  },
  "it forgets who we are": (server) => {
    const unknown: FaultAction = { type: "answer", code: 401 };
    const fault = server.faults.add({ userAgentPrefix: "routelb" }, unknown, 6);
    server.watches.cut("reset");
    return [fault];
  },
  "it answers lists with half of them": (server) => {
    const text = '{"kind":"ServiceList","metadata":{"resourceVersion":"9"},"items":[{"metadata":{';
    const matcher = { verb: "list", resource: "services" } as const;
    const fault = server.faults.add(matcher, { type: "broken-text", text }, 2);
    server.compact();
    server.watches.cut("reset");
    return [fault];
  },
};

for (const [trouble, befall] of Object.entries(troubles)) {
  test(
    `the API server: ${trouble}; no route changes, and what is new follows`,
    limits,
    async (t) => {
      const { server, router } = await advertising(t);
      const before = [...router.log];
      const faults = (await befall(server)) ?? [];
      applyService(server, "new", "172.16.7.250");
      applySlice(server, "new", true);
      await router.until(() => router.routes.has("172.16.7.250/32"));
      assert.deepEqual(router.log, [...before, "+172.16.7.250/32"]);
      assert.ok(faults.every(({ hits }) => hits > 0));
    },
  );
}

for (const resource of ["services", "endpointslices"]) {
  test(
    `a broken cache lists no ${resource}: held until another list shows them`,
    limits,
    async (t) => {
      const { clock, manual } = mixedClock();
      const { server, router, get } = await advertising(t, clock);
      const before = [...router.log];
      const lie = server.faults.add({ verb: "list", resource }, { type: "empty-list" }, 1);
      server.compact();
      server.watches.cut("reset", { resource });
      const ticking = setInterval(() => manual.advance(100), 5);
      t.after(() => clearInterval(ticking));
      const held = async () =>
        Number(/^routelb_speaker_held_withdrawals (\d+)$/m.exec((await get("/metrics")).text)?.[1]);
      while ((await held()) !== 21) await new Promise(setImmediate);
      assert.equal(lie.hits, 1);
      // What the cluster says meanwhile of what is held, and that it was heard.
      applySlice(server, "service-0", true, { touched: "yes" });
      applyService(server, "new", "172.16.7.250");
      applySlice(server, "new", true);
      await router.until(() => router.routes.has("172.16.7.250/32"));
      // The truth comes with the next list, as after a watch from a version that is gone.
      server.compact();
      server.watches.cut("reset", { resource });
      while ((await held()) !== 0) await new Promise(setImmediate);
      assert.deepEqual(router.log, [...before, "+172.16.7.250/32"]);
    },
  );
}
