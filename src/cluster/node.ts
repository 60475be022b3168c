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

/** What on a Node's object says that it is about to leave. */
export type DrainCause = "annotation" | "autoscaler-taint" | "cordon";

const autoscalerTaint = "ToBeDeletedByClusterAutoscaler";

const excludeLabel = "node.kubernetes.io/exclude-from-external-load-balancers";

/** The label counts whatever its value, as in Kubernetes' own service controller. */
export function isExcludedFromLoadBalancers(node: Node): boolean {
  return Object.hasOwn(node.labels, excludeLabel);
}

/**
 * Why the node is to be drained, or undefined. The annotation `routelb.io/drain` counts with any
 * value but `false`; a cordon only where it is asked for.
 */
export function whyDraining(node: Node, drainOnCordon: boolean): DrainCause | undefined {
  if (node.drainAnnotation !== undefined && node.drainAnnotation !== "false") {
    return "annotation";
  }
  if (node.taints.includes(autoscalerTaint)) {
    return "autoscaler-taint";
  }
  return drainOnCordon && node.unschedulable ? "cordon" : undefined;
}

/** Whether a node may advertise at all, apart from its draining. */
export function isEligible(node: Node, ignoreExcludeLabel: boolean): boolean {
  return (ignoreExcludeLabel || !isExcludedFromLoadBalancers(node)) && !node.networkUnavailable;
}
