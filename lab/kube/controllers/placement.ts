import {
  at,
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  objectAt,
  textAt,
  textMapAt,
  textsAt,
} from "../json.ts";
import { isDeleting } from "./owners.ts";
import { conditionOf } from "./pod-state.ts";

/** Nodes with this label get no Pods at all. */
const noPodsLabel = "lab.routelb.io/no-pods";

/** Tolerations that every DaemonSet's Pod has: it stays where others must leave. */
export const daemonTolerations: readonly JsonObject[] = [
  { key: "node.kubernetes.io/not-ready", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" },
  { key: "node.kubernetes.io/disk-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/memory-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/pid-pressure", operator: "Exists", effect: "NoSchedule" },
  { key: "node.kubernetes.io/unschedulable", operator: "Exists", effect: "NoSchedule" },
];

export function isNodeReady(node: JsonObject): boolean {
  return textAt(conditionOf(node, "Ready"), "status") === "True";
}

/** Whether a Pod with this spec may start on a node: selector, affinity, taints. */
export function maySchedule(spec: JsonObject, node: JsonObject): boolean {
  return mayBeOn(spec, node, ["NoSchedule", "NoExecute"]);
}

/** Whether a daemon's Pod that runs on a node may go on there: NoSchedule keeps out new ones only. */
export function mayStay(spec: JsonObject, node: JsonObject): boolean {
  return mayBeOn(spec, node, ["NoExecute"]);
}

function mayBeOn(spec: JsonObject, node: JsonObject, effects: readonly string[]): boolean {
  return (
    !Object.hasOwn(objectAt(node, "metadata", "labels"), noPodsLabel) &&
    !isDeleting(node) &&
    isWanted(spec, node) &&
    listAt(node, "spec", "taints")
      .filter((taint) => effects.includes(textAt(taint, "effect") ?? ""))
      .every((taint) => isTolerated(spec, taint))
  );
}

/** The points that preferred node affinity gives a node. */
export function preference(spec: JsonObject, node: JsonObject): number {
  const preferred = listAt(
    spec,
    "affinity",
    "nodeAffinity",
    "preferredDuringSchedulingIgnoredDuringExecution",
  );
  return preferred
    .filter((entry) => termMatches(objectAt(entry, "preference"), node))
    .reduce<number>((sum, entry) => sum + (numberAt(entry, "weight") ?? 0), 0);
}

function isWanted(spec: JsonObject, node: JsonObject): boolean {
  const labels = textMapAt(node, "metadata", "labels");
  const selector = Object.entries(textMapAt(spec, "nodeSelector"));
  const terms = listAt(
    spec,
    "affinity",
    "nodeAffinity",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "nodeSelectorTerms",
  );
  return (
    selector.every(([key, value]) => labels[key] === value) &&
    (terms.length === 0 || terms.some((term) => termMatches(term, node)))
  );
}

function termMatches(term: Json, node: JsonObject): boolean {
  const labels = textMapAt(node, "metadata", "labels");
  const fields = { "metadata.name": textAt(node, "metadata", "name") ?? "" };
  const expressions = listAt(term, "matchExpressions");
  const matchFields = listAt(term, "matchFields");
  return (
    expressions.length + matchFields.length > 0 &&
    expressions.every((expression) => requirementMatches(expression, labels)) &&
    matchFields.every((expression) => requirementMatches(expression, fields))
  );
}

function requirementMatches(requirement: Json, labels: Readonly<Record<string, string>>): boolean {
  const key = textAt(requirement, "key") ?? "";
  const values = textsAt(requirement, "values");
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (textAt(requirement, "operator")) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return Number(value) > Number(values[0]);
    case "Lt":
      return Number(value) < Number(values[0]);
    case undefined:
    default:
      return false;
  }
}

function isTolerated(spec: JsonObject, taint: Json): boolean {
  return listAt(spec, "tolerations").some((toleration) => tolerates(toleration, taint));
}

export function tolerates(toleration: Json, taint: Json): boolean {
  const key = textAt(toleration, "key") ?? "";
  const effect = textAt(toleration, "effect") ?? "";
  const isExists = textAt(toleration, "operator") === "Exists";
  const sameValue = (textAt(toleration, "value") ?? "") === (textAt(taint, "value") ?? "");
  return (
    (effect === "" || effect === textAt(taint, "effect")) &&
    (key === "" ? isExists : key === textAt(taint, "key")) &&
    (isExists || sameValue)
  );
}

/** Whether the node takes new Pods of those who do not come with tolerations of their own. */
export function isSchedulable(node: JsonObject): boolean {
  return at(node, "spec", "unschedulable") !== true && isNodeReady(node);
}
