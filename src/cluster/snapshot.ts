import type { Config } from "../config/model.ts";
import type { Address, AddressFamily } from "../net/address.ts";
import type { Prefix } from "../net/prefix.ts";
import type { ReducedSlice } from "./endpoint.ts";
import type { DrainCause, Node } from "./node.ts";
import type { Labels } from "./selector.ts";
import type { LoadBalancerClass, Service } from "./service.ts";

/** All that the controller's `allocate` may look at, at one moment. */
export interface ControllerSnapshot {
  readonly config: Config;
  readonly loadBalancerClass: LoadBalancerClass;
  /** By key. */
  readonly services: ReadonlyMap<string, Service>;
  /** Labels of namespaces, by name: for `namespace-selectors` of pools. */
  readonly namespaces: ReadonlyMap<string, Labels>;
  /** Absent: whoever looks writes nothing. */
  readonly underWay?: readonly AddressWrite[];
}

/**
 * A write that may still put these addresses into a Service's status, or did so unseen. It takes
 * effect only if the Service is as it was decided about.
 */
export interface AddressWrite {
  /** As it was decided about. */
  readonly service: Service;
  readonly addresses: readonly Address[];
}

/** All that the speaker's `decideRoutes` may look at, at one moment. */
export interface SpeakerSnapshot {
  readonly config: Config;
  readonly loadBalancerClass: LoadBalancerClass;
  /** By key. */
  readonly services: ReadonlyMap<string, Service>;
  /** By key of the Service; every list holds at least one slice, reduced for our own Node. */
  readonly endpointSlices: ReadonlyMap<string, readonly ReducedSlice[]>;
  /** Our own Node. */
  readonly node: Node;
  readonly ignoreExcludeLabel: boolean;
  /** A cordoned node counts as draining. */
  readonly drainOnCordon: boolean;
  /** Between GRACEFUL_SHUTDOWN and withdrawal. */
  readonly drainTimeMs: number;
  /** When this snapshot was made; the other times in it are by the same clock. */
  readonly nowMs: number;
  /** Absent: our own Node does not drain. */
  readonly drain?: Drain;
  /** By `familyKey`: what is known of those Services whose last ready endpoint here ends. */
  readonly endings: ReadonlyMap<string, Ending>;
  /** By address: the weights that routers have of its routes. */
  readonly weights: ReadonlyMap<string, SentWeight>;
  /** Absent: routes do not depend on it. */
  readonly dataplane?: DataplaneState;
  /** Absent: no announcement waits for kube-proxy. */
  readonly arrivals?: Arrivals;
}

/** What kube-proxy on our own Node says of itself. */
export interface DataplaneState {
  readonly isNodeUnhealthy: boolean;
  /** Keys of the Services whose endpoints here it does not know, by their healthCheckNodePort. */
  readonly unhealthyServices: ReadonlySet<string>;
}

/** What tells whether an announcement of a `Local` Service has to wait for kube-proxy. */
export interface Arrivals {
  /** By key of the Service: its addresses that this node advertised until now. */
  readonly advertised: ReadonlyMap<string, readonly string[]>;
  /** By name of the session, sorted by prefix: its routes until now. They stay. */
  readonly routes: ReadonlyMap<string, readonly { readonly prefix: Prefix }[]>;
  /** `familyKey`s of Services for whose endpoints here kube-proxy has rules, as far as it tells. */
  readonly confirmed: ReadonlySet<string>;
}

/** How many endpoints an address's routes were last said to have here. */
export interface SentWeight {
  readonly count: number;
  /** -Infinity: never since they were advertised. */
  readonly changedMs: number;
}

/** The drain of our own Node. */
export interface Drain {
  readonly cause: DrainCause;
  /** -Infinity: since before this speaker started. */
  readonly sinceMs: number;
  /** Absent: they could not be read yet. */
  readonly others?: OtherNodes;
}

/** The other nodes of the cluster. */
export interface OtherNodes {
  readonly nodes: readonly Node[];
  /** Names of the nodes whose speaker is Ready. */
  readonly withSpeaker: ReadonlySet<string>;
}

/** The last ready endpoint of a `Local` Service on this node terminates. */
export interface Ending {
  /**
   * Since when it is known that an eligible other node with a Ready speaker has a ready endpoint;
   * -Infinity: it was so when this speaker started. Absent: none is known to.
   */
  readonly servedElsewhereSinceMs?: number;
}

/** Names a Service's endpoints of one family. */
export function familyKey(serviceKey: string, family: AddressFamily): string {
  return `${serviceKey} ${family}`;
}
