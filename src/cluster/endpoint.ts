/** One EndpointSlice: its endpoints, each with where it is and how it does. */
export interface EndpointSlice {
  /** `namespace/name` of the slice. */
  readonly key: string;
  /** `namespace/name` of the Service it belongs to (label kubernetes.io/service-name). */
  readonly serviceKey: string;
  readonly family: "ipv4" | "ipv6";
  readonly endpoints: readonly Endpoint[];
}

export interface Endpoint {
  /** The first of its addresses: it identifies the endpoint among several slices and ports. */
  readonly address: string;
  readonly nodeName?: string;
  /** conditions.ready; unset counts as true. */
  readonly ready: boolean;
  /** conditions.serving; unset counts as `ready`. */
  readonly serving: boolean;
  /** conditions.terminating; unset counts as false. */
  readonly terminating: boolean;
}

/**
 * What of an EndpointSlice decides on one node. A Service has many endpoints and few nodes, and most
 * of what happens to endpoints elsewhere changes nothing here.
 */
export interface ReducedSlice {
  /** `namespace/name` of the slice. */
  readonly key: string;
  /** `namespace/name` of the Service it belongs to. */
  readonly serviceKey: string;
  readonly family: "ipv4" | "ipv6";
  /** Those on the node that are ready, or serve while they terminate; sorted by address. */
  readonly local: readonly LocalEndpoint[];
  /**
   * The names of all nodes with a ready endpoint, sorted; empty for one that has no node. Of a
   * Service that is not `Local`, the first may stand for all.
   */
  readonly readyNodes: readonly string[];
  /** The same for endpoints that serve while they terminate. */
  readonly endingNodes: readonly string[];
}

export interface LocalEndpoint {
  readonly address: string;
  /** Else it serves while it terminates. */
  readonly ready: boolean;
}

/** One for all that have none: there are thousands of slices. */
const nothing = [] as const;

/** Makes what reduces slices for the node `nodeName`; equal names of nodes become one string. */
export function sliceReducer(nodeName: string): (slice: EndpointSlice) => ReducedSlice {
  const names = new Map<string, string>();
  const namesOf = (endpoints: readonly Endpoint[]): readonly string[] => {
    const found = new Set<string>();
    for (const { nodeName: name = "" } of endpoints) {
      const known = names.get(name) ?? name;
      names.set(known, known);
      found.add(known);
    }
    return found.size === 0 ? nothing : [...found].sort();
  };
  return ({ key, serviceKey, family, endpoints }) => {
    const ready = endpoints.filter((endpoint) => endpoint.ready);
    const ending = endpoints.filter(servesWhileTerminating);
    const local = [...ready, ...ending]
      .filter((endpoint) => endpoint.nodeName === nodeName)
      .map(({ address, ready: isReady }) => ({ address, ready: isReady }))
      .sort((a, b) => (a.address < b.address ? -1 : a.address > b.address ? 1 : 0));
    return {
      key,
      serviceKey,
      family,
      local: local.length === 0 ? nothing : local,
      readyNodes: namesOf(ready),
      endingNodes: namesOf(ending),
    };
  };
}

function servesWhileTerminating({ ready, serving, terminating }: Endpoint): boolean {
  return !ready && serving && terminating;
}
