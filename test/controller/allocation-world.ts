import fc from "fast-check";
import type { Service } from "../../src/cluster/service.ts";
import type { AddressWrite } from "../../src/cluster/snapshot.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { type Allocation, nothingAllocated, type Outcome } from "../../src/controller/outcome.ts";
import { findStranded } from "../../src/controller/stranded.ts";
import type { AddressFamily } from "../../src/net/address.ts";
import { config, pool, service, snapshot, withStatus } from "./fixtures.ts";

/** A cluster of few Services and tiny pools, driven by random steps. */
export interface World {
  readonly pools: readonly PoolConfig[];
  readonly services: ReadonlyMap<string, Service>;
  readonly allocation: Allocation;
  /** What the controller knows of its writes that may still reach a status. */
  readonly underWay: readonly AddressWrite[];
  /** Writes that were sent, each for the Service as it was then. */
  readonly sent: readonly { readonly service: Service; readonly outcome: Outcome }[];
  /** How many Services there have been: a deleted one that comes back has another UID. */
  readonly made: number;
}

const poolChoices: readonly (readonly PoolConfig[])[] = [
  [pool("a", ["10.0.0.0/30"]), pool("b", ["10.0.1.0/31", "fd00::/127"])],
  [pool("b", ["10.0.1.0/31", "fd00::/127"]), pool("a", ["10.0.0.0/30"])],
  [pool("a", ["10.0.0.0-10.0.0.1"]), pool("b", ["10.0.1.0/31", "fd00::/127"])],
  [pool("a", ["10.0.0.0/30"], { avoidBuggyIps: true }), pool("c", ["10.0.1.0/31", "fd00::/127"])],
  [pool("a", ["10.0.0.0/30"], { sharing: "namespace" }), pool("b", ["fd00::/127"])],
  [
    pool("a", ["10.0.0.0/30"], { autoAssign: false }),
    pool("b", ["10.0.1.0/31", "fd00::/127"], {
      serviceAllocation: {
        priority: 1,
        namespaces: ["x"],
        namespaceSelectors: [],
        serviceSelectors: [],
      },
    }),
  ],
];

export const serviceName = fc.constantFrom("s1", "s2", "s3", "s4", "s5", "s6");

const shape = fc.record({
  ports: fc.constantFrom(["TCP:80"], ["TCP:443"], ["TCP:443", "TCP:80"]),
  externalTrafficPolicy: fc.constantFrom("Cluster" as const, "Local" as const),
  selectorText: fc.constantFrom("app=a", "app=b"),
  annotations: fc.record(
    {
      "routelb.io/allow-shared-ip": fc.constantFrom("k", "l"),
      "routelb.io/address-pool": fc.constantFrom("a", "b"),
      "routelb.io/loadBalancerIPs": fc.constantFrom("10.0.0.1", "10.0.1.0", "fd00::1", "192.0.2.1"),
    },
    { requiredKeys: [] },
  ),
  families: fc.constantFrom<readonly [readonly AddressFamily[], Service["ipFamilyPolicy"]]>(
    [["ipv4"], "SingleStack"],
    [["ipv4", "ipv6"], "PreferDualStack"],
    [["ipv6", "ipv4"], "RequireDualStack"],
  ),
});

export type Step =
  | PutStep
  | { readonly type: "delete"; readonly name: string }
  | { readonly type: "land"; readonly index: number }
  | { readonly type: "lose"; readonly index: number }
  | { readonly type: "restart" }
  | PoolsStep
  | { readonly type: "meddle"; readonly name: string; readonly ip: string };
export interface PutStep {
  readonly type: "put";
  readonly name: string;
  readonly shape: Shape;
}
export interface PoolsStep {
  readonly type: "pools";
  readonly index: number;
  readonly mayRenumber: boolean;
}
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

export const anyPut: fc.Arbitrary<PutStep> = fc.record({
  type: fc.constant("put"),
  name: serviceName,
  shape,
});

