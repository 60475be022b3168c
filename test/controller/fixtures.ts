import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import type { ControllerSnapshot } from "../../src/cluster/snapshot.ts";
import type { Config, PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import type { Allocation, Outcome } from "../../src/controller/outcome.ts";
import { parseRange } from "../../src/net/range.ts";

/** A pool of these ranges; everything else as in a file that says no more. */
export function pool(
  name: string,
  ranges: readonly string[],
  more: Partial<PoolConfig> = {},
): PoolConfig {
  return {
    name,
    ranges: ranges.map((text) => {
      const range = parseRange(text);
      if (range === undefined) {
        throw new Error(`${text} is no range`);
      }
      return range;
    }),
    avoidBuggyIps: false,
    autoAssign: true,
    sharing: "cluster",
    weights: false,
    serviceAnnotations: { communities: [] },
    advertisements: [],
    ...more,
  };
}

export function config(pools: readonly PoolConfig[], more: Partial<Config> = {}): Config {
  return { peers: [], pools, layer2Pools: [], ...more };
}

/** An IPv4 Service of type LoadBalancer; the n-th is n seconds old. */
export function service(name: string, more: Partial<Service> = {}): Service {
  const namespace = more.namespace ?? "default";
  const digits = /\d+$/.exec(name)?.[0] ?? "0";
  return {
    key: `${namespace}/${name}`,
    namespace,
    name,
    uid: `uid-${namespace}-${name}`,
    resourceVersion: "1",
    creationSeconds: 1_000 + Number(digits),
    deleting: false,
    labels: {},
    annotations: {},
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.1"],
    ipFamilies: ["ipv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    ports: ["TCP:80"],
    selectorText: `app=${name}`,
    ingress: [],
    conditions: [],
    ...more,
  };
}

/** A Service that asks by annotations. */
export function ask(
  name: string,
  annotations: Readonly<Record<string, string>>,
  more: Partial<Service> = {},
): Service {
  return service(name, { annotations, ...more });
}

/** What `service` gives, for both families. */
export function dualStack(name: string, more: Partial<Service> = {}): Service {
  return service(name, {
    clusterIPs: ["10.96.0.1", "fd00::1"],
    ipFamilies: ["ipv4", "ipv6"],
    ipFamilyPolicy: "PreferDualStack",
    ...more,
  });
}

export function withStatus(service: Service, ...ips: readonly string[]): Service {
  return { ...service, ingress: ips.map((ip) => ({ ip, ipMode: "VIP" })) };
}

export function snapshot(
  pools: readonly PoolConfig[] | Config,
  services: readonly Service[],
  more: Partial<ControllerSnapshot> = {},
): ControllerSnapshot {
  return {
    config: "pools" in pools ? pools : config(pools),
    loadBalancerClass: { isDefault: false },
    services: new Map(services.map((service) => [service.key, service])),
    namespaces: new Map(),
    ...more,
  };
}

/** `172.16.7.192` or `10.0.0.1,2001:db8::1`; a reason in parentheses where something is missing. */
export function summary(outcome: Outcome | undefined): string {
  switch (outcome?.type) {
    case "assigned": {
      const addresses = outcome.addresses.map(({ address }) => address.text).join(",");
      return outcome.shortfall === undefined
        ? addresses
        : `${addresses} (${outcome.shortfall.reason})`;
    }
    case "unassigned":
      return `${outcome.mustClear ? "cleared " : ""}(${outcome.shortfall.reason})`;
    case "untouched":
      return `untouched (${outcome.layer2Pool})`;
    case undefined:
      return "not ours";
  }
}

/** The summary of each Service, by name. */
export function summaries(allocation: Allocation): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...allocation.outcomes].map(([key, outcome]) => [
      key.replace(/^default\//, ""),
      summary(outcome),
    ]),
  );
}

/** A rule of allocation, shown by what Services get that nobody gave anything before. */
export interface Rule {
  readonly says: string;
  readonly pools: readonly PoolConfig[] | Config;
  readonly services: readonly Service[];
  /** By name of the Service, as in `summaries`. */
  readonly gives: Readonly<Record<string, string>>;
}

export function testRules(rules: readonly Rule[]): void {
  for (const { says, pools, services, gives } of rules) {
    test(says, () => {
      assert.deepEqual(summaries(allocate(snapshot(pools, services))), gives);
    });
  }
}
