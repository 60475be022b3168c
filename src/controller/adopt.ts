import { isLoadBalancer, isOfClass, type Service } from "../cluster/service.ts";
import type { ControllerSnapshot } from "../cluster/snapshot.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import { AddressBook } from "./address-book.ts";
import type { Allocation, PooledAddress } from "./outcome.ts";
import { isAvoided, type PoolIndex } from "./pool-index.ts";
import { type AddressRequest, readRequest } from "./request.ts";
import { sharingTerms } from "./sharing.ts";

/** A Service of ours, with what it has before anything is given out. */
export interface Claim {
  readonly service: Service;
  readonly request: AddressRequest;
  /** In its status, and it may stay; at most one of each family that the Service wants. */
  readonly held: readonly PooledAddress[];
  /** Given by the pass before, whose write is not seen in the status yet; as `held`. */
  readonly promised: readonly PooledAddress[];
}

export interface Adoption {
  readonly book: AddressBook;
  /** In the order in which addresses are given out. */
  readonly claims: readonly Claim[];
  /** Services that `layer2` keeps us from touching, with the pool. */
  readonly untouched: ReadonlyMap<string, string>;
}

/**
 * Books every address that somebody has already, so that nothing given out afterwards collides.
 *
 * First what stands in the status of our Services; of two that cannot share, the one whose sharing
 * terms are as they were in `previous` keeps the address (the one that changed has to move), else
 * the older. Then what Services have that are not ours to judge: those of another class, those of
 * `layer2` pools, those being deleted. Last what `previous` gave and the status does not show yet.
 */
export function adopt(
  snapshot: ControllerSnapshot,
  pools: PoolIndex,
  previous: Allocation,
): Adoption {
  const book = new AddressBook();
  const { ours, others, untouched } = sortOut(snapshot, pools);
  const held = new Map<Service, readonly PooledAddress[]>();
  const changed: Service[] = [];
  for (const service of ours) {
    if (isSettled(service, previous)) {
      held.set(service, bookWherePossible(service, readRequest(service).inStatus, book, pools));
    } else {
      changed.push(service);
    }
  }
  for (const service of changed) {
    held.set(service, bookWherePossible(service, readRequest(service).inStatus, book, pools));
  }
  for (const service of others) {
    blockAddresses(service, book, pools);
  }
  const claims = ours.map((service) => {
    const inStatus = held.get(service) ?? none;
    const addresses = promisedAddresses(service, inStatus, previous);
    const promised = bookWherePossible(service, addresses, book, pools);
    return { service, request: readRequest(service), held: inStatus, promised };
  });
  return { book, claims, untouched };
}

const none: readonly never[] = [];

/** Our Services in the order in which they are served, and those that only hold addresses. */
function sortOut(snapshot: ControllerSnapshot, pools: PoolIndex) {
  const ours: Service[] = [];
  const others: Service[] = [];
  const untouched = new Map<string, string>();
  for (const service of snapshot.services.values()) {
    if (service.type === "LoadBalancer") {
      const layer2 = pools.hasLayer2 ? layer2PoolOf(service, pools) : undefined;
      if (!isLoadBalancer(service) || !isOfClass(service, snapshot.loadBalancerClass)) {
        others.push(service);
      } else if (layer2 === undefined) {
        ours.push(service);
      } else {
        untouched.set(service.key, layer2);
        others.push(service);
      }
    }
  }
  return { ours: ours.sort(compareServices), others, untouched };
}

/** Creation time, then namespace, then name: the order in which Services are served. */
export function compareServices(a: Service, b: Service): number {
  return (
    a.creationSeconds - b.creationSeconds ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function ofFamily(
  addresses: readonly PooledAddress[],
  family: AddressFamily,
): PooledAddress | undefined {
  return addresses.find(({ address }) => address.family === family);
}

/** The Service shares on the terms on which it got its address in the pass before. */
function isSettled(service: Service, previous: Allocation): boolean {
  const outcome = previous.outcomes.get(service.key);
  return (
    outcome?.type === "assigned" &&
    outcome.uid === service.uid &&
    outcome.sharingSignature === readRequest(service).terms.signature
  );
}

/**
 * Addresses of `previous` that the Service has not got yet and still wants: those of a family in
 * which it holds none, and those that it asks for.
 */
function promisedAddresses(
  service: Service,
  held: readonly PooledAddress[],
  previous: Allocation,
): readonly Address[] {
  const outcome = previous.outcomes.get(service.key);
  if (outcome?.type !== "assigned" || outcome.uid !== service.uid) {
    return none;
  }
  const { addresses, pool: askedPool, families } = readRequest(service);
  const isWanted = ({ address, pool }: PooledAddress) => {
    const has = ofFamily(held, address.family);
    const asked = addresses.get(address.family);
    if (has === undefined) {
      return families.includes(address.family);
    }
    return asked === undefined
      ? askedPool === pool.name && has.pool.name !== askedPool
      : asked.text === address.text;
  };
  return outcome.addresses.some(isWanted)
    ? outcome.addresses.filter(isWanted).map(({ address }) => address)
    : none;
}

/** Books all that the Service may keep; answers with the first of each family that it wants. */
function bookWherePossible(
  service: Service,
  addresses: readonly Address[],
  book: AddressBook,
  pools: PoolIndex,
): readonly PooledAddress[] {
  if (addresses.length === 0) {
    return none;
  }
  const { families, terms } = readRequest(service);
  const kept: PooledAddress[] = [];
  for (const address of addresses) {
    const pool = pools.poolOf(address);
    if (
      pool !== undefined &&
      !isAvoided(pool, address.family, address.value) &&
      book.obstacle(pool, address, terms) === undefined
    ) {
      book.book(pool, address, terms);
      if (families.includes(address.family) && ofFamily(kept, address.family) === undefined) {
        kept.push({ address, pool });
      }
    }
  }
  return kept;
}

/**
 * Keeps ours away from what this Service has. One of our class that is being deleted still shares on
 * its terms; any other shares with nobody, because its owner does not ask us.
 */
function blockAddresses(service: Service, book: AddressBook, pools: PoolIndex): void {
  const { inStatus, terms } = readRequest(service);
  for (const address of inStatus) {
    const pool = pools.poolOf(address);
    if (pool !== undefined) {
      book.book(pool, address, service.deleting ? terms : sharingTerms(service, undefined));
    }
  }
}

/** The `layer2` pool that the Service asks for or has an address of. */
function layer2PoolOf(service: Service, pools: PoolIndex): string | undefined {
  const { pool, addresses, inStatus } = readRequest(service);
  const named = pool === undefined ? undefined : pools.layer2PoolNamed(pool);
  return (
    named ??
    [...addresses.values(), ...inStatus]
      .map((address) => pools.layer2PoolOf(address))
      .find((name) => name !== undefined)
  );
}
