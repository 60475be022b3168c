import { type JsonObject, listAt, objectAt, textAt, withAt } from "../json.ts";
import { keyOf } from "../store.ts";
import { formatTime } from "../time.ts";
import { type ControllerEnvironment, recordEvent } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { controllerOf, isDeleting } from "./owners.ts";
import { isSchedulable, maySchedule, preference } from "./placement.ts";
import { isPodActive } from "./pod-state.ts";

const manager = "default-scheduler";

/**
 * Binds each Pod to a node: the one that it prefers, and among equals the one with the fewest
 * Pods of the same owner, then the fewest Pods, then the first by name.
 */
export function startScheduler(environment: ControllerEnvironment): void {
  const { objects } = environment;
  const queue = new KeyQueue(environment, (key) => schedule(environment, key));
  const isWaiting = (pod: JsonObject): boolean =>
    textAt(pod, "spec", "nodeName") === undefined && !isDeleting(pod);
  const addWaiting = (): void => {
    for (const pod of objects.list("pods").filter(isWaiting)) {
      queue.add(keyOf(pod));
    }
  };
  objects.onChange("pods", ({ type, key, object }) => {
    if (type !== "DELETED" && isWaiting(object)) {
      queue.add(key);
    }
  });
  objects.onChange("nodes", addWaiting);
  addWaiting();
}

function schedule(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as("kube-scheduler");
  const pod = objects.get("pods", key);
  if (pod === undefined || isDeleting(pod) || textAt(pod, "spec", "nodeName") !== undefined) {
    return;
  }
  const nodes = objects.list("nodes");
  const spec = objectAt(pod, "spec");
  const fitting = nodes.filter((node) => isSchedulable(node) && maySchedule(spec, node));
  const node = best(pod, fitting, objects.list("pods").filter(isPodActive));
  const name = textAt(node, "metadata", "name");
  if (name === undefined) {
    const message = `0/${nodes.length} nodes are available.`;
    reportUnschedulable(environment, pod, message);
    return;
  }
  const condition = {
    type: "PodScheduled",
    status: "True",
    lastProbeTime: null,
    lastTransitionTime: formatTime(environment.clock.wallTime()),
  };
  const bound = withAt(pod, ["spec", "nodeName"], name);
  objects.bind(withAt(bound, ["status", "conditions"], withCondition(pod, condition)));
  const message = `Successfully assigned ${key} to ${name}`;
  recordEvent(environment, manager, pod, "Scheduled", message);
}

function best(
  pod: JsonObject,
  nodes: readonly JsonObject[],
  pods: readonly JsonObject[],
): JsonObject | undefined {
  const owner = controllerOf(pod)?.uid;
  const siblings = new Map<string, number>();
  const all = new Map<string, number>();
  for (const other of pods) {
    const node = textAt(other, "spec", "nodeName") ?? "";
    all.set(node, (all.get(node) ?? 0) + 1);
    if (owner !== undefined && controllerOf(other)?.uid === owner) {
      siblings.set(node, (siblings.get(node) ?? 0) + 1);
    }
  }
  const spec = objectAt(pod, "spec");
  const nameOf = (node: JsonObject): string => textAt(node, "metadata", "name") ?? "";
  const [first] = nodes.toSorted(
    (a, b) =>
      preference(spec, b) - preference(spec, a) ||
      (siblings.get(nameOf(a)) ?? 0) - (siblings.get(nameOf(b)) ?? 0) ||
      (all.get(nameOf(a)) ?? 0) - (all.get(nameOf(b)) ?? 0) ||
      (nameOf(a) < nameOf(b) ? -1 : 1),
  );
  return first;
}

function reportUnschedulable(
  environment: ControllerEnvironment,
  pod: JsonObject,
  message: string,
): void {
  const isKnown = listAt(pod, "status", "conditions").some(
    (condition) =>
      textAt(condition, "type") === "PodScheduled" && textAt(condition, "status") === "False",
  );
  if (isKnown) {
    return;
  }
  const condition = {
    type: "PodScheduled",
    status: "False",
    reason: "Unschedulable",
    message,
    lastProbeTime: null,
    lastTransitionTime: formatTime(environment.clock.wallTime()),
  };
  const conditions = withCondition(pod, condition);
  environment.objects
    .as("kube-scheduler")
    .updateStatus(withAt(pod, ["status", "conditions"], conditions));
  recordEvent(environment, manager, pod, "FailedScheduling", message, "Warning");
}

function withCondition(pod: JsonObject, condition: JsonObject) {
  const others = listAt(pod, "status", "conditions").filter(
    (other) => textAt(other, "type") !== condition["type"],
  );
  return [...others, condition];
}
