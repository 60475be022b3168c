import type { AddressFamily } from "../net/address.ts";
import { type Allocation, freeAddresses, type PoolUse } from "./outcome.ts";
import { formatAddresses } from "./status.ts";

/** What `/state` shows of an allocation; names and reasons only. */
export interface AllocationState {
  readonly pools: readonly {
    readonly name: string;
    readonly ipv4?: FamilyUse;
    readonly ipv6?: FamilyUse;
  }[];
  readonly servicesWithAddress: number;
  readonly servicesWithoutAddress: readonly ServiceReason[];
  /** They have an address and want another one, or one more. */
  readonly servicesWithUnmetRequest: readonly (ServiceReason & { readonly has: string })[];
  readonly servicesLeftToLayer2: readonly { readonly service: string; readonly pool: string }[];
}

/** Numbers beyond 2^53 are rounded. */
interface FamilyUse {
  readonly total: number;
  readonly used: number;
  readonly free: number;
}

interface ServiceReason {
  readonly service: string;
  readonly reason: string;
  readonly message: string;
}

export function describeAllocation({ outcomes, pools }: Allocation): AllocationState {
  const without: ServiceReason[] = [];
  const unmet: (ServiceReason & { readonly has: string })[] = [];
  const layer2: { readonly service: string; readonly pool: string }[] = [];
  let withAddress = 0;
  for (const [service, outcome] of outcomes) {
    switch (outcome.type) {
      case "assigned":
        withAddress += 1;
        if (outcome.shortfall !== undefined) {
          unmet.push({ service, has: formatAddresses(outcome), ...outcome.shortfall });
        }
        break;
      case "unassigned":
        without.push({ service, ...outcome.shortfall });
        break;
      case "untouched":
        layer2.push({ service, pool: outcome.layer2Pool });
    }
  }
  return {
    pools: pools.map((pool) => ({
      name: pool.name,
      ...familyUse(pool, "ipv4"),
      ...familyUse(pool, "ipv6"),
    })),
    servicesWithAddress: withAddress,
    servicesWithoutAddress: without,
    servicesWithUnmetRequest: unmet,
    servicesLeftToLayer2: layer2,
  };
}

function familyUse(
  pool: PoolUse,
  family: AddressFamily,
): { readonly [F in AddressFamily]?: FamilyUse } {
  const total = pool.total[family];
  const free = Number(freeAddresses(pool, family));
  return total === 0n ? {} : { [family]: { total: Number(total), used: pool.used[family], free } };
}
