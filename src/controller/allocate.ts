import type { LoadBalancerClass } from "../cluster/service.ts";
import type { ControllerSnapshot } from "../cluster/snapshot.ts";
import { eachInSteps, finish, type Steps } from "../cluster/steps.ts";
import type { Config } from "../config/model.ts";
import type { Address } from "../net/address.ts";
import type { AddressBook } from "./address-book.ts";
import { adoptionSteps, type Claim } from "./adopt.ts";
import {
  type Choices,
  choose,
  currentAddress,
  nothingChosen,
  type Surroundings,
} from "./choose.ts";
import {
  type Allocation,
  nothingAllocated,
  type Outcome,
  type PooledAddress,
  type PoolUse,
  poolAnnotation,
} from "./outcome.ts";
import { PoolIndex, usableAddresses } from "./pool-index.ts";
import type { AddressRequest } from "./request.ts";
import { noClusterIp, type Shortfall, worstShortfall } from "./shortfall.ts";

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
  return finish(allocationSteps(snapshot, previous)).allocation;
}

/** An allocation, which `amend` may change, and what it was decided by. */
export interface Ledger extends Surroundings {
  readonly allocation: Allocation & { readonly outcomes: Map<string, Outcome> };
  /** The book holds nothing for a Service of ours but what was decided for it. */
  readonly isTidy: boolean;
  /** Keys of Services that would take more than they have. */
  readonly waiting: ReadonlySet<string>;
  readonly config: Config;
  readonly loadBalancerClass: LoadBalancerClass;
}

/** As `allocate`, in steps. */
export function* allocationSteps(
  snapshot: ControllerSnapshot,
  previous: Allocation,
): Steps<Ledger> {
  const { config, loadBalancerClass, namespaces } = snapshot;
  const pools = new PoolIndex(config);
  const { book, claims, untouched } = yield* adoptionSteps(snapshot, pools, previous);
  const outcomes = new Map<string, Outcome>();
  const waiting = new Set<string>();
  let isTidy = true;
  yield* eachInSteps(claims, (claim) => {
    const { service, request, held, promised } = claim;
    const outcome = decide(claim, { pools, book, namespaces });
    outcomes.set(service.key, outcome);
    if (isWaiting(outcome, request)) {
      waiting.add(service.key);
    }
    isTidy &&=
      held.length === request.inStatus.length &&
      [...held, ...promised].every(({ address }) => wasGiven(outcome, address));
  });
  yield* eachInSteps(snapshot.underWay ?? [], ({ service, addresses }) => {
    const outcome = outcomes.get(service.key);
    isTidy &&= addresses.every((address) => wasGiven(outcome, address));
  });
  for (const [key, layer2Pool] of untouched) {
    const uid = snapshot.services.get(key)?.uid ?? "";
    outcomes.set(key, { type: "untouched", uid, layer2Pool });
  }
  const allocation = { outcomes, pools: poolUses(config, book) };
  return { allocation, isTidy, waiting, config, loadBalancerClass, pools, book, namespaces };
}

/** PreferDualStack without its second family waits for it, though it lacks nothing. */
export function isWaiting(outcome: Outcome, { families }: AddressRequest): boolean {
  return (
    outcome.type === "unassigned" ||
    (outcome.type === "assigned" &&
      (outcome.shortfall !== undefined || outcome.addresses.length < families.length))
  );
}

function wasGiven(outcome: Outcome | undefined, { text }: Address): boolean {
  return (
    outcome?.type === "assigned" && outcome.addresses.some(({ address }) => address.text === text)
  );
}

export function poolUses({ pools }: Config, book: AddressBook): readonly PoolUse[] {
  return pools.map((pool) => ({
    name: pool.name,
    total: { ipv4: usableAddresses(pool, "ipv4"), ipv6: usableAddresses(pool, "ipv6") },
    used: { ipv4: book.used(pool, "ipv4"), ipv6: book.used(pool, "ipv6") },
  }));
}

export function decide(claim: Claim, surroundings: Surroundings): Outcome {
  const { request } = claim;
  if (isContent(claim)) {
    return assigned(claim, claim.held, undefined);
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
    return unassigned(claim, shortfall ?? noClusterIp, surroundings.pools);
  }
  for (const { pool, address } of addresses) {
    surroundings.book.book(pool, address, request.terms);
  }
  return assigned(claim, addresses, shortfall);
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
  { service, request, before }: Claim,
  addresses: readonly PooledAddress[],
  shortfall: Shortfall | undefined,
): Outcome {
  const { signature } = request.terms;
  if (before !== undefined && saysTheSame(before, addresses, shortfall, signature)) {
    return before;
  }
  return {
    type: "assigned",
    uid: service.uid,
    addresses,
    ...(shortfall === undefined ? {} : { shortfall }),
    sharingSignature: signature,
  };
}

function saysTheSame(
  before: Outcome,
  addresses: readonly PooledAddress[],
  shortfall: Shortfall | undefined,
  signature: string,
): boolean {
  return (
    before.type === "assigned" &&
    before.sharingSignature === signature &&
    before.shortfall?.message === shortfall?.message &&
    before.addresses.length === addresses.length &&
    addresses.every(({ address, pool }, index) => {
      const other = before.addresses[index];
      return other?.pool === pool && other.address.text === address.text;
    })
  );
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

function unassigned(
  { service, request, before }: Claim,
  shortfall: Shortfall,
  pools: PoolIndex,
): Outcome {
  const mustClear =
    service.ingress.length > 0 &&
    (Object.hasOwn(service.annotations, poolAnnotation) ||
      request.inStatus.some((address) => pools.poolOf(address) !== undefined));
  const isSame =
    before?.type === "unassigned" &&
    before.mustClear === mustClear &&
    before.shortfall.message === shortfall.message;
  return isSame ? before : { type: "unassigned", uid: service.uid, shortfall, mustClear };
}
