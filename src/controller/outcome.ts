import type { PoolConfig } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import type { Shortfall } from "./shortfall.ts";

export interface PooledAddress {
  readonly address: Address;
  readonly pool: PoolConfig;
}

/** What a pass of `allocate` decided for one Service of ours. */
export type Outcome =
  | {
      readonly type: "assigned";
      readonly uid: string;
      /** In the order of spec.ipFamilies, one per family. */
      readonly addresses: readonly PooledAddress[];
      /** What the Service wants beyond or instead of these addresses, and why it has not got it. */
      readonly shortfall?: Shortfall;
      readonly sharingSignature: string;
    }
  | {
      readonly type: "unassigned";
      readonly uid: string;
      readonly shortfall: Shortfall;
      /**
       * Its status shows an address that it may not keep. False: the status is empty, or shows
       * addresses of others, which we replace but never just remove.
       */
      readonly mustClear: boolean;
    }
  | {
      readonly type: "untouched";
      readonly uid: string;
      readonly layer2Pool: string;
    };

export interface PoolUse {
  readonly name: string;
  readonly total: Readonly<Record<AddressFamily, bigint>>;
  readonly used: Readonly<Record<AddressFamily, number>>;
}

/** Addresses of the pool that nobody has. */
export function freeAddresses({ total, used }: PoolUse, family: AddressFamily): bigint {
  return total[family] - BigInt(used[family]);
}

export interface Allocation {
  /** By key of the Service; Services that are not ours are not in it. */
  readonly outcomes: ReadonlyMap<string, Outcome>;
  readonly pools: readonly PoolUse[];
}

/** What a process has allocated that has just started. */
export const nothingAllocated: Allocation = { outcomes: new Map(), pools: [] };

/** Written with the address: tells that we gave it, and from which pool. */
export const poolAnnotation = "routelb.io/ip-allocated-from-pool";
