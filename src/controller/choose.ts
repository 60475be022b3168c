import type { Labels } from "../cluster/selector.ts";
import type { PoolConfig } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import type { AddressBook } from "./address-book.ts";
import { type Claim, ofFamily } from "./adopt.ts";
import type { PooledAddress } from "./outcome.ts";
import {
  admits,
  automaticPools,
  isAvoided,
  type PoolIndex,
  usableAddresses,
} from "./pool-index.ts";
import {
  addressAvoided,
  addressInOtherPool,
  addressInUse,
  addressNotInPool,
  noPool,
  poolNotForService,
  poolsFull,
  poolWithoutFamily,
  type Shortfall,
  unknownPool,
} from "./shortfall.ts";

export interface Surroundings {
  readonly pools: PoolIndex;
  readonly book: AddressBook;
  /** Their labels, by name. */
  readonly namespaces: ReadonlyMap<string, Labels>;
}

const noLabels: Labels = {};

/** What the Service has in a family, or was promised. */
export function currentAddress(claim: Claim, family: AddressFamily): PooledAddress | undefined {
  return ofFamily(claim.held, family) ?? ofFamily(claim.promised, family);
}

/** For each wanted family an address or a shortfall; nothing is booked yet. */
export interface Choices {
  readonly chosen: ReadonlyMap<AddressFamily, PooledAddress>;
  readonly shortfalls: ReadonlyMap<AddressFamily, Shortfall>;
}

export const nothingChosen: Choices = { chosen: new Map(), shortfalls: new Map() };

export function choose(claim: Claim, surroundings: Surroundings): Choices {
  const chosen = new Map<AddressFamily, PooledAddress>();
  const shortfalls = new Map<AddressFamily, Shortfall>();
  const missing: AddressFamily[] = [];
  for (const family of claim.request.families) {
    const choice = chooseRequested(claim, family, surroundings) ?? currentAddress(claim, family);
    if (choice === undefined) {
      missing.push(family);
    } else if ("reason" in choice) {
      shortfalls.set(family, choice);
    } else {
      chosen.set(family, choice);
    }
  }
  if (missing.length > 0) {
    chooseAutomatic(claim, missing, chosen, shortfalls, surroundings);
  }
  return { chosen, shortfalls };
}

/** What the Service asks for in this family; undefined: nothing in particular. */
function chooseRequested(
  claim: Claim,
  family: AddressFamily,
  { pools, book, namespaces }: Surroundings,
): PooledAddress | Shortfall | undefined {
  const { service, request, held, promised } = claim;
  const address = request.addresses.get(family);
  if (address !== undefined) {
    return chooseAddress(claim, address, { pools, book, namespaces });
  }
  if (request.pool === undefined) {
    return undefined;
  }
  const pool = pools.poolNamed(request.pool);
  if (pool === undefined) {
    return unknownPool(request.pool, pools.pools);
  }
  const there = [ofFamily(held, family), ofFamily(promised, family)].find(
    (have) => have?.pool === pool,
  );
  if (there !== undefined) {
    return there;
  }
  if (!admits(pool, service, namespaces.get(service.namespace) ?? noLabels)) {
    return poolNotForService(pool, service.namespace);
  }
  const lowest = book.lowest(pool, family, request.terms);
  if (lowest !== undefined) {
    return { address: lowest, pool };
  }
  return usableAddresses(pool, family) === 0n
    ? poolWithoutFamily(family, pool)
    : poolsFull(family, [pool]);
}

function chooseAddress(
  { service, request, held }: Claim,
  address: Address,
  { pools, book, namespaces }: Surroundings,
): PooledAddress | Shortfall {
  const pool = pools.poolOf(address);
  if (pool === undefined) {
    return addressNotInPool(address, pools.pools);
  }
  if (request.pool !== undefined && request.pool !== pool.name) {
    return addressInOtherPool(address, pool.name, request.pool);
  }
  if (isAvoided(pool, address.family, address.value)) {
    return addressAvoided(address, pool);
  }
  const isHeld = ofFamily(held, address.family)?.address.text === address.text;
  if (!isHeld && !admits(pool, service, namespaces.get(service.namespace) ?? noLabels)) {
    return poolNotForService(pool, service.namespace);
  }
  const obstacle = book.obstacle(pool, address, request.terms);
  return obstacle === undefined ? { address, pool } : addressInUse(address, obstacle);
}

/**
 * Fills the missing families: from one pool that has them all, preferably a pool that the Service is
 * in already; else each from the first pool that has one.
 */
function chooseAutomatic(
  { service, request }: Claim,
  missing: readonly AddressFamily[],
  chosen: Map<AddressFamily, PooledAddress>,
  shortfalls: Map<AddressFamily, Shortfall>,
  { pools, book, namespaces }: Surroundings,
): void {
  const automatic = automaticPools(
    pools.pools,
    service,
    namespaces.get(service.namespace) ?? noLabels,
  );
  const isAsked = ({ address }: PooledAddress) =>
    request.addresses.get(address.family)?.text === address.text;
  const already = [...chosen.values()]
    .filter((have) => automatic.includes(have.pool) || isAsked(have))
    .map(({ pool }) => pool);
  const candidates = [...new Set([...already, ...automatic])];
  const lowest = (pool: PoolConfig, family: AddressFamily) =>
    book.lowest(pool, family, request.terms);
  const forAll = candidates.find((pool) =>
    missing.every((family) => lowest(pool, family) !== undefined),
  );
  for (const family of missing) {
    const pool = forAll ?? candidates.find((pool) => lowest(pool, family) !== undefined);
    const address = pool === undefined ? undefined : lowest(pool, family);
    if (pool === undefined || address === undefined) {
      const ofFamily = candidates.filter((pool) => usableAddresses(pool, family) > 0n);
      shortfalls.set(
        family,
        ofFamily.length === 0 ? noPool(family, pools.pools) : poolsFull(family, ofFamily),
      );
    } else {
      chosen.set(family, { address, pool });
    }
  }
}