export const anyPools: fc.Arbitrary<PoolsStep> = fc.record({
  type: fc.constant("pools" as const),
  index: fc.nat(poolChoices.length - 1),
  mayRenumber: fc.boolean(),
});

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: anyPut },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("delete" as const), name: serviceName }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("land" as const), index: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("lose" as const), index: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
  { weight: 1, arbitrary: anyPools },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("meddle" as const),
      name: serviceName,
      ip: fc.constantFrom("", "10.0.0.1", "10.0.0.2", "192.0.2.9"),
    }),
  },
);

function makeService(
  serviceName: string,
  { families, ...more }: Shape,
  before: Service | undefined,
  number: number,
): Service {
  const [ipFamilies, ipFamilyPolicy] = families;
  return service(serviceName, {
    ...more,
    namespace: namespaceOf(serviceName),
    ipFamilies,
    ipFamilyPolicy,
    ingress: before?.ingress ?? [],
    uid: before?.uid ?? `uid-${number}`,
  });
}

function namespaceOf(serviceName: string): string {
  return serviceName < "s4" ? "x" : "y";
}

function keyOf(serviceName: string): string {
  return `${namespaceOf(serviceName)}/${serviceName}`;
}

export function change(world: World, step: Step): World {
  const services = new Map(world.services);
  switch (step.type) {
    case "put": {
      const before = services.get(keyOf(step.name));
      services.set(keyOf(step.name), makeService(step.name, step.shape, before, world.made));
      return { ...world, services, made: world.made + 1 };
    }
    case "delete":
      services.delete(keyOf(step.name));
      return { ...world, services };
    case "land": {
      const write = world.sent[step.index % Math.max(world.sent.length, 1)];
      const sent = world.sent.filter((other) => other !== write);
      // The write carries the resourceVersion of the Service that was decided about.
      if (write !== undefined && services.get(write.service.key) === write.service) {
        services.set(write.service.key, shown(write.service, write.outcome));
      }
      return { ...world, services, sent };
    }
    case "lose":
      return { ...world, sent: world.sent.filter((_, index) => index !== step.index) };
    case "restart":
      return { ...world, allocation: nothingAllocated };
    case "pools": {
      const pools = poolChoices[step.index] ?? [];
      const { underWay } = world;
      const now = snapshot(world.pools, [...world.services.values()], { underWay });
      const isRefused = findStranded(now, world.allocation, config(pools)).length > 0;
      return isRefused && !step.mayRenumber ? world : { ...world, pools };
    }
    case "meddle": {
      const found = services.get(keyOf(step.name));
      if (found !== undefined) {
        const ips = step.ip === "" ? [] : [step.ip];
        services.set(found.key, withStatus(found, ...ips));
      }
      return { ...world, services };
    }
  }
}

export function shown(service: Service, outcome: Outcome): Service {
  return outcome.type === "assigned"
    ? withStatus(service, ...outcome.addresses.map(({ address }) => address.text))
    : outcome.type === "unassigned" && outcome.mustClear
      ? withStatus(service)
      : service;
}

export function pass(world: World): World {
  const services = [...world.services.values()];
  const { pools, underWay } = world;
  const allocation = allocate(snapshot(pools, services, { underWay }), world.allocation);
  const sent = services.flatMap((service) => {
    const outcome = allocation.outcomes.get(service.key);
    return outcome === undefined ? [] : [{ service, outcome }];
  });
  return { ...world, allocation, sent: [...world.sent, ...sent].slice(-20) };
}

/** Without `size` fast-check makes ten at most. */
export const steps = fc.array(anyStep, { minLength: 1, maxLength: 40, size: "max" });
export const start = fc.constantFrom(...poolChoices).map(
  (pools): World => ({
    pools,
    services: new Map(),
    allocation: nothingAllocated,
    underWay: [],
    sent: [],
    made: 0,
  }),
);
