import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Service } from "../../src/cluster/service.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { type Allocation, nothingAllocated, type Outcome } from "../../src/controller/outcome.ts";
import { findStranded } from "../../src/controller/stranded.ts";
import { type AddressFamily, parseAddress } from "../../src/net/address.ts";
import { nthAddress, rangeSize } from "../../src/net/range.ts";
import { config, pool, service, snapshot, summary, withStatus } from "./fixtures.ts";

/*
 * A cluster of few Services and tiny pools, driven by random steps. The rules are told again here in
 * the plainest way, by looking at every address of every pool.
 */

interface World {
  readonly pools: readonly PoolConfig[];
  readonly services: ReadonlyMap<string, Service>;
  readonly allocation: Allocation;
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

const name = fc.constantFrom("s1", "s2", "s3", "s4", "s5", "s6");

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

type Step =
  | { readonly type: "put"; readonly name: string; readonly shape: Shape }
  | { readonly type: "delete"; readonly name: string }
  | { readonly type: "land"; readonly index: number }
  | { readonly type: "lose"; readonly index: number }
  | { readonly type: "restart" }
  | { readonly type: "pools"; readonly index: number; readonly mayRenumber: boolean }
  | { readonly type: "meddle"; readonly name: string; readonly ip: string };
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant("put" as const), name, shape }) },
  { weight: 2, arbitrary: fc.record({ type: fc.constant("delete" as const), name }) },
  { weight: 8, arbitrary: fc.record({ type: fc.constant("land" as const), index: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("lose" as const), index: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("pools" as const),
      index: fc.nat(poolChoices.length - 1),
      mayRenumber: fc.boolean(),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("meddle" as const),
      name,
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

function change(world: World, step: Step): World {
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
      const now = snapshot(world.pools, [...world.services.values()]);
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

function shown(service: Service, outcome: Outcome): Service {
  return outcome.type === "assigned"
    ? withStatus(service, ...outcome.addresses.map(({ address }) => address.text))
    : outcome.type === "unassigned" && outcome.mustClear
      ? withStatus(service)
      : service;
}

function pass(world: World): World {
  const services = [...world.services.values()];
  const allocation = allocate(snapshot(world.pools, services), world.allocation);
  const sent = services.flatMap((service) => {
    const outcome = allocation.outcomes.get(service.key);
    return outcome === undefined ? [] : [{ service, outcome }];
  });
  return { ...world, allocation, sent: [...world.sent, ...sent].slice(-20) };
}

/** Every address of the pool that may be given out. */
function usable(pool: PoolConfig, family: AddressFamily): readonly string[] {
  return pool.ranges
    .filter((range) => range.family === family)
    .flatMap((range) =>
      Array.from({ length: Number(rangeSize(range)) }, (_, n) => nthAddress(range, BigInt(n)).text),
    )
    .filter((text) => !(pool.avoidBuggyIps && /\.(?:0|255)$/.test(text)));
}

function usableAnywhere(world: World, ip: string): PoolConfig | undefined {
  const family = ip.includes(":") ? "ipv6" : "ipv4";
  return world.pools.find((pool) => usable(pool, family).includes(ip));
}

function mayShare(a: Service, b: Service, pool: PoolConfig): boolean {
  const keys = [a, b].map(({ annotations }) => annotations["routelb.io/allow-shared-ip"]);
  const selectors = [a, b].map((each) =>
    each.externalTrafficPolicy === "Local" ? each.selectorText : "",
  );
  return (
    keys[0] !== undefined &&
    keys[0] === keys[1] &&
    selectors[0] === selectors[1] &&
    a.ports.every((port) => !b.ports.includes(port)) &&
    (pool.sharing === "cluster" || a.namespace === b.namespace)
  );
}

function given(allocation: Allocation, service: Service): readonly string[] {
  const outcome = allocation.outcomes.get(service.key);
  return outcome?.type === "assigned" && outcome.uid === service.uid
    ? outcome.addresses.map(({ address }) => address.text)
    : [];
}

function inStatus(service: Service): readonly string[] {
  return service.ingress.flatMap(({ ip }) => ip ?? []);
}

/** Who else has the address, in status or by decision, now or in the pass before. */
function others(world: World, before: Allocation, service: Service, ip: string): Service[] {
  return [...world.services.values()].filter(
    (other) =>
      other !== service &&
      [...given(world.allocation, other), ...given(before, other), ...inStatus(other)].includes(ip),
  );
}

function wanted(service: Service): readonly AddressFamily[] {
  return service.ipFamilyPolicy === "SingleStack"
    ? service.ipFamilies.slice(0, 1)
    : service.ipFamilies;
}

/** The pools that the Service may get an address from without asking for the address. */
function mayUse(world: World, service: Service): readonly PoolConfig[] {
  const asked = service.annotations["routelb.io/address-pool"];
  return world.pools.filter((pool) => {
    const namespaces = pool.serviceAllocation?.namespaces ?? [];
    const isAdmitted = namespaces.length === 0 || namespaces.includes(service.namespace);
    return isAdmitted && (asked === undefined ? pool.autoAssign : pool.name === asked);
  });
}

function check(world: World, before: Allocation): void {
  const services = [...world.services.values()];
  for (const one of services) {
    const outcome = world.allocation.outcomes.get(one.key);
    assert.ok(outcome !== undefined, "every Service has an outcome");
    const ips = given(world.allocation, one);
    for (const ip of ips) {
      const from = usableAnywhere(world, ip);
      assert.ok(from !== undefined, `${ip} is an address that a pool may give out`);
      for (const two of services.filter((other) => other !== one)) {
        const isTwice = given(world.allocation, two).includes(ip);
        assert.ok(!isTwice || mayShare(one, two, from), `${ip} is held twice without sharing`);
        const isNew = !inStatus(one).includes(ip) && !given(before, one).includes(ip);
        const isShown = inStatus(two).includes(ip);
        assert.ok(!isNew || !isShown || mayShare(one, two, from), `${ip} was not free yet`);
      }
      const families = ips.map((text) => (text.includes(":") ? "ipv6" : "ipv4"));
      assert.equal(new Set(families).size, families.length, "one address per family");
    }
    checkKept(world, before, one, ips);
    checkAllowed(world, before, one, ips);
    checkNotWaiting(world, before, one, outcome);
  }
}

/** What a Service has or was given stays, unless it asks for another or somebody else has it too. */
function checkKept(world: World, before: Allocation, one: Service, ips: readonly string[]): void {
  const asks = ["routelb.io/loadBalancerIPs", "routelb.io/address-pool"];
  if (asks.some((annotation) => annotation in one.annotations)) {
    return;
  }
  for (const family of wanted(one)) {
    const first = [...inStatus(one), ...given(before, one)].find(
      (ip) => parseAddress(ip)?.family === family && usableAnywhere(world, ip) !== undefined,
    );
    if (first !== undefined && others(world, before, one, first).length === 0) {
      assert.ok(ips.includes(first), `${first} was given up without cause`);
    }
  }
}

/** What is new comes from a pool that the Service may use; RequireDualStack gets both at once. */
function checkAllowed(
  world: World,
  before: Allocation,
  one: Service,
  ips: readonly string[],
): void {
  const had = [...inStatus(one), ...given(before, one)];
  const asked = one.annotations["routelb.io/loadBalancerIPs"];
  const isAskedPool = ({ name }: PoolConfig) =>
    asked !== undefined && name === usableAnywhere(world, asked)?.name;
  for (const ip of ips.filter((each) => !had.includes(each))) {
    const from = usableAnywhere(world, ip);
    const pools = [...mayUse(world, one), ...world.pools.filter(isAskedPool)];
    assert.ok(from !== undefined && pools.includes(from), `${ip} is not for ${one.key}`);
  }
  if (one.ipFamilyPolicy === "RequireDualStack" && had.length === 0) {
    assert.notEqual(ips.length, 1, "RequireDualStack gets both or nothing");
  }
}

/** Nobody waits while an address that it may have is free. */
function checkNotWaiting(world: World, before: Allocation, one: Service, outcome: Outcome): void {
  if (outcome.type !== "unassigned") {
    return;
  }
  const asked = one.annotations["routelb.io/loadBalancerIPs"];
  const couldHave = wanted(one).filter((family) =>
    mayUse(world, one).some((pool) =>
      usable(pool, family).some((ip) =>
        others(world, before, one, ip).every((other) => mayShare(one, other, pool)),
      ),
    ),
  );
  const isEnough =
    one.ipFamilyPolicy === "RequireDualStack"
      ? couldHave.length === wanted(one).length
      : couldHave.length > 0;
  assert.ok(asked !== undefined || !isEnough, `${one.key} waits for nothing`);
}

const steps = fc.array(anyStep, { minLength: 1, maxLength: 40 });
const start = fc.constantFrom(...poolChoices).map(
  (pools): World => ({
    pools,
    services: new Map(),
    allocation: nothingAllocated,
    sent: [],
    made: 0,
  }),
);

test("no sequence of changes, lost writes and restarts breaks a rule", () => {
  fc.assert(
    fc.property(start, steps, (first, sequence) => {
      let world = first;
      for (const step of sequence) {
        const before = world.allocation;
        const changed = change(world, step);
        world = pass(changed);
        check(world, changed.allocation === nothingAllocated ? nothingAllocated : before);
      }
    }),
    { numRuns: 400 },
  );
});

test("the order of Services does not matter, and without a change nothing more changes", () => {
  fc.assert(
    fc.property(start, steps, (first, sequence) => {
      const world = sequence.reduce((before, step) => pass(change(before, step)), first);
      const services = [...world.services.values()];
      const allGiven = (allocation: Allocation) => services.map((each) => given(allocation, each));
      const again = allocate(snapshot(world.pools, services), world.allocation);
      const reversed = allocate(snapshot(world.pools, services.toReversed()), world.allocation);
      assert.deepEqual(allGiven(reversed), allGiven(again));
      // What was promised and is no longer wanted is free from the pass after on.
      const onceMore = allocate(snapshot(world.pools, services), again);
      assert.deepEqual(allGiven(onceMore), allGiven(again));
    }),
    { numRuns: 200 },
  );
});

test("once all writes land, the status of every Service obeys the rules and stays as it is", () => {
  fc.assert(
    fc.property(start, steps, (first, sequence) => {
      let world = sequence.reduce((before, step) => pass(change(before, step)), first);
      for (let round = 0; round < 12; round += 1) {
        const services = new Map<string, Service>();
        for (const each of world.services.values()) {
          const outcome = world.allocation.outcomes.get(each.key);
          services.set(each.key, outcome === undefined ? each : shown(each, outcome));
        }
        world = pass({ ...world, services });
      }
      const settled = [...world.services.values()];
      const restarted = allocate(snapshot(world.pools, settled));
      for (const each of settled) {
        const outcome = world.allocation.outcomes.get(each.key);
        assert.equal(summary(restarted.outcomes.get(each.key)), summary(outcome));
        assert.deepEqual(outcome === undefined ? [] : shown(each, outcome).ingress, each.ingress);
      }
    }),
    { numRuns: 200 },
  );
});
