import type { PoolConfig } from "../config/model.ts";
import { type Address, type AddressFamily, makeAddress } from "../net/address.ts";
import { rangeContains } from "../net/range.ts";
import { isAvoided } from "./pool-index.ts";
import { type SharingRefusal, type SharingTerms, whyNotShared } from "./sharing.ts";

/** Someone else's hold on an address that keeps a Service from it. */
export interface Obstacle {
  readonly serviceKey: string;
  readonly refusal: SharingRefusal;
}

/**
 * Who holds which address, by one pass of `allocate` and what was amended since.
 *
 * A pass only adds. So an address once found taken stays taken, and every search goes on where the
 * last one ended instead of at the pool's start, until one is given back.
 */
export class AddressBook {
  readonly #spaces = {
    ipv4: new Map<PoolConfig, Space>(),
    ipv6: new Map<PoolConfig, Space>(),
  } as const satisfies Record<AddressFamily, unknown>;

  /** Who keeps a Service with these terms from the address; undefined: it may have it. */
  obstacle(pool: PoolConfig, address: Address, terms: SharingTerms): Obstacle | undefined {
    const holder = this.#spaces[address.family].get(pool)?.holders.get(address.value);
    return holder === undefined ? undefined : obstacleAmong(holder, terms, pool);
  }

  /** Adds a holder, in company or not: for those whom we do not rule, or after `obstacle`. */
  book(pool: PoolConfig, address: Address, terms: SharingTerms): void {
    const space = this.#space(pool, address.family);
    const first = space.holders.get(address.value);
    if (first === undefined) {
      addFirst(space, address, terms);
    } else {
      addFurther(first, terms);
    }
  }

  /** Adds a holder unless there is an obstacle; false: there is one. */
  bookIfFree(pool: PoolConfig, address: Address, terms: SharingTerms): boolean {
    const space = this.#space(pool, address.family);
    const first = space.holders.get(address.value);
    if (first === undefined) {
      addFirst(space, address, terms);
    } else if (obstacleAmong(first, terms, pool) !== undefined) {
      return false;
    } else {
      addFurther(first, terms);
    }
    return true;
  }

  /** Takes a Service out of those that hold the address. */
  giveBack(pool: PoolConfig, address: Address, serviceKey: string): void {
    const space = this.#space(pool, address.family);
    const left = withoutHolder(space.holders.get(address.value), serviceKey);
    if (left === undefined) {
      space.holders.delete(address.value);
      dropShared(space, address);
    } else {
      space.holders.set(address.value, left);
    }
    space.refused.clear();
    space.rangeIndex = 0;
    space.next = -1n;
  }

  /** Addresses of the pool that somebody holds. */
  used(pool: PoolConfig, family: AddressFamily): number {
    return this.#spaces[family].get(pool)?.holders.size ?? 0;
  }

  /**
   * The first address of the pool, ranges in written order, that these terms may hold: a free one, or
   * one that is shared under their key. It is not booked.
   */
  lowest(pool: PoolConfig, family: AddressFamily, terms: SharingTerms): Address | undefined {
    const space = this.#space(pool, family);
    const free = lowestFree(space, pool, family);
    const shared = this.#lowestShared(space, pool, terms);
    if (free === undefined || shared === undefined) {
      return free ?? shared;
    }
    return comparePositions(pool, free, shared) < 0 ? free : shared;
  }

  #lowestShared(space: Space, pool: PoolConfig, terms: SharingTerms): Address | undefined {
    const addresses = terms.key === undefined ? undefined : space.shared.get(terms.key);
    if (addresses === undefined) {
      return undefined;
    }
    let settled = space.refused.get(terms.signature) ?? 0;
    let best: Address | undefined;
    for (let index = settled; index < addresses.length; index += 1) {
      const address = addresses[index];
      if (address === undefined || this.obstacle(pool, address, terms) !== undefined) {
        settled += index === settled ? 1 : 0;
      } else if (best === undefined || comparePositions(pool, address, best) < 0) {
        best = address;
      }
    }
    space.refused.set(terms.signature, settled);
    return best;
  }

  #space(pool: PoolConfig, family: AddressFamily): Space {
    const spaces = this.#spaces[family];
    let space = spaces.get(pool);
    if (space === undefined) {
      space = {
        holders: new Map(),
        shared: new Map(),
        refused: new Map(),
        rangeIndex: 0,
        next: -1n,
      };
      spaces.set(pool, space);
    }
    return space;
  }
}

