import type { Endpoint, EndpointSlice } from "../cluster/endpoint.ts";
import type { AddressFamily } from "../net/address.ts";

/** Where one family's endpoints of a Service can take traffic. */
export interface Reach {
  readonly anywhere: boolean;
  /** On the node that was asked about. */
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
export function reachOf(
  slices: readonly EndpointSlice[],
  family: AddressFamily,
  nodeName: string,
): Reach {
  let ready = false;
  let serving = false;
  let servingHere = false;
  for (const slice of slices) {
    if (slice.family !== family) {
      continue;
    }
    for (const endpoint of slice.endpoints) {
      if (endpoint.ready) {
        if (endpoint.nodeName === nodeName) {
          return here;
        }
        ready = true;
      } else if (servesWhileTerminating(endpoint)) {
        serving = true;
        servingHere ||= endpoint.nodeName === nodeName;
      }
    }
  }
  if (servingHere) {
    return ready ? ending : here;
  }
  return ready || serving ? elsewhere : nowhere;
}

/** The names of the nodes whose endpoints of `family` can take traffic, by the rule of `reachOf`. */
export function reachableNodes(
  slices: readonly EndpointSlice[],
  family: AddressFamily,
): ReadonlySet<string> {
  const endpoints = slices
    .filter((slice) => slice.family === family)
    .flatMap((slice) => slice.endpoints);
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const chosen = ready.length > 0 ? ready : endpoints.filter(servesWhileTerminating);
  return new Set(chosen.flatMap(({ nodeName }) => (nodeName === undefined ? [] : [nodeName])));
}

function servesWhileTerminating(endpoint: Endpoint): boolean {
  return endpoint.serving && endpoint.terminating;
}
