import assert from "node:assert/strict";
import { formatSeconds } from "../../lab/sights/sight.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Claim } from "./claim.ts";
import { residentMemory } from "./memory.ts";
import {
  addPool,
  completeRoutes,
  forEachOf,
  makeService,
  serviceAddresses,
  serviceObject,
} from "./services.ts";

const services = "/api/v1/namespaces/default/services";

export const medianUnderASecond: Claim = {
  title: "a Service reaches the router's kernel in well under a second (median of 20)",
  async see(cluster) {
    const took: number[] = [];
    for (let number = 0; number < 20; number += 1) {
      const name = `timed-${number}`;
      const { address, createdMs } = await makeService(cluster, name);
      await waitFor(async () => (await completeRoutes(cluster)).has(address) || undefined, {
        what: `${address} in the kernel`,
        timeoutMs: 20_000,
        intervalMs: 10,
      });
      took.push(performance.now() - createdMs);
      await cluster.lab.api.remove(`${services}/${name}`);
    }
    const sorted = took.toSorted((a, b) => a - b);
    const [median = 0, longest = 0] = [sorted[10], sorted[19]];
    assert.ok(median < 1_000, `median ${formatSeconds(median)}`);
    const memory = await residentMemory(cluster);
    return `median ${formatSeconds(median)}, longest ${formatSeconds(longest)}; ${memory}`;
  },
};

export const thousandServices: Claim = {
  title: "1,000 Services: an address of its own and a route with three next hops for each",
  async see(cluster) {
    const names = Array.from({ length: 1_000 }, (_, index) => `many-${index}`);
    await addPool(cluster, "many", "10.50.0.0/22");
    const startMs = performance.now();
    await forEachOf(names, 8, (name) =>
      cluster.lab.api.create(
        services,
        serviceObject(name, { allocateLoadBalancerNodePorts: false }),
      ),
    );
    const createdMs = performance.now();
    const addresses = await waitFor(
      async () => {
        const known = await serviceAddresses(cluster);
        return names.every((name) => known.has(name)) ? known : undefined;
      },
      { what: "1,000 addresses", timeoutMs: 180_000, intervalMs: 500 },
    );
    assert.equal(new Set(addresses.values()).size, addresses.size, "an address was given twice");
    await waitFor(
      async () => {
        const routes = await completeRoutes(cluster);
        return names.every((name) => routes.has(addresses.get(name) ?? "")) || undefined;
      },
      { what: "1,000 routes with three next hops", timeoutMs: 180_000, intervalMs: 500 },
    );
    const routedMs = performance.now();
    const memory = await residentMemory(cluster);
    await forEachOf(names, 8, (name) => cluster.lab.api.remove(`${services}/${name}`));
    await waitFor(
      async () => {
        const routes = await completeRoutes(cluster);
        return names.every((name) => !routes.has(addresses.get(name) ?? "")) || undefined;
      },
      { what: "all of them withdrawn", timeoutMs: 180_000, intervalMs: 500 },
    );
    return (
      `created in ${formatSeconds(createdMs - startMs)}, all routed ` +
      `${formatSeconds(routedMs - createdMs)} later; deleted and withdrawn again; ${memory}`
    );
  },
};
