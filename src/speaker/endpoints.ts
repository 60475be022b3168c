import type { ReducedSlice } from "../cluster/endpoint.ts";
import type { AddressFamily } from "../net/address.ts";

/** Where one family's endpoints of a Service can take traffic. */
export interface Reach {
  readonly anywhere: boolean;
  /** On the node that the slices were reduced for. */
  readonly here: boolean;
  /** None is ready here and one serves here while it terminates, but there are ready ones elsewhere. */
  readonly isEnding: boolean;
}

const here: Reach = { anywhere: true, here: true, isEnding: false };
const ending: Reach = { anywhere: true, here: false, isEnding: true };
const elsewhere: Reach = { anywhere: true, here: false, isEnding: false };
const nowhere: Reach = { anywhere: false, here: false, isEnding: false };

/**
 * Where the endpoints of `family` can take traffic: the ready ones or, if none is ready, those that
 * still serve while they terminate (KEP-1669; kube-proxy falls back in the same way).
 *
 * An endpoint may be listed in several slices and for several ports: one good entry is enough. One
 * without a node counts for `anywhere` alone.
 */
export function reachOf(slices: readonly ReducedSlice[], family: AddressFamily): Reach {
  let isReady = false;
  let isServing = false;
  let isServingHere = false;
  for (const slice of slices) {
    if (slice.family === family) {
      if (slice.local.some(({ ready }) => ready)) {
        return here;
      }
      isReady ||= slice.readyNodes.length > 0;
      isServing ||= slice.endingNodes.length > 0;
      isServingHere ||= slice.local.length > 0;
    }
  }
  if (isServingHere) {
    return isReady ? ending : here;
  }
  return isReady || isServing ? elsewhere : nowhere;
}

/** The names of the nodes whose endpoints of `family` can take traffic, by the rule of `reachOf`. */
export function reachableNodes(
  slices: readonly ReducedSlice[],
  family: AddressFamily,
): ReadonlySet<string> {
  const ofFamily = slices.filter((slice) => slice.family === family);
  const ready = ofFamily.flatMap(({ readyNodes }) => readyNodes);
  const nodes = ready.length > 0 ? ready : ofFamily.flatMap(({ endingNodes }) => endingNodes);
  return new Set(nodes.filter((name) => name !== ""));
}
