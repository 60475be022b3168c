import type { PoolConfig } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import type { Obstacle } from "./address-book.ts";
import { usableAddresses } from "./pool-index.ts";
import { formatSharingRefusal } from "./sharing.ts";

/** Why a Service has not got (all of) what it wants: one form to count by and one to read. */
export interface Shortfall {
  readonly reason: ShortfallReason;
  /** For the Service's owner: what is missing, with numbers, and what would help. */
  readonly message: string;
}

/** What only a change of the Service or the configuration cures comes before what time may cure. */
export const shortfallReasons = [
  "no-cluster-ip",
  "invalid-request",
  "unknown-pool",
  "pool-not-for-service",
  "address-not-in-pool",
  "address-avoided",
  "no-pool",
  "address-in-use",
  "pools-full",
] as const;

export type ShortfallReason = (typeof shortfallReasons)[number];

/** The one to report of several. */
export function worstShortfall(shortfalls: readonly Shortfall[]): Shortfall | undefined {
  return shortfalls.toSorted(
    (a, b) => shortfallReasons.indexOf(a.reason) - shortfallReasons.indexOf(b.reason),
  )[0];
}

/** `pools-full` as Events and conditions want it: `PoolsFull`. */
export function reasonInCamelCase(reason: ShortfallReason): string {
  return reason.replace(/(?:^|-)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

export function familyName(family: AddressFamily): string {
  return family === "ipv4" ? "IPv4" : "IPv6";
}

export function invalidRequest(message: string): Shortfall {
  return { reason: "invalid-request", message };
}

export const noClusterIp: Shortfall = {
  reason: "no-cluster-ip",
  message:
    "the Service has no cluster IP (it is headless, or the cluster IP is not allocated yet): " +
    "a load balancer needs one",
};

export function unknownPool(name: string, pools: readonly PoolConfig[]): Shortfall {
  const known =
    pools.length === 0
      ? "the configuration has no pools"
      : `the pools are ${pools.map((pool) => pool.name).join(", ")}`;
  return {
    reason: "unknown-pool",
    message: `the requested pool ${JSON.stringify(name)} does not exist: ${known}`,
  };
}

export function poolNotForService(pool: PoolConfig, namespace: string): Shortfall {
  return {
    reason: "pool-not-for-service",
    message:
      `service-allocation of the requested pool ${pool.name} does not admit this Service ` +
      `(namespace ${namespace}, or its labels)`,
  };
}

export function poolWithoutFamily(family: AddressFamily, pool: PoolConfig): Shortfall {
  return {
    reason: "no-pool",
    message:
      `the requested pool ${pool.name} has no ${familyName(family)} addresses: ` +
      "add some to it, or ask for another pool",
  };
}

export function addressNotInPool(address: Address, pools: readonly PoolConfig[]): Shortfall {
  const ranges = pools.flatMap((pool) =>
    pool.ranges
      .filter((range) => range.family === address.family)
      .map((range) => `${range.text} (${pool.name})`),
  );
  const known =
    ranges.length === 0
      ? `no pool has ${familyName(address.family)} addresses`
      : `the pools hold ${ranges.slice(0, 8).join(", ")}${ranges.length > 8 ? ", ..." : ""}`;
  return {
    reason: "address-not-in-pool",
    message: `the requested address ${address.text} is in no pool: ${known}`,
  };
}

export function addressInOtherPool(address: Address, pool: string, asked: string): Shortfall {
  return {
    reason: "address-not-in-pool",
    message: `the requested address ${address.text} is in pool ${pool}, but pool ${asked} is requested too`,
  };
}

export function addressAvoided(address: Address, pool: PoolConfig): Shortfall {
  return {
    reason: "address-avoided",
    message: `the requested address ${address.text} is never given out: pool ${pool.name} has avoid-buggy-ips, which leaves out .0 and .255`,
  };
}

export function addressInUse(address: Address, obstacle: Obstacle): Shortfall {
  return {
    reason: "address-in-use",
    message:
      `the requested address ${address.text} is held by Service ${obstacle.serviceKey}: ` +
      formatSharingRefusal(obstacle.refusal),
  };
}

/** `pools` are those that the Service may use, all of them without an address for it. */
export function poolsFull(family: AddressFamily, pools: readonly PoolConfig[]): Shortfall {
  const sizes = pools.map((pool) => {
    const total = usableAddresses(pool, family);
    return `${pool.name} (${total} of ${total} in use)`;
  });
  return {
    reason: "pools-full",
    message:
      `no free ${familyName(family)} address in ${sizes.join(", ")}: ` +
      "add addresses to a pool, or delete a Service that has one",
  };
}

/** No pool that this Service may use without asking has any address of the family. */
export function noPool(family: AddressFamily, pools: readonly PoolConfig[]): Shortfall {
  const wanted = familyName(family);
  const ofFamily = pools.filter((pool) => usableAddresses(pool, family) > 0n);
  const onRequest = ofFamily.filter((pool) => !pool.autoAssign).map((pool) => pool.name);
  const restricted = ofFamily.filter((pool) => pool.autoAssign).map((pool) => pool.name);
  const causes = [
    ...(onRequest.length === 0
      ? []
      : [
          `${onRequest.join(", ")}: auto-assign is false, ask for it with the annotation routelb.io/address-pool`,
        ]),
    ...(restricted.length === 0
      ? []
      : [`${restricted.join(", ")}: service-allocation does not admit this Service`]),
  ];
  return {
    reason: "no-pool",
    message:
      causes.length === 0
        ? `no pool has ${wanted} addresses: add some to address-pools in the configuration`
        : `no pool gives this Service an ${wanted} address (${causes.join("; ")})`,
  };
}
