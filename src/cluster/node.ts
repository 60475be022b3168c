import type { Address } from "../net/address.ts";
import type { Labels } from "./selector.ts";

/** What decisions need of a Kubernetes Node. */
export interface Node {
  readonly name: string;
  readonly uid: string;
  readonly labels: Labels;
  /** status.addresses of type InternalIP, in their order. */
  readonly internalAddresses: readonly Address[];
  /** The value of the annotation `routelb.io/drain`; absent: not set. */
  readonly drainAnnotation?: string;
  readonly unschedulable: boolean;
  /** Keys of spec.taints. */
  readonly taints: readonly string[];
  /** The condition NetworkUnavailable is True. */
  readonly networkUnavailable: boolean;
}

const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/** The label counts whatever its value, as in Kubernetes' own service controller. */
export function isExcludedFromLoadBalancers(node: Node): boolean {
  return Object.hasOwn(node.labels, excludeLabel);
}
