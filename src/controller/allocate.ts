import type { Labels } from "../cluster/selector.ts";
import type { Service } from "../cluster/service.ts";
import type { ControllerSnapshot } from "../cluster/snapshot.ts";
import type { PoolConfig } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import type { AddressBook } from "./address-book.ts";
import { adopt, type Claim, ofFamily } from "./adopt.ts";
import {
  type Allocation,
  isSameAssignment,
  nothingAllocated,
  type Outcome,
  type PooledAddress,
  poolAnnotation,
} from "./outcome.ts";
import { admits, automaticPools, isAvoided, PoolIndex, usableAddresses } from "./pool-index.ts";
import type { AddressRequest } from "./request.ts";
import {
  addressAvoided,
  addressInOtherPool,
  addressInUse,
  addressNotInPool,
  noClusterIp,
  noPool,
  poolNotForService,
  poolsFull,
  type Shortfall,
  unknownPool,
  worstShortfall,
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
 *
 * An outcome that says the same as in `previous` is the same object.
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
    const outcome = decide(claim, { pools, book, labels });
    const before = previous.outcomes.get(claim.service.key);
    const isSame = before !== undefined && isSameAssignment(before, outcome);
    outcomes.set(claim.service.key, isSame ? before : outcome);
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
  if (isContent(claim)) {
    return assigned(service, request, claim.held, undefined);
  }
  const choices = request.refusal === undefined ? choose(claim, surroundings) : nothingChosen;
  const shortfall = request.refusal ?? shortfallToReport(claim, choices);
  const asBefore =
    request.refusal !== undefined || (request.needsAllFamilies && shortfall !== undefined);
  const addresses = request.families.flatMap((family) => {
    const fresh = asBefore ? undefined : choices.chosen.get(family);
    return fresh ?? currentAddress(claim, family) ?? [];
  });
  if (addresses.length === 0) {
    return {
      type: "unassigned",
      uid: service.uid,
      shortfall: shortfall ?? noClusterIp,
      mustClear: mustClear(claim, surroundings.pools),
    };
  }
  for (const { pool, address } of addresses) {
    surroundings.book.book(pool, address, request.terms);
  }
  return assigned(service, request, addresses, shortfall);
}

/** The Service asks for nothing in particular and has all that it wants, in the order it wants. */
function isContent({ request, held }: Claim): boolean {
  return (
    request.refusal === undefined &&
    request.addresses.size === 0 &&
    request.pool === undefined &&
    held.length === request.families.length &&
    held.every(({ address }, index) => address.family === request.families[index])
  );
}

function assigned(
  service: Service,
  request: AddressRequest,
  addresses: readonly PooledAddress[],
  shortfall: Shortfall | undefined,
): Outcome {
  return {
    type: "assigned",
    uid: service.uid,
    addresses,
    ...(shortfall === undefined ? {} : { shortfall }),
    sharingSignature: request.terms.signature,
  };
}

/** What the Service has in a family, or was promised. */
function currentAddress(claim: Claim, family: AddressFamily): PooledAddress | undefined {
  return ofFamily(claim.held, family) ?? ofFamily(claim.promised, family);
}

/** For each wanted family an address or a shortfall; nothing is booked yet. */
interface Choices {
  readonly chosen: ReadonlyMap<AddressFamily, PooledAddress>;
  readonly shortfalls: ReadonlyMap<AddressFamily, Shortfall>;
}

const nothingChosen: Choices = { chosen: new Map(), shortfalls: new Map() };

function choose(claim: Claim, surroundings: Surroundings): Choices {
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
  const there = [ofFamily(held, family), ofFamily(promised, family)].find(
    (have) => have?.pool === pool,
  );
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
  const isHeld = ofFamily(held, address.family)?.address.text === address.text;
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
 * PreferDualStack is content with one family: the other one is reported only where the Service asks
 * for an address in it, or keeps one there that it asks to be moved.
 */
function shortfallToReport(claim: Claim, choices: Choices): Shortfall | undefined {
  const { request } = claim;
  const hasSome =
    choices.chosen.size > 0 || request.families.some((family) => currentAddress(claim, family));
  const toReport = [...choices.shortfalls].filter(
    ([family]) =>
      !hasSome ||
      request.needsAllFamilies ||
      request.addresses.has(family) ||
      currentAddress(claim, family) !== undefined,
  );
  return worstShortfall(toReport.map(([, shortfall]) => shortfall));
}

function mustClear({ service, request }: Claim, pools: PoolIndex): boolean {
  return (
    service.ingress.length > 0 &&
    (Object.hasOwn(service.annotations, poolAnnotation) ||
      request.inStatus.some((address) => pools.poolOf(address) !== undefined))
  );
}
