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
 * Who holds which address during one pass of `allocate`.
 *
 * Addresses are only ever added. So an address once found taken stays taken for the pass, and every
 * search goes on where the last one ended instead of at the pool's start.
 */
export class AddressBook {
  readonly #holders = {
    ipv4: new Map<bigint, readonly SharingTerms[]>(),
    ipv6: new Map<bigint, readonly SharingTerms[]>(),
  } as const satisfies Record<AddressFamily, unknown>;
  readonly #used = new Map<string, number>();
  readonly #freeCursors = new Map<string, FreeCursor>();
  /** Addresses held under a sharing key, by pool, family and key. */
  readonly #shared = new Map<string, Address[]>();
  /** How many at the head of a list in `#shared` are known not to do, by list and signature. */
  readonly #sharedCursors = new Map<string, number>();

  /** Who keeps a Service with these terms from the address; undefined: it may have it. */
  obstacle(pool: PoolConfig, address: Address, terms: SharingTerms): Obstacle | undefined {
    for (const holder of this.#holders[address.family].get(address.value) ?? []) {
      if (holder.serviceKey !== terms.serviceKey) {
        const refusal = whyNotShared(holder, terms, pool.sharing);
        if (refusal !== undefined) {
          return { serviceKey: holder.serviceKey, refusal };
        }
      }
    }
    return undefined;
  }

  /** Adds a holder; the caller has made sure that there is no obstacle, or means to block it. */
  book(pool: PoolConfig, address: Address, terms: SharingTerms): void {
    const byValue = this.#holders[address.family];
    const holders = byValue.get(address.value) ?? [];
    if (holders.some((holder) => holder.serviceKey === terms.serviceKey)) {
      return;
    }
    byValue.set(address.value, [...holders, terms]);
    if (holders.length === 0) {
      const used = slotKey(pool, address.family);
      this.#used.set(used, (this.#used.get(used) ?? 0) + 1);
      if (terms.key !== undefined) {
        const key = sharedKey(pool, address.family, terms.key);
        const addresses = this.#shared.get(key);
        if (addresses === undefined) {
          this.#shared.set(key, [address]);
        } else {
          addresses.push(address);
        }
      }
    }
  }

  /** Addresses of the pool that somebody holds. */
  used(pool: PoolConfig, family: AddressFamily): number {
    return this.#used.get(slotKey(pool, family)) ?? 0;
  }

  /**
   * The first address of the pool, ranges in written order, that these terms may hold: a free one, or
   * one that is shared under their key. It is not booked.
   */
  lowest(pool: PoolConfig, family: AddressFamily, terms: SharingTerms): Address | undefined {
    const free = this.#lowestFree(pool, family);
    const shared = terms.key === undefined ? undefined : this.#lowestShared(pool, family, terms);
    if (free === undefined || shared === undefined) {
      return free ?? shared;
    }
    return comparePositions(pool, free, shared) < 0 ? free : shared;
  }

  #lowestFree(pool: PoolConfig, family: AddressFamily): Address | undefined {
    const key = slotKey(pool, family);
    const holders = this.#holders[family];
    const cursor = this.#freeCursors.get(key);
    for (let index = cursor?.rangeIndex ?? 0; index < pool.ranges.length; index += 1) {
      const range = pool.ranges[index];
      if (range?.family === family) {
        let value = index === cursor?.rangeIndex ? cursor.value : range.first.value;
        while (
          value <= range.last.value &&
          (holders.has(value) || isAvoided(pool, family, value))
        ) {
          value += 1n;
        }
        if (value <= range.last.value) {
          this.#freeCursors.set(key, { rangeIndex: index, value });
          return makeAddress(family, value);
        }
      }
    }
    this.#freeCursors.set(key, { rangeIndex: pool.ranges.length, value: 0n });
    return undefined;
  }

  #lowestShared(pool: PoolConfig, family: AddressFamily, terms: SharingTerms): Address | undefined {
    const key = sharedKey(pool, family, terms.key ?? "");
    const addresses = this.#shared.get(key) ?? [];
    const cursorKey = `${key}\n${terms.signature}`;
    let cursor = this.#sharedCursors.get(cursorKey) ?? 0;
    let best: Address | undefined;
    for (let index = cursor; index < addresses.length; index += 1) {
      const address = addresses[index];
      if (address === undefined || this.obstacle(pool, address, terms) !== undefined) {
        cursor += index === cursor ? 1 : 0;
      } else if (best === undefined || comparePositions(pool, address, best) < 0) {
        best = address;
      }
    }
    this.#sharedCursors.set(cursorKey, cursor);
    return best;
  }
}

/** Everything before it is taken or avoided. */
interface FreeCursor {
  readonly rangeIndex: number;
  readonly value: bigint;
}

function slotKey(pool: PoolConfig, family: AddressFamily): string {
  return `${family} ${pool.name}`;
}

function sharedKey(pool: PoolConfig, family: AddressFamily, key: string): string {
  return `${slotKey(pool, family)}\n${key}`;
}

/** Orders two addresses of one pool and family as the pool lists them. */
function comparePositions(pool: PoolConfig, a: Address, b: Address): number {
  const difference = rangePosition(pool, a) - rangePosition(pool, b);
  return difference === 0 ? (a.value < b.value ? -1 : a.value > b.value ? 1 : 0) : difference;
}

function rangePosition(pool: PoolConfig, address: Address): number {
  return pool.ranges.findIndex((range) => rangeContains(range, address));
}
