import { isLoadBalancer, isOfClass, type Service } from "../cluster/service.ts";
import type { AddressWrite, ControllerSnapshot } from "../cluster/snapshot.ts";
import { eachInSteps, finish, type Steps } from "../cluster/steps.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import { AddressBook } from "./address-book.ts";
import type { Allocation, Outcome, PooledAddress } from "./outcome.ts";
import { isAvoided, type PoolIndex } from "./pool-index.ts";
import { type AddressRequest, readRequest } from "./request.ts";
import { type SharingTerms, sharingTerms } from "./sharing.ts";

/** A Service of ours, with what it has before anything is given out. */
export interface Claim {
  readonly service: Service;
  readonly request: AddressRequest;
  /** What the pass before decided. */
  readonly before: Outcome | undefined;
  /** In its status, and it may stay; at most one of each family that the Service wants. */
  readonly held: readonly PooledAddress[];
  /** Given by a pass before, whose write is not seen in the status yet; as `held`. */
  readonly promised: readonly PooledAddress[];
}

/** A claim while it is being made. */
type OpenClaim = { -readonly [K in keyof Claim]: Claim[K] };

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
 * `layer2` pools, those being deleted. Then what writes under way may put into a status, also where
 * the Service is to have something else by now: it is free when its write is over. Then what `previous`
 * gave and nobody writes yet. Last what the status of ours shows and may not stay there: nobody else
 * gets it before it is gone.
 */
export function adopt(
  snapshot: ControllerSnapshot,
  pools: PoolIndex,
  previous: Allocation,
): Adoption {
  return finish(adoptionSteps(snapshot, pools, previous));
}

/** As `adopt`, in steps. */
export function* adoptionSteps(
  snapshot: ControllerSnapshot,
  pools: PoolIndex,
  previous: Allocation,
): Steps<Adoption> {
  const book = new AddressBook();
  const { claims, others, untouched } = yield* sortOut(snapshot, pools, previous);
  const hold = (claim: OpenClaim) => {
    claim.held = bookWherePossible(claim, claim.request.inStatus, book, pools);
  };
  const changed: OpenClaim[] = [];
  yield* eachInSteps(claims, (claim) => {
    if (isSettled(claim)) {
      hold(claim);
    } else {
      changed.push(claim);
    }
  });
  yield* eachInSteps(changed, hold);
  yield* eachInSteps(others, (service) => blockAddresses(service, book, pools));
  const { underWay = none } = snapshot;
  const writes = Map.groupBy(underWay, ({ service }) => service.key);
  const promise = (claim: OpenClaim, written: readonly Address[]) => {
    const addresses = promisedAddresses(claim, written, pools);
    claim.promised = bookWherePossible(claim, addresses, book, pools);
  };
  const unwritten: OpenClaim[] = [];
  yield* eachInSteps(claims, (claim) => {
    const written = addressesOnTheirWay(writes.get(claim.service.key), claim.service);
    if (written.length === 0) {
      unwritten.push(claim);
    } else {
      promise(claim, written);
    }
  });
  yield* eachInSteps(underWay, ({ service, addresses }) =>
    bookAnyway(addresses, readRequest(service).terms, book, pools),
  );
  yield* eachInSteps(unwritten, (claim) => promise(claim, none));
  yield* eachInSteps(claims, ({ held, request: { inStatus, terms } }) => {
    if (held.length < inStatus.length) {
      bookAnyway(inStatus, terms, book, pools);
    }
  });
  return { book, claims, untouched };
}

const none: readonly never[] = [];

interface SortedServices {
  readonly claims: OpenClaim[];
  readonly others: readonly Service[];
  readonly untouched: ReadonlyMap<string, string>;
}