/** The addresses of one family in one pool. */
interface Space {
  /** By number of the address; the oldest holder first. */
  readonly holders: Map<bigint, Holder>;
  /** Addresses whose first holder has a sharing key, by that key. */
  readonly shared: Map<string, Address[]>;
  /** How many at the head of a list in `shared` are known not to do, by signature of terms. */
  readonly refused: Map<string, number>;
  /** Everything in earlier ranges is taken or avoided, and in this one everything below `next`. */
  rangeIndex: number;
  next: bigint;
}

interface Holder {
  readonly terms: SharingTerms;
  next: Holder | undefined;
}

function obstacleAmong(first: Holder, terms: SharingTerms, pool: PoolConfig): Obstacle | undefined {
  for (let holder: Holder | undefined = first; holder !== undefined; holder = holder.next) {
    if (holder.terms.serviceKey !== terms.serviceKey) {
      const refusal = whyNotShared(holder.terms, terms, pool.sharing);
      if (refusal !== undefined) {
        return { serviceKey: holder.terms.serviceKey, refusal };
      }
    }
  }
  return undefined;
}

function withoutHolder(holder: Holder | undefined, serviceKey: string): Holder | undefined {
  if (holder === undefined) {
    return undefined;
  }
  const next = withoutHolder(holder.next, serviceKey);
  return holder.terms.serviceKey === serviceKey ? next : { terms: holder.terms, next };
}

function dropShared({ shared }: Space, { value }: Address): void {
  for (const [key, addresses] of shared) {
    const left = addresses.filter((address) => address.value !== value);
    if (left.length === 0) {
      shared.delete(key);
    } else if (left.length < addresses.length) {
      shared.set(key, left);
    }
  }
}

function addFirst(space: Space, address: Address, terms: SharingTerms): void {
  space.holders.set(address.value, { terms, next: undefined });
  if (terms.key !== undefined) {
    const addresses = space.shared.get(terms.key);
    if (addresses === undefined) {
      space.shared.set(terms.key, [address]);
    } else {
      addresses.push(address);
    }
  }
}

/** The same Service is not added twice on the same terms. */
function addFurther(first: Holder, terms: SharingTerms): void {
  const isSame = (holder: Holder) =>
    holder.terms.serviceKey === terms.serviceKey && holder.terms.signature === terms.signature;
  let last = first;
  for (; !isSame(last) && last.next !== undefined; last = last.next);
  if (!isSame(last)) {
    last.next = { terms, next: undefined };
  }
}

function lowestFree(space: Space, pool: PoolConfig, family: AddressFamily): Address | undefined {
  for (; space.rangeIndex < pool.ranges.length; space.rangeIndex += 1, space.next = -1n) {
    const range = pool.ranges[space.rangeIndex];
    if (range?.family === family) {
      let value = space.next < range.first.value ? range.first.value : space.next;
      while (
        value <= range.last.value &&
        (space.holders.has(value) || isAvoided(pool, family, value))
      ) {
        value += 1n;
      }
      space.next = value;
      if (value <= range.last.value) {
        return makeAddress(family, value);
      }
    }
  }
  return undefined;
}

/** Orders two addresses of one pool and family as the pool lists them. */
function comparePositions(pool: PoolConfig, a: Address, b: Address): number {
  const difference = rangePosition(pool, a) - rangePosition(pool, b);
  return difference === 0 ? (a.value < b.value ? -1 : a.value > b.value ? 1 : 0) : difference;
}

function rangePosition(pool: PoolConfig, address: Address): number {
  return pool.ranges.findIndex((range) => rangeContains(range, address));
}
