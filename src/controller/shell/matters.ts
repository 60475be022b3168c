import type { Service } from "../../cluster/service.ts";
import type { StoreChange } from "../../kube/store.ts";
import type { Ledger } from "../allocate.ts";
import { poolAnnotation } from "../outcome.ts";
import { diffStatus, shownIngress } from "../status.ts";
import { isSameButForStatus } from "./same-but-for-status.ts";

/**
 * Whether a change of Services can change what is to be decided or written. Not if the status is now as
 * was decided, most often by our own write, whether its answer or the watch tells of it: see
 * `showsWhatWasDecided`.
 */
export function matters(change: StoreChange<Service>, ledger: Ledger | undefined): boolean {
  if (change.source === "list") {
    return true;
  }
  const { before, after } = change;
  return (
    !showsWhatWasDecided(change, ledger) &&
    [before, after].some(
      (service) =>
        service?.type === "LoadBalancer" ||
        (service !== undefined && Object.hasOwn(service.annotations, poolAnnotation)),
    )
  );
}

/**
 * The status is as was decided, and nothing else of the Service changed. Where the addresses are those
 * of before, that sets none free. Where there were none, neither does it if that is all that the Service
 * wants and nothing else is booked meanwhile.
 */
function showsWhatWasDecided(
  { key, source, before, after }: Exclude<StoreChange<Service>, { source: "list" }>,
  ledger: Ledger | undefined,
): boolean {
  if (before === undefined || after === undefined || ledger === undefined) {
    return false;
  }
  const neededNothingElse =
    before.ingress.length === 0 && ledger.isTidy && !ledger.waiting.has(key);
  if (neededNothingElse && source === "own-write") {
    return true;
  }
  const outcome = ledger.allocation.outcomes.get(key);
  return (
    (neededNothingElse || shownIngress(before) === shownIngress(after)) &&
    outcome !== undefined &&
    diffStatus(after, outcome, "") === undefined &&
    isSameButForStatus(before, after)
  );
}
