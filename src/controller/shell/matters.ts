import type { Service } from "../../cluster/service.ts";
import type { StoreChange } from "../../kube/store.ts";
import type { Ledger } from "../allocate.ts";
import { poolAnnotation } from "../outcome.ts";
import { diffStatus, shownIngress } from "../status.ts";
import { isSameButForStatus } from "./same-but-for-status.ts";

/**
 * Whether a change of Services can change what is to be decided or written. A write of our own that
 * does what had been decided, and takes no address out of the status, sets nothing free where that is all
 * that the Service wants and nothing else is booked meanwhile; whether its answer or the watch tells of it.
 */
export function matters(change: StoreChange<Service>, ledger: Ledger | undefined): boolean {
  if (change.source === "list") {
    return true;
  }
  const { before, after } = change;
  return (
    !bringsWhatWasDecided(change, ledger) &&
    [before, after].some(
      (service) =>
        service?.type === "LoadBalancer" ||
        (service !== undefined && Object.hasOwn(service.annotations, poolAnnotation)),
    )
  );
}

function bringsWhatWasDecided(
  change: Exclude<StoreChange<Service>, { source: "list" }>,
  ledger: Ledger | undefined,
): boolean {
  const { key, source, before, after } = change;
  if (before === undefined || ledger?.isTidy === false || ledger?.waiting.has(key) === true) {
    return false;
  }
  const hadNone = before.ingress.length === 0;
  if (hadNone && source === "own-write") {
    return true;
  }
  const outcome = ledger?.allocation.outcomes.get(key);
  return (
    outcome !== undefined &&
    after !== undefined &&
    (hadNone || shownIngress(before) === shownIngress(after)) &&
    diffStatus(after, outcome, "") === undefined &&
    isSameButForStatus(before, after)
  );
}
