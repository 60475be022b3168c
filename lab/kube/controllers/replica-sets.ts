import {
  type JsonObject,
  numberAt,
  objectAt,
  sameJson,
  textAt,
  textMapAt,
  withAt,
} from "../json.ts";
import { keyOf } from "../store.ts";
import { type ControllerEnvironment, recordEvent } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { controlledBy, controllerReference, isDeleting, watchOwned } from "./owners.ts";
import { isPodActive, isPodReady, untilAvailable } from "./pod-state.ts";

const manager = "replicaset-controller";

/** Keeps as many Pods of each ReplicaSet as it asks for. */
export function startReplicaSets(environment: ControllerEnvironment): void {
  const queue = new KeyQueue(environment, (key) => {
    const waitMs = reconcile(environment, key);
    if (waitMs !== undefined) {
      queue.addAfter(key, waitMs);
    }
  });
  watchOwned(environment.objects, "replicasets", "ReplicaSet", "pods", (key) => queue.add(key));
}

/** @returns milliseconds until the next Pod becomes available by time alone */
function reconcile(environment: ControllerEnvironment, key: string): number | undefined {
  const objects = environment.objects.as(manager);
  const set = objects.get("replicasets", key);
  if (set === undefined || isDeleting(set)) {
    return undefined;
  }
  const pods = controlledBy(objects, "pods", set).filter(isPodActive);
  const wanted = numberAt(set, "spec", "replicas") ?? 1;
  for (let count = pods.length; count < wanted; count += 1) {
    const pod = objects.create(podOf(set));
    const name = textAt(pod, "metadata", "name");
    recordEvent(environment, manager, set, "SuccessfulCreate", `Created pod: ${name}`);
  }
  for (const pod of firstToGo(pods).slice(0, Math.max(0, pods.length - wanted))) {
    objects.delete("pods", keyOf(pod));
    const name = textAt(pod, "metadata", "name");
    recordEvent(environment, manager, set, "SuccessfulDelete", `Deleted pod: ${name}`);
  }
  return writeStatus(environment, set);
}

function writeStatus(environment: ControllerEnvironment, set: JsonObject): number | undefined {
  const objects = environment.objects.as(manager);
  const pods = controlledBy(objects, "pods", set).filter(isPodActive);
  const minReadySeconds = numberAt(set, "spec", "minReadySeconds") ?? 0;
  const nowMs = environment.clock.wallTime();
  const waits = pods
    .map((pod) => untilAvailable(pod, minReadySeconds, nowMs))
    .filter((wait) => wait !== undefined);
  const labels = textMapAt(set, "spec", "template", "metadata", "labels");
  const labelled = pods.filter((pod) => {
    const own = textMapAt(pod, "metadata", "labels");
    return Object.entries(labels).every(([key, value]) => own[key] === value);
  });
  const status: JsonObject = {
    replicas: pods.length,
    fullyLabeledReplicas: labelled.length || undefined,
    readyReplicas: pods.filter(isPodReady).length || undefined,
    availableReplicas: waits.filter((wait) => wait === 0).length || undefined,
    observedGeneration: numberAt(set, "metadata", "generation"),
  };
  if (!sameJson(status, objectAt(set, "status"))) {
    objects.updateStatus(withAt(set, ["status"], status));
  }
  return waits.filter((wait) => wait > 0).toSorted((a, b) => a - b)[0];
}

/** A Pod of the owner's template. */
export function podOf(owner: JsonObject, labels: JsonObject = {}): JsonObject {
  const template = objectAt(owner, "spec", "template");
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      generateName: `${textAt(owner, "metadata", "name")}-`,
      namespace: textAt(owner, "metadata", "namespace"),
      labels: { ...objectAt(template, "metadata", "labels"), ...labels },
      annotations:
        template["metadata"] === undefined ? {} : objectAt(template, "metadata", "annotations"),
      ownerReferences: [controllerReference(owner)],
    },
    spec: objectAt(template, "spec"),
  };
}

/** Pods in the order in which a smaller ReplicaSet lets go of them. */
function firstToGo(pods: readonly JsonObject[]): readonly JsonObject[] {
  const onNode = new Map<string, number>();
  for (const pod of pods) {
    const node = textAt(pod, "spec", "nodeName") ?? "";
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const crowd = (pod: JsonObject): number => onNode.get(textAt(pod, "spec", "nodeName") ?? "") ?? 0;
  const isBound = (pod: JsonObject): boolean => textAt(pod, "spec", "nodeName") !== undefined;
  const age = (pod: JsonObject): string => textAt(pod, "metadata", "creationTimestamp") ?? "";
  return pods.toSorted(
    (a, b) =>
      Number(isBound(a)) - Number(isBound(b)) ||
      Number(isPodReady(a)) - Number(isPodReady(b)) ||
      crowd(b) - crowd(a) ||
      (age(a) < age(b) ? 1 : age(a) > age(b) ? -1 : 0),
  );
}
