import type { Config } from "../config/model.ts";
import type { EndpointSlice } from "./endpoint.ts";
import type { Node } from "./node.ts";
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
}

/** All that the speaker's `decideRoutes` may look at, at one moment. */
export interface SpeakerSnapshot {
  readonly config: Config;
  readonly loadBalancerClass: LoadBalancerClass;
  /** By key. */
  readonly services: ReadonlyMap<string, Service>;
  /** By key of the Service; every list holds at least one slice. */
  readonly endpointSlices: ReadonlyMap<string, readonly EndpointSlice[]>;
  /** Our own Node. */
  readonly node: Node;
  readonly ignoreExcludeLabel: boolean;
}
