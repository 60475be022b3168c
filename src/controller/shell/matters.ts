import type { Service } from "../../cluster/service.ts";
import type { StoreChange } from "../../kube/store.ts";
import type { Ledger } from "../allocate.ts";
import { poolAnnotation } from "../outcome.ts";
import { diffStatus } from "../status.ts";
import { isSameButForStatus } from "./same-but-for-status.ts";

/**
 * Whether a change of Services can change what is to be decided or written. Our own write of an
 * address where none was does what had been decided and, where that is all that the Service wants and
 * nothing else is booked meanwhile, sets nothing free, whether its answer or the watch tells of it.
 */
export function matters(change: StoreChange<Service>, ledger: Ledger | undefined): boolean {
  if (change.source === "list") {
    return true;
  }
  const { key, source, before, after } = change;
  const outcome = ledger?.allocation.outcomes.get(key);
  const isFinal = ledger?.isTidy !== false && ledger?.waiting.has(key) !== true;
  if (isFinal && before?.ingress.length === 0) {
    const isDecided =
      outcome !== undefined &&
      after !== undefined &&
      diffStatus(after, outcome, "") === undefined &&
      isSameButForStatus(before, after);
    if (source === "own-write" || isDecided) {
      return false;
    }
  }
  return [before, after].some(
    (service) =>
      service?.type === "LoadBalancer" ||
      (service !== undefined && Object.hasOwn(service.annotations, poolAnnotation)),
  );
}
