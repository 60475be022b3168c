import type { Labels } from "../cluster/selector.ts";
import type { ControllerSnapshot } from "../cluster/snapshot.ts";
import type { PoolConfig } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import type { AddressBook } from "./address-book.ts";
import { type AddressesByFamily, adopt, type Claim } from "./adopt.ts";
import {
  type Allocation,
  nothingAllocated,
  type Outcome,
  type PooledAddress,
  poolAnnotation,
} from "./outcome.ts";
import { admits, automaticPools, isAvoided, PoolIndex, usableAddresses } from "./pool-index.ts";
import {
  addressAvoided,
  addressInOtherPool,
  addressInUse,
  addressNotInPool,
  noPool,
  poolNotForService,
  poolsFull,
  type Shortfall,
  unknownPool,
} from "./shortfall.ts";

/**
 * Gives every Service of ours an address, or says why it has none.
 *
 * Level-triggered: the answer follows from `snapshot`, never from what changed. `previous` is the
 * answer before: it keeps addresses booked whose write is still on its way, and tells which of two
 * Services changed when they can no longer share. Without it (after a restart) the status of the
 * Services is enough, because every address that is given is written there.
 *
 * An address stays as long as a pool holds it. Moves that a Service asks for are make-before-break:
 * the old address stays booked until the status shows the new one, and a request that cannot be met
 * leaves the Service as it is. No address is held twice unless its Services may share it.
 */
export function allocate(
  snapshot: ControllerSnapshot,
  previous: Allocation = nothingAllocated,
): Allocation {
  const pools = new PoolIndex(snapshot.config);
  const { book, claims, untouched } = adopt(snapshot, pools, previous);
  const outcomes = new Map<string, Outcome>();
  for (const claim of claims) {
    const labels = snapshot.namespaces.get(claim.service.namespace) ?? {};
    outcomes.set(claim.service.key, decide(claim, { pools, book, labels }));
  }
  for (const [key, layer2Pool] of untouched) {
    const uid = snapshot.services.get(key)?.uid ?? "";
    outcomes.set(key, { type: "untouched", uid, layer2Pool });
  }
  return {
    outcomes,
    pools: snapshot.config.pools.map((pool) => ({
      name: pool.name,
      total: { ipv4: usableAddresses(pool, "ipv4"), ipv6: usableAddresses(pool, "ipv6") },
      used: { ipv4: book.used(pool, "ipv4"), ipv6: book.used(pool, "ipv6") },
    })),
  };
}

interface Surroundings {
  readonly pools: PoolIndex;
  readonly book: AddressBook;
  /** Of the Service's namespace. */
  readonly labels: Labels;
}

function decide(claim: Claim, surroundings: Surroundings): Outcome {
  const { service, request } = claim;
  const current = new Map([...claim.promised, ...claim.held]);
  const chosen = new Map<AddressFamily, PooledAddress>();
  const shortfalls = new Map<AddressFamily, Shortfall>();
  const missing: AddressFamily[] = [];
  if (request.refusal === undefined) {
    for (const family of request.families) {
      const choice = chooseRequested(claim, family, surroundings) ?? current.get(family);
      if (choice === undefined) {
        missing.push(family);
      } else if ("reason" in choice) {
        shortfalls.set(family, choice);
      } else {
        chosen.set(family, choice);
      }
    }
    chooseAutomatic(claim, missing, chosen, shortfalls, surroundings);
  }
  const shortfall = request.refusal ?? firstThatMatters(claim, current, chosen, shortfalls);
  const asBefore =
    request.refusal !== undefined || (request.needsAllFamilies && shortfall !== undefined);
  const addresses = request.families.flatMap((family) => {
    const fresh = asBefore ? undefined : chosen.get(family);
    const address = fresh ?? current.get(family);
    return address === undefined ? [] : [address];
  });
  if (addresses.length === 0) {
    return {
      type: "unassigned",
      uid: service.uid,
      shortfall: shortfall ?? noPool("ipv4", surroundings.pools.pools),
      mustClear: mustClear(claim, surroundings.pools),
    };
  }
  for (const { pool, address } of addresses) {
    surroundings.book.book(pool, address, request.terms);
  }
  return {
    type: "assigned",
    uid: service.uid,
    addresses,
    ...(shortfall === undefined ? {} : { shortfall }),
    sharingSignature: request.terms.signature,
  };
}

/** What the Service asks for in this family; undefined: nothing in particular. */
function chooseRequested(
  claim: Claim,
  family: AddressFamily,
  { pools, book, labels }: Surroundings,
): PooledAddress | Shortfall | undefined {
  const { service, request, held, promised } = claim;
  const address = request.addresses.get(family);
  if (address !== undefined) {
    return chooseAddress(claim, address, { pools, book, labels });
  }
  if (request.pool === undefined) {
    return undefined;
  }
  const pool = pools.poolNamed(request.pool);
  if (pool === undefined) {
    return unknownPool(request.pool, pools.pools);
  }
  const there = [held.get(family), promised.get(family)].find((have) => have?.pool === pool);
  if (there !== undefined) {
    return there;
  }
  if (!admits(pool, service, labels)) {
    return poolNotForService(pool, service.namespace);
  }
  const lowest = book.lowest(pool, family, request.terms);
  if (lowest !== undefined) {
    return { address: lowest, pool };
  }
  return usableAddresses(pool, family) === 0n ? noPool(family, [pool]) : poolsFull(family, [pool]);
}

function chooseAddress(
  { service, request, held }: Claim,
  address: Address,
  { pools, book, labels }: Surroundings,
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
  const isHeld = held.get(address.family)?.address.text === address.text;
  if (!isHeld && !admits(pool, service, labels)) {
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
  { pools, book, labels }: Surroundings,
): void {
  if (missing.length === 0) {
    return;
  }
  const automatic = automaticPools(pools.pools, service, labels);
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

/**
 * The shortfall to report. PreferDualStack is content with one family: the other one is reported
 * only where the Service asks for an address in it, or keeps one that it asks to be moved.
 */
function firstThatMatters(
  { request }: Claim,
  current: AddressesByFamily,
  chosen: AddressesByFamily,
  shortfalls: ReadonlyMap<AddressFamily, Shortfall>,
): Shortfall | undefined {
  const isContent = !request.needsAllFamilies && chosen.size + current.size > 0;
  for (const [family, shortfall] of shortfalls) {
    if (!isContent || request.addresses.has(family) || current.has(family)) {
      return shortfall;
    }
  }
  return undefined;
}

function mustClear({ service, request }: Claim, pools: PoolIndex): boolean {
  return (
    service.ingress.length > 0 &&
    (Object.hasOwn(service.annotations, poolAnnotation) ||
      request.inStatus.some((address) => pools.poolOf(address) !== undefined))
  );
}
