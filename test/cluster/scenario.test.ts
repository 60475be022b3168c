import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { linkCut } from "../../lab/sights/cut.ts";
import { nodeHalted } from "../../lab/sights/halt.ts";
import { localPolicy } from "../../lab/sights/local.ts";
import { requestsSpread, routerHasRoute, serviceHasAddress } from "../../lab/sights/service.ts";
import { formatSeconds } from "../../lab/sights/sight.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import { Cluster } from "./cluster.ts";
import { cutFromApiServer, failures, followers, noRouteChangesDuring } from "./faults.ts";
import { residentMemory } from "./memory.ts";
import { formatRequests, ourRequests } from "./our-requests.ts";
import {
  addPool,
  completeRoutes,
  forEachOf,
  makeService,
  serviceAddresses,
  serviceObject,
} from "./services.ts";

const services = "/api/v1/namespaces/default/services";
let started: Cluster | undefined;

function cluster(): Cluster {
  assert.ok(started, "the cluster did not start");
  return started;
}

before(async () => {
  started = await Cluster.start({ id: "cluster", proxyMode: "nftables" });
});

after(() => started?.[Symbol.asyncDispose]());

for (const sight of [
  serviceHasAddress,
  routerHasRoute,
  requestsSpread,
  nodeHalted,
  linkCut,
  localPolicy,
]) {
  test(sight.title, (context) => cluster().see(sight, context));
}

test("an API server that restarts after changes has forgotten where our watches were", (context) =>
  cluster().look(context, () =>
    noRouteChangesDuring(cluster(), "after-restart", async () => {
      const those = await followers(cluster());
      const old = await failures(those, "expired");
      const restore = await cutFromApiServer(cluster(), "reset");
      await cluster().lab.api.create(services, serviceObject("unseen", { type: "ClusterIP" }));
      await cluster().lab.api.remove(`${services}/unseen`);
      await cluster().kube.controlPlane.stopApiServer();
      await cluster().kube.controlPlane.startApiServer();
      await restore();
      for (const { name } of those) {
        await waitFor(
          async () => {
            const now = await failures(those, "expired");
            return (now.get(name) ?? 0) > (old.get(name) ?? 0) || undefined;
          },
          { what: `410 for a watch of the ${name}`, timeoutMs: 60_000, intervalMs: 500 },
        );
      }
      return "410 seen by controllers and speakers";
    }),
  ));

test("tokens that are refused are replaced when the kubelet has new ones", (context) =>
  cluster().look(context, () =>
    noRouteChangesDuring(cluster(), "after-rotation", async () => {
      const { lab } = cluster();
      const those = await followers(cluster());
      const old = await failures(those, "unauthorized");
      // An account that is made anew is another: what the old one signed in with is worth nothing.
      const accounts = ["-n", "routelb-system", "serviceaccount"];
      await lab.kubectl.run("delete", ...accounts, "controller", "speaker");
      for (const name of ["controller", "speaker"]) {
        await lab.kubectl.run("create", ...accounts, name);
      }
      try {
        await waitFor(
          async () => {
            // The server believes for 10 s more what it was shown: who comes back sooner must again.
            const restore = await cutFromApiServer(cluster(), "reset");
            await restore();
            await pause(3_000);
            const now = await failures(those, "unauthorized");
            const isRefused = (name: string) => (now.get(name) ?? 0) > (old.get(name) ?? 0);
            return those.every(({ name }) => isRefused(name)) || undefined;
          },
          { what: "401 for controllers and speakers", timeoutMs: 120_000, intervalMs: 2_000 },
        );
      } finally {
        lab.renewTokens();
      }
      return "401 seen by controllers and speakers, then new tokens";
    }),
  ));

test("all connections to the API server are reset, and for 5 s every new one", (context) =>
  cluster().look(context, () =>
    noRouteChangesDuring(cluster(), "after-reset", async () => {
      const restore = await cutFromApiServer(cluster(), "reset");
      await pause(5_000);
      await restore();
      return "cut for 5 s";
    }),
  ));

test("the API server forgets all connections, and nobody is told", (context) =>
  cluster().look(context, () =>
    noRouteChangesDuring(cluster(), "after-silence", async () => {
      const restore = await cutFromApiServer(cluster(), "silence");
      await restore();
      return "half-open connections";
    }),
  ));

test("a Service reaches the router's kernel in well under a second (median of 20)", (context) =>
  cluster().look(context, async () => {
    const took: number[] = [];
    for (let number = 0; number < 20; number += 1) {
      const name = `timed-${number}`;
      const { address, createdMs } = await makeService(cluster(), name);
      await waitFor(async () => (await completeRoutes(cluster())).has(address) || undefined, {
        what: `${address} in the kernel`,
        timeoutMs: 20_000,
        intervalMs: 10,
      });
      took.push(performance.now() - createdMs);
      await cluster().lab.api.remove(`${services}/${name}`);
    }
    const sorted = took.toSorted((a, b) => a - b);
    const [median = 0, longest = 0] = [sorted[10], sorted[19]];
    assert.ok(median < 1_000, `median ${formatSeconds(median)}`);
    const memory = await residentMemory(cluster());
    return `median ${formatSeconds(median)}, longest ${formatSeconds(longest)}; ${memory}`;
  }));

test("1,000 Services: an address of its own and a route with three next hops for each", (context) =>
  cluster().look(context, async () => {
    const names = Array.from({ length: 1_000 }, (_, index) => `many-${index}`);
    await addPool(cluster(), "many", "10.50.0.0/22");
    const startMs = performance.now();
    await forEachOf(names, 8, (name) =>
      cluster().lab.api.create(
        services,
        serviceObject(name, { allocateLoadBalancerNodePorts: false }),
      ),
    );
    const createdMs = performance.now();
    const addresses = await waitFor(
      async () => {
        const known = await serviceAddresses(cluster());
        return names.every((name) => known.has(name)) ? known : undefined;
      },
      { what: "1,000 addresses", timeoutMs: 180_000, intervalMs: 500 },
    );
    assert.equal(new Set(addresses.values()).size, addresses.size, "an address was given twice");
    await waitFor(
      async () => {
        const routes = await completeRoutes(cluster());
        return names.every((name) => routes.has(addresses.get(name) ?? "")) || undefined;
      },
      { what: "1,000 routes with three next hops", timeoutMs: 180_000, intervalMs: 500 },
    );
    const routedMs = performance.now();
    const memory = await residentMemory(cluster());
    await forEachOf(names, 8, (name) => cluster().lab.api.remove(`${services}/${name}`));
    await waitFor(
      async () => {
        const routes = await completeRoutes(cluster());
        return names.every((name) => !routes.has(addresses.get(name) ?? "")) || undefined;
      },
      { what: "all of them withdrawn", timeoutMs: 180_000, intervalMs: 500 },
    );
    return (
      `created in ${formatSeconds(createdMs - startMs)}, all routed ` +
      `${formatSeconds(routedMs - createdMs)} later; deleted and withdrawn again; ${memory}`
    );
  }));

test("the API server refused none of our requests", (context) =>
  cluster().look(context, async () => formatRequests(await ourRequests(cluster()))));
