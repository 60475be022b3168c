import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../../src/cluster/service.ts";
import type { PoolConfig } from "../../../src/config/model.ts";
import { allocate } from "../../../src/controller/allocate.ts";
import { ControllerMetrics } from "../../../src/controller/shell/metrics.ts";
import { MetricsRegistry } from "../../../src/runtime/metrics.ts";
import { dualStack, pool, service, snapshot, withStatus } from "../fixtures.ts";

/** What stands in `/metrics` of pools after a pass over these Services, and after one over none. */
async function poolMetrics(
  pools: readonly PoolConfig[],
  services: readonly Service[],
): Promise<readonly string[]> {
  const registry = new MetricsRegistry();
  const metrics = new ControllerMetrics(registry);
  metrics.showAllocation(allocate(snapshot([pool("gone", ["10.9.0.0/24"])], [])), [], 0);
  const allocation = allocate(snapshot(pools, services));
  metrics.showAllocation(allocation, allocation.outcomes.keys(), 0);
  return (await registry.text())
    .split("\n")
    .filter((line) => line.startsWith("routelb_allocator_"))
    .map((line) => line.replace("routelb_allocator_", ""))
    .toSorted();
}

test("size, use and what is free of each pool, of both families together and of each", async () => {
  const mixed = pool("mixed", ["10.0.0.0/30", "fd00::/126"]);
  const huge = pool("huge", ["fd01::/64"], { autoAssign: false });
  const services = [service("s1"), service("s2"), dualStack("s3")];
  assert.deepEqual(await poolMetrics([mixed, huge], services), [
    `addresses_free{pool="huge"} ${2 ** 64}`,
    'addresses_free{pool="mixed"} 4',
    'addresses_in_use_total{pool="huge"} 0',
    'addresses_in_use_total{pool="mixed"} 4',
    `addresses_total{pool="huge"} ${2 ** 64}`,
    'addresses_total{pool="mixed"} 8',
    'ipv4_addresses_free{pool="huge"} 0',
    'ipv4_addresses_free{pool="mixed"} 1',
    'ipv4_addresses_in_use_total{pool="huge"} 0',
    'ipv4_addresses_in_use_total{pool="mixed"} 3',
    'ipv4_addresses_total{pool="huge"} 0',
    'ipv4_addresses_total{pool="mixed"} 4',
    `ipv6_addresses_free{pool="huge"} ${2 ** 64}`,
    'ipv6_addresses_free{pool="mixed"} 3',
    'ipv6_addresses_in_use_total{pool="huge"} 0',
    'ipv6_addresses_in_use_total{pool="mixed"} 1',
    `ipv6_addresses_total{pool="huge"} ${2 ** 64}`,
    'ipv6_addresses_total{pool="mixed"} 4',
  ]);
});

test("an avoided address that a Service of others has is neither used nor missing", async () => {
  const avoiding = pool("p", ["10.0.0.0/31"], { avoidBuggyIps: true });
  const others = withStatus(service("s1", { loadBalancerClass: "other" }), "10.0.0.0");
  const lines = await poolMetrics([avoiding], [others]);
  assert.deepEqual(
    lines.filter((line) => line.startsWith("addresses_")),
    [
      'addresses_free{pool="p"} 1',
      'addresses_in_use_total{pool="p"} 0',
      'addresses_total{pool="p"} 1',
    ],
  );
});
