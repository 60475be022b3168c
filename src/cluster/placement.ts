import type { SelectorRequirement } from "../config/model.ts";
import type { Labels } from "./selector.ts";

/** What decides whether a DaemonSet puts a Pod on a node. */
export interface DaemonSetPlacement {
  readonly uid: string;
  readonly deleting: boolean;
  readonly nodeSelector: Labels;
  /** requiredDuringScheduling of node affinity: one term must match; absent: any node will do. */
  readonly affinityTerms?: readonly AffinityTerm[];
  readonly tolerations: readonly Toleration[];
}

/** All of it must match; a term with nothing in it matches no node, as in Kubernetes. */
export interface AffinityTerm {
  readonly expressions: readonly NodeRequirement[];
  /** Of `metadata.name`, which is all that the server takes. */
  readonly names: readonly NodeRequirement[];
}

export interface NodeRequirement {
  readonly key: string;
  /** As in node affinity; one that is not known matches no node. */
  readonly operator: string;
  readonly values: readonly string[];
}

export interface Toleration {
  /** Empty: every key. */
  readonly key: string;
  readonly isExists: boolean;
  readonly value: string;
  /** Empty: every effect. */
  readonly effect: string;
}

/** What of a Node decides where Pods go. */
export interface NodePlacement {
  readonly name: string;
  readonly labels: Labels;
  readonly taints: readonly Taint[];
  readonly isReady: boolean;
  readonly deleting: boolean;
}

export interface Taint {
  readonly key: string;
  readonly value: string;
  readonly effect: string;
}

/** Taints that the DaemonSet controller has its Pods tolerate, whatever their template says. */
const toleratedByDaemons = [
  ["node.kubernetes.io/not-ready", "NoExecute"],
  ["node.kubernetes.io/unreachable", "NoExecute"],
  ["node.kubernetes.io/disk-pressure", "NoSchedule"],
  ["node.kubernetes.io/memory-pressure", "NoSchedule"],
  ["node.kubernetes.io/pid-pressure", "NoSchedule"],
  ["node.kubernetes.io/unschedulable", "NoSchedule"],
  ["node.kubernetes.io/network-unavailable", "NoSchedule"],
] as const;

const daemonTolerations = toleratedByDaemons.map(([key, effect]): Toleration => {
  return { key, effect, isExists: true, value: "" };
});

/**
 * Whether the DaemonSet controller would put a Pod on the node. What only some of its Pods tolerate
 * (network-unavailable: those with hostNetwork) is taken as tolerated, since a speaker's Pod is one.
 */
export function wantsPodOn(daemonSet: DaemonSetPlacement, node: NodePlacement): boolean {
  const { nodeSelector, affinityTerms } = daemonSet;
  const tolerations = [...daemonSet.tolerations, ...daemonTolerations];
  return (
    !daemonSet.deleting &&
    Object.entries(nodeSelector).every(([key, value]) => labelOf(node.labels, key) === value) &&
    (affinityTerms === undefined || affinityTerms.some((term) => termMatches(term, node))) &&
    node.taints.every(
      (taint) =>
        taint.effect === "PreferNoSchedule" || tolerations.some((one) => tolerates(one, taint)),
    )
  );
}

function termMatches({ expressions, names }: AffinityTerm, { name, labels }: NodePlacement) {
  return (
    expressions.length + names.length > 0 &&
    expressions.every((requirement) =>
      requirementMatches(requirement, labelOf(labels, requirement.key)),
    ) &&
    names.every((requirement) => requirementMatches(requirement, name))
  );
}

function labelOf(labels: Labels, key: string): string | undefined {
  return Object.hasOwn(labels, key) ? labels[key] : undefined;
}

type Operator = SelectorRequirement["operator"] | "Gt" | "Lt";

function requirementMatches({ operator, values }: NodeRequirement, value: string | undefined) {
  const [first = ""] = values;
  const tests: Record<Operator, () => boolean> = {
    In: () => value !== undefined && values.includes(value),
    NotIn: () => value === undefined || !values.includes(value),
    Exists: () => value !== undefined,
    DoesNotExist: () => value === undefined,
    Gt: () => value !== undefined && Number(value) > Number(first),
    Lt: () => value !== undefined && Number(value) < Number(first),
  };
  return isOperator(operator) && tests[operator]();
}

function isOperator(text: string): text is Operator {
  return ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"].includes(text);
}

function tolerates({ key, isExists, value, effect }: Toleration, taint: Taint): boolean {
  return (
    (key === "" ? isExists : key === taint.key) &&
    (effect === "" || effect === taint.effect) &&
    (isExists || value === taint.value)
  );
}