/** Our Services in the order in which they are served, and those that only hold addresses. */
function* sortOut(
  snapshot: ControllerSnapshot,
  pools: PoolIndex,
  previous: Allocation,
): Steps<SortedServices> {
  const claims: OpenClaim[] = [];
  const others: Service[] = [];
  const untouched = new Map<string, string>();
  yield* eachInSteps(snapshot.services.values(), (service) => {
    if (service.type === "LoadBalancer") {
      const layer2 = pools.hasLayer2 ? layer2PoolOf(service, pools) : undefined;
      if (!isLoadBalancer(service) || !isOfClass(service, snapshot.loadBalancerClass)) {
        others.push(service);
      } else if (layer2 === undefined) {
        const outcome = previous.outcomes.get(service.key);
        const before = outcome?.uid === service.uid ? outcome : undefined;
        const request = readRequest(service);
        claims.push({ service, request, before, held: none, promised: none });
      } else {
        untouched.set(service.key, layer2);
        others.push(service);
      }
    }
  });
  claims.sort((a, b) => compareServices(a.service, b.service));
  return { claims, others, untouched };
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

/**
 * The Service has what the pass before gave it, on the same terms. Another address in its status was
 * written by a leader that did not know yet that it had been replaced.
 */
function isSettled({ before, request }: Claim): boolean {
  return (
    before?.type === "assigned" &&
    before.sharingSignature === request.terms.signature &&
    request.inStatus.every(({ text }) =>
      before.addresses.some(({ address }) => address.text === text),
    )
  );
}

/** What the Service, if it stays as it is, may still get by these writes. */
function addressesOnTheirWay(
  writes: readonly AddressWrite[] | undefined,
  { uid, resourceVersion }: Service,
): readonly Address[] {
  return writes === undefined
    ? none
    : writes
        .filter(({ service }) => service.uid === uid && service.resourceVersion === resourceVersion)
        .flatMap(({ addresses }) => addresses);
}

/**
 * Addresses of the pass before, and of writes under way, that the Service has not got yet and still
 * wants: those of a family in which it holds none, and those that it asks for.
 */
function promisedAddresses(
  { before, request, held }: Claim,
  written: readonly Address[],
  pools: PoolIndex,
): readonly Address[] {
  const given =
    before?.type === "assigned" && before.addresses !== held
      ? before.addresses.map(({ address }) => address)
      : none;
  if (given.length === 0 && written.length === 0) {
    return none;
  }
  const isWanted = (address: Address) => {
    const has = ofFamily(held, address.family);
    const asked = request.addresses.get(address.family);
    if (has === undefined) {
      return request.families.includes(address.family);
    }
    return asked === undefined
      ? request.pool === pools.poolOf(address)?.name && has.pool.name !== request.pool
      : asked.text === address.text && has.address.text !== address.text;
  };
  return [...given, ...written].filter(isWanted);
}

/**
 * Books all that the Service may keep; answers with the first of each family that it wants. The same
 * answer as in the pass before is the same list.
 */
function bookWherePossible(
  { request, before }: Claim,
  addresses: readonly Address[],
  book: AddressBook,
  pools: PoolIndex,
): readonly PooledAddress[] {
  if (addresses.length === 0) {
    return none;
  }
  const kept: PooledAddress[] = [];
  for (const address of addresses) {
    const pool = pools.poolOf(address);
    if (
      pool !== undefined &&
      !isAvoided(pool, address.family, address.value) &&
      book.bookIfFree(pool, address, request.terms) &&
      request.families.includes(address.family) &&
      ofFamily(kept, address.family) === undefined
    ) {
      kept.push({ address, pool });
    }
  }
  const same = before?.type === "assigned" ? before.addresses : none;
  const isSame =
    same.length === kept.length &&
    kept.every(({ address, pool }, index) => {
      const other = same[index];
      return other?.pool === pool && other.address.text === address.text;
    });
  return isSame ? same : kept;
}

/**
 * Keeps ours away from what this Service has. One of our class that is being deleted still shares on
 * its terms; any other shares with nobody, because its owner does not ask us.
 */
function blockAddresses(service: Service, book: AddressBook, pools: PoolIndex): void {
  const { inStatus, terms } = readRequest(service);
  bookAnyway(inStatus, service.deleting ? terms : sharingTerms(service, undefined), book, pools);
}

function bookAnyway(
  addresses: readonly Address[],
  terms: SharingTerms,
  book: AddressBook,
  pools: PoolIndex,
): void {
  for (const address of addresses) {
    const pool = pools.poolOf(address);
    // Nobody is given an avoided address, and the pool's size leaves it out.
    if (pool !== undefined && !isAvoided(pool, address.family, address.value)) {
      book.book(pool, address, terms);
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
