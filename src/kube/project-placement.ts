/** Pods, DaemonSets and Nodes, as far as it matters where a DaemonSet's Pods are. */
import type {
  AffinityTerm,
  DaemonSetPlacement,
  NodePlacement,
  NodeRequirement,
  Toleration,
} from "../cluster/placement.ts";
import type { Pod } from "../cluster/pod.ts";
import { type KubeObject, objectKey } from "./client.ts";
import { isRecord, listOf, recordOf, textOf, textRecordOf, textsOf } from "./json.ts";

export function projectPod(object: KubeObject): Pod {
  const { metadata } = object;
  const nodeName = textOf(recordOf(object["spec"])["nodeName"]);
  const owner = listOf(metadata["ownerReferences"])
    .map(recordOf)
    .find((entry) => entry["controller"] === true && entry["kind"] === "DaemonSet");
  const name = textOf(owner?.["name"]);
  const uid = textOf(owner?.["uid"]);
  return {
    key: objectKey(object),
    uid: metadata.uid,
    ...(nodeName === undefined || nodeName === "" ? {} : { nodeName }),
    isReady: hasCondition(object, "Ready"),
    deleting: metadata["deletionTimestamp"] !== undefined,
    ...(name === undefined || uid === undefined ? {} : { daemonSet: { name, uid } }),
  };
}

export function projectDaemonSet(object: KubeObject): DaemonSetPlacement {
  const template = recordOf(recordOf(object["spec"])["template"]);
  const spec = recordOf(template["spec"]);
  const required = recordOf(recordOf(spec["affinity"])["nodeAffinity"])[
    "requiredDuringSchedulingIgnoredDuringExecution"
  ];
  return {
    uid: object.metadata.uid,
    deleting: object.metadata["deletionTimestamp"] !== undefined,
    nodeSelector: textRecordOf(spec["nodeSelector"]),
    ...(isRecord(required)
      ? { affinityTerms: listOf(required["nodeSelectorTerms"]).map(termOf) }
      : {}),
    tolerations: listOf(spec["tolerations"]).map(tolerationOf),
  };
}

export function projectNodePlacement(object: KubeObject): NodePlacement {
  const { metadata } = object;
  return {
    name: metadata.name,
    labels: textRecordOf(metadata["labels"]),
    taints: listOf(recordOf(object["spec"])["taints"])
      .map(recordOf)
      .map((taint) => ({
        key: textOf(taint["key"]) ?? "",
        value: textOf(taint["value"]) ?? "",
        effect: textOf(taint["effect"]) ?? "",
      })),
    isReady: hasCondition(object, "Ready"),
    deleting: metadata["deletionTimestamp"] !== undefined,
  };
}

function hasCondition(object: KubeObject, type: string): boolean {
  return listOf(recordOf(object["status"])["conditions"])
    .map(recordOf)
    .some((entry) => entry["type"] === type && entry["status"] === "True");
}

function termOf(value: unknown): AffinityTerm {
  const term = recordOf(value);
  return {
    expressions: listOf(term["matchExpressions"]).map(requirementOf),
    names: listOf(term["matchFields"]).map(requirementOf),
  };
}

function requirementOf(value: unknown): NodeRequirement {
  const entry = recordOf(value);
  return {
    key: textOf(entry["key"]) ?? "",
    operator: textOf(entry["operator"]) ?? "",
    values: textsOf(entry["values"]),
  };
}

function tolerationOf(value: unknown): Toleration {
  const entry = recordOf(value);
  return {
    key: textOf(entry["key"]) ?? "",
    isExists: entry["operator"] === "Exists",
    value: textOf(entry["value"]) ?? "",
    effect: textOf(entry["effect"]) ?? "",
  };
}
