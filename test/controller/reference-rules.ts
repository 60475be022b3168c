import assert from "node:assert/strict";
import type { Service } from "../../src/cluster/service.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import type { Allocation } from "../../src/controller/outcome.ts";
import { type AddressFamily, parseAddress } from "../../src/net/address.ts";
import { nthAddress, rangeSize } from "../../src/net/range.ts";
import type { World } from "./allocation-world.ts";

/*
 * The rules of allocation, told again in the plainest way, by looking at every address of every pool.
 */

/** Every address of the pool that may be given out. */
function usable(pool: PoolConfig, family: AddressFamily): readonly string[] {
  return pool.ranges
    .filter((range) => range.family === family)
    .flatMap((range) =>
      Array.from({ length: Number(rangeSize(range)) }, (_, n) => nthAddress(range, BigInt(n)).text),
    )
    .filter((text) => !(pool.avoidBuggyIps && /\.(?:0|255)$/.test(text)));
}

export function usableAnywhere(world: World, ip: string): PoolConfig | undefined {
  const family = ip.includes(":") ? "ipv6" : "ipv4";
  return world.pools.find((pool) => usable(pool, family).includes(ip));
}

export function mayShare(a: Service, b: Service, pool: PoolConfig): boolean {
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

export function given(allocation: Allocation, service: Service): readonly string[] {
  const outcome = allocation.outcomes.get(service.key);
  return outcome?.type === "assigned" && outcome.uid === service.uid
    ? outcome.addresses.map(({ address }) => address.text)
    : [];
}

export function inStatus(service: Service): readonly string[] {
  return service.ingress.flatMap(({ ip }) => ip ?? []);
}

/** The Services that may still get the address by a write, as they were decided about. */
function mayStillGet(world: World, ip: string): readonly Service[] {
  return world.underWay
    .filter(({ addresses }) => addresses.some(({ text }) => text === ip))
    .map(({ service }) => service);
}

/** Who else has the address, in status, by a write, or by decision now or in the pass before. */
function others(
  world: World,
  before: Allocation,
  service: Service,
  ip: string,
): readonly Service[] {
  const have = [...world.services.values()].filter(
    (other) =>
      other !== service &&
      [...given(world.allocation, other), ...given(before, other), ...inStatus(other)].includes(ip),
  );
  return [...have, ...mayStillGet(world, ip).filter(({ key }) => key !== service.key)];
}

function wanted(service: Service): readonly AddressFamily[] {
  return service.ipFamilyPolicy === "SingleStack"
    ? service.ipFamilies.slice(0, 1)
    : service.ipFamilies;
}

function admitting(world: World, service: Service): readonly PoolConfig[] {
  return world.pools.filter((pool) => {
    const namespaces = pool.serviceAllocation?.namespaces ?? [];
    return namespaces.length === 0 || namespaces.includes(service.namespace);
  });
}

/** The pools that the Service may get an address from without asking for the address. */
function mayUse(world: World, service: Service): readonly PoolConfig[] {
  const asked = service.annotations["routelb.io/address-pool"];
  return admitting(world, service).filter((pool) =>
    asked === undefined ? pool.autoAssign : pool.name === asked,
  );
}

/** The pool that may give the Service the address that it asks for, if there is one. */
function mayAskFor(world: World, service: Service, ip: string): readonly PoolConfig[] {
  const asked = service.annotations["routelb.io/address-pool"];
  const from = usableAnywhere(world, ip);
  return admitting(world, service).filter(
    (pool) => pool.name === from?.name && (asked === undefined || asked === pool.name),
  );
}

function hasOrHad(world: World, before: Allocation, one: Service): readonly string[] {
  const written = world.underWay
    .filter(({ service }) => service === one)
    .flatMap(({ addresses }) => addresses.map(({ text }) => text));
  return [...inStatus(one), ...given(before, one), ...written];
}

/** Judges what was decided about the world after the decision `before`. */
export function check(world: World, before: Allocation): void {
  const services = [...world.services.values()];
  for (const one of services) {
    const outcome = world.allocation.outcomes.get(one.key);
    assert.ok(outcome !== undefined, "every Service has an outcome");
    const ips = given(world.allocation, one);
    for (const ip of ips) {
      const from = usableAnywhere(world, ip);
      assert.ok(from !== undefined, `${ip} is an address that a pool may give out`);
      const isNew = !hasOrHad(world, before, one).includes(ip);
      for (const two of services.filter((other) => other !== one)) {
        const isTwice = given(world.allocation, two).includes(ip);
        assert.ok(!isTwice || mayShare(one, two, from), `${ip} is held twice without sharing`);
        const isShown = inStatus(two).includes(ip);
        assert.ok(!isNew || !isShown || mayShare(one, two, from), `${ip} was not free yet`);
      }
      for (const two of mayStillGet(world, ip).filter(({ key }) => key !== one.key)) {
        assert.ok(!isNew || mayShare(one, two, from), `${ip} may yet be written to another`);
      }
      const families = ips.map((text) => (text.includes(":") ? "ipv6" : "ipv4"));
      assert.equal(new Set(families).size, families.length, "one address per family");
    }
    checkKept(world, before, one, ips);
    checkAllowed(world, before, one, ips);
    checkNotWaiting(world, before, one, ips);
  }
}

/** What a Service has or was given stays, unless it gets what it asks for or somebody else has it too. */
function checkKept(world: World, before: Allocation, one: Service, ips: readonly string[]): void {
  const asked = one.annotations["routelb.io/loadBalancerIPs"];
  const pool = one.annotations["routelb.io/address-pool"];
  for (const family of wanted(one)) {
    const isOfFamily = (ip: string) => parseAddress(ip)?.family === family;
    const first = hasOrHad(world, before, one).find(
      (ip) => isOfFamily(ip) && usableAnywhere(world, ip) !== undefined,
    );
    if (first !== undefined && others(world, before, one, first).length === 0) {
      const asks = (asked !== undefined && isOfFamily(asked)) || pool !== undefined;
      const isAskedFor = (ip: string) =>
        (asked === undefined || !isOfFamily(asked) || ip === asked) &&
        (pool === undefined || usableAnywhere(world, ip)?.name === pool);
      assert.ok(
        ips.includes(first) || (asks && ips.some((ip) => isOfFamily(ip) && isAskedFor(ip))),
        `${first} was given up without cause`,
      );
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
  const had = hasOrHad(world, before, one);
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

/** Nobody waits while an address that it may have is free, the requested one first of all. */
function checkNotWaiting(
  world: World,
  before: Allocation,
  one: Service,
  ips: readonly string[],
): void {
  const asked = one.annotations["routelb.io/loadBalancerIPs"];
  const askedFamily = asked === undefined ? undefined : parseAddress(asked)?.family;
  if (askedFamily !== undefined && !wanted(one).includes(askedFamily)) {
    assert.deepEqual(
      ips,
      ips.filter((ip) => hasOrHad(world, before, one).includes(ip)),
      "asks for nonsense",
    );
    return;
  }
  // A write to the Service as it was keeps the address from the Service as it is, too.
  const isFree = (ip: string, pool: PoolConfig) =>
    [...others(world, before, one, ip), ...mayStillGet(world, ip)].every(
      (other) => other === one || mayShare(one, other, pool),
    );
  const couldHave = wanted(one).filter((family) =>
    family === askedFamily && asked !== undefined
      ? mayAskFor(world, one, asked).some((pool) => isFree(asked, pool))
      : mayUse(world, one).some((pool) => usable(pool, family).some((ip) => isFree(ip, pool))),
  );
  const isEnough =
    one.ipFamilyPolicy === "RequireDualStack"
      ? couldHave.length === wanted(one).length
      : couldHave.length > 0;
  assert.ok(ips.length > 0 || !isEnough, `${one.key} waits for nothing`);
  if (asked !== undefined && askedFamily !== undefined && couldHave.includes(askedFamily)) {
    assert.ok(ips.includes(asked) || !isEnough, `${one.key} asks for ${asked}, which is free`);
  }
}
