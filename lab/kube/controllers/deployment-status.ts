import { isObject, type JsonObject, numberAt, objectAt, textAt } from "../json.ts";
import { formatTime } from "../time.ts";
import { conditionOf } from "./pod-state.ts";
import { resolveShare } from "./rollout.ts";

/** What the status of a Deployment should be, by its ReplicaSets. */
export function deploymentStatus(
  deployment: JsonObject,
  newest: JsonObject | undefined,
  sets: readonly JsonObject[],
  nowMs: number,
): JsonObject {
  const sum = (field: string): number =>
    sets.reduce((total, set) => total + (numberAt(set, "status", field) ?? 0), 0);
  const wanted = numberAt(deployment, "spec", "replicas") ?? 1;
  const name = textAt(newest, "metadata", "name");
  const current = sets.find((set) => textAt(set, "metadata", "name") === name);
  const replicas = sum("replicas");
  const updated = numberAt(current, "status", "replicas") ?? 0;
  const available = sum("availableReplicas");
  const rolling = objectAt(deployment, "spec", "strategy", "rollingUpdate");
  const mayMiss = resolveShare(rolling["maxUnavailable"], wanted, "down");
  const isComplete = updated === wanted && replicas === wanted && available === wanted;
  return {
    observedGeneration: numberAt(deployment, "metadata", "generation"),
    replicas: replicas || undefined,
    updatedReplicas: updated || undefined,
    readyReplicas: sum("readyReplicas") || undefined,
    availableReplicas: available || undefined,
    unavailableReplicas: Math.max(0, wanted - available) || undefined,
    conditions: [
      available >= wanted - mayMiss
        ? condition(deployment, "Available", "True", "MinimumReplicasAvailable", nowMs)
        : condition(deployment, "Available", "False", "MinimumReplicasUnavailable", nowMs),
      condition(
        deployment,
        "Progressing",
        "True",
        isComplete ? "NewReplicaSetAvailable" : "ReplicaSetUpdated",
        nowMs,
        name,
      ),
    ],
  };
}

const messages: Readonly<Record<string, string>> = {
  MinimumReplicasAvailable: "Deployment has minimum availability.",
  MinimumReplicasUnavailable: "Deployment does not have minimum availability.",
  NewReplicaSetAvailable: "has successfully progressed.",
  ReplicaSetUpdated: "is progressing.",
};

/** As it stands, if it says the same; else new, with the time of the last change of its status. */
function condition(
  deployment: JsonObject,
  type: string,
  status: string,
  reason: string,
  nowMs: number,
  set?: string,
): JsonObject {
  const about = set === undefined ? "" : `ReplicaSet "${set}" `;
  const message = about + (messages[reason] ?? "");
  const old = conditionOf(deployment, type);
  const now = formatTime(nowMs);
  const isSame = textAt(old, "reason") === reason && textAt(old, "message") === message;
  if (isObject(old) && isSame && textAt(old, "status") === status) {
    return old;
  }
  const since = textAt(old, "status") === status ? textAt(old, "lastTransitionTime") : undefined;
  return {
    type,
    status,
    reason,
    message,
    lastUpdateTime: now,
    lastTransitionTime: since ?? now,
  };
}
