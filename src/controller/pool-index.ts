import { type Labels, selectorMatches, someSelectorMatches } from "../cluster/selector.ts";
import type { Service } from "../cluster/service.ts";
import type { Config, PoolConfig } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import { type AddressRange, rangeContains } from "../net/range.ts";

/** Finds the pool of an address without looking at every pool; ranges never overlap. */
export class PoolIndex {
  readonly pools: readonly PoolConfig[];
  readonly #byName: ReadonlyMap<string, PoolConfig>;
  /** Ascending. */
  readonly #slots: Readonly<Record<AddressFamily, readonly Slot[]>>;
  readonly #layer2: Config["layer2Pools"];

  constructor(config: Config) {
    this.pools = config.pools;
    this.#byName = new Map(config.pools.map((pool) => [pool.name, pool]));
    this.#slots = { ipv4: slotsOf(config.pools, "ipv4"), ipv6: slotsOf(config.pools, "ipv6") };
    this.#layer2 = config.layer2Pools;
  }

  poolNamed(name: string): PoolConfig | undefined {
    return this.#byName.get(name);
  }

  /** The pool whose ranges hold `address`, whether or not it may be given out. */
  poolOf(address: Address): PoolConfig | undefined {
    const slots = this.#slots[address.family];
    let low = 0;
    let high = slots.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const slot = slots[middle];
      if (slot === undefined || address.value < slot.range.first.value) {
        high = middle - 1;
      } else if (address.value > slot.range.last.value) {
        low = middle + 1;
      } else {
        return slot.pool;
      }
    }
    return undefined;
  }

  get hasLayer2(): boolean {
    return this.#layer2.length > 0;
  }

  /** The `layer2` pool that has this name. */
  layer2PoolNamed(name: string): string | undefined {
    return this.#layer2.find((pool) => pool.name === name)?.name;
  }

  /** The `layer2` pool whose ranges hold `address`. */
  layer2PoolOf(address: Address): string | undefined {
    return this.#layer2.find((pool) => pool.ranges.some((range) => rangeContains(range, address)))
      ?.name;
  }
}

interface Slot {
  readonly range: AddressRange;
  readonly pool: PoolConfig;
}

function slotsOf(pools: readonly PoolConfig[], family: AddressFamily): readonly Slot[] {
  return pools
    .flatMap((pool) => pool.ranges.map((range) => ({ range, pool })))
    .filter(({ range }) => range.family === family)
    .sort((a, b) => (a.range.first.value < b.range.first.value ? -1 : 1));
}

/** `avoid-buggy-ips`: IPv4 addresses that end in .0 or .255, wherever their subnet ends. */
export function isAvoided(pool: PoolConfig, family: AddressFamily, value: bigint): boolean {
  if (!pool.avoidBuggyIps || family !== "ipv4") {
    return false;
  }
  const lastOctet = value & 255n;
  return lastOctet === 0n || lastOctet === 255n;
}

/** How many addresses of a family a pool may give out. */
export function usableAddresses(pool: PoolConfig, family: AddressFamily): bigint {
  let total = 0n;
  for (const range of pool.ranges) {
    if (range.family === family) {
      const { first, last } = range;
      total += last.value - first.value + 1n;
      if (pool.avoidBuggyIps && family === "ipv4") {
        total -= multiplesWithin(first.value, last.value);
        total -= multiplesWithin(first.value + 1n, last.value + 1n);
      }
    }
  }
  return total;
}

/** How many multiples of 256 lie between two numbers, both included. */
function multiplesWithin(first: bigint, last: bigint): bigint {
  return last / 256n - (first + 255n) / 256n + 1n;
}

/** Whether `service-allocation` of the pool admits the Service; without it every Service is. */
export function admits(pool: PoolConfig, service: Service, namespaceLabels: Labels): boolean {
  const rule = pool.serviceAllocation;
  if (rule === undefined) {
    return true;
  }
  const anyNamespace = rule.namespaces.length === 0 && rule.namespaceSelectors.length === 0;
  return (
    (anyNamespace ||
      rule.namespaces.includes(service.namespace) ||
      rule.namespaceSelectors.some((selector) => selectorMatches(selector, namespaceLabels))) &&
    someSelectorMatches(rule.serviceSelectors, service.labels)
  );
}

/**
 * The pools that give the Service an address without being asked for by name, the preferred first:
 * those whose `service-allocation` admits it by priority, then those without one; equals as written.
 */
export function automaticPools(
  pools: readonly PoolConfig[],
  service: Service,
  namespaceLabels: Labels,
): readonly PoolConfig[] {
  return pools
    .filter((pool) => pool.autoAssign && admits(pool, service, namespaceLabels))
    .sort((a, b) => rank(a) - rank(b));
}

/** Priority 0 comes after every other one. */
function rank(pool: PoolConfig): number {
  if (pool.serviceAllocation === undefined) {
    return Number.MAX_SAFE_INTEGER;
  }
  const { priority } = pool.serviceAllocation;
  return priority === 0 ? Number.MAX_SAFE_INTEGER - 1 : priority;
}
