import { isLoadBalancer, isOfClass, type Service } from "../cluster/service.ts";
import { compareServices } from "./adopt.ts";
import { decide, isWaiting, type Ledger, poolUses } from "./allocate.ts";
import { readRequest } from "./request.ts";

/** Services that were created and deleted since the ledger was made; nothing else changed. */
export interface ComingsAndGoings {
  /** As they are now. */
  readonly come: readonly Service[];
  /** As they were when it was made; one of the same key may have come. */
  readonly gone: readonly Service[];
}

/**
 * The ledger that a whole pass would make, made from the one before: `allocate` costs tens of
 * milliseconds at 10,000 Services, for each that comes or goes.
 *
 * As long as nobody waits, a Service that is gone concerns nobody else, and a new one without an
 * address takes away nothing that another wants. All else is for a whole pass, and so is everything
 * while an address is booked that its Service is to lose.
 *
 * @returns undefined: a whole pass must decide. Else the ledger that was given is used up.
 */
export function amend(ledger: Ledger, { come, gone }: ComingsAndGoings): Ledger | undefined {
  const { isTidy, book, config } = ledger;
  // Changed in place: to copy it takes longer than all the rest.
  const { outcomes } = ledger.allocation;
  const goneKeys = new Set(gone.map(({ key }) => key));
  const isSimple =
    isTidy &&
    [...ledger.waiting].every((key) => goneKeys.has(key)) &&
    come.every(
      (service) =>
        takesNothing(ledger, service) && (!outcomes.has(service.key) || goneKeys.has(service.key)),
    ) &&
    gone.every((service) => leavesNothing(ledger, service));
  if (!isSimple) {
    return undefined;
  }
  for (const key of goneKeys) {
    const outcome = outcomes.get(key);
    outcomes.delete(key);
    for (const { pool, address } of outcome?.type === "assigned" ? outcome.addresses : []) {
      book.giveBack(pool, address, key);
    }
  }
  const waiting = new Set<string>();
  for (const service of come.toSorted(compareServices)) {
    if (isLoadBalancer(service) && isOfClass(service, ledger.loadBalancerClass)) {
      const request = readRequest(service);
      const claim = { service, request, before: undefined, held: [], promised: [] };
      const outcome = decide(claim, ledger);
      outcomes.set(service.key, outcome);
      if (isWaiting(outcome, request)) {
        waiting.add(service.key);
      }
    }
  }
  return { ...ledger, waiting, allocation: { outcomes, pools: poolUses(config, book) } };
}

/** It has no address, and none of a `layer2` pool to ask for. */
function takesNothing({ pools }: Ledger, { type, ingress }: Service): boolean {
  return type !== "LoadBalancer" || (ingress.length === 0 && !pools.hasLayer2);
}

/** All that it held is what was decided for it. */
function leavesNothing({ allocation }: Ledger, service: Service): boolean {
  const outcome = allocation.outcomes.get(service.key);
  if (outcome === undefined) {
    return service.type !== "LoadBalancer" || service.ingress.length === 0;
  }
  if (outcome.uid !== service.uid || outcome.type === "untouched") {
    return false;
  }
  const decided = outcome.type === "assigned" ? outcome.addresses : [];
  return readRequest(service).inStatus.every(({ text }) =>
    decided.some(({ address }) => address.text === text),
  );
}
