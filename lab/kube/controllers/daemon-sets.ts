import { type JsonObject, listAt, numberAt, objectAt, sameJson, textAt, withAt } from "../json.ts";
import { keyOf } from "../store.ts";
import { type ControllerEnvironment, recordEvent } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { controlledBy, isDeleting, watchOwned } from "./owners.ts";
import { daemonTolerations, maySchedule, mayStay } from "./placement.ts";
import { isPodActive, isPodOver, isPodReady, templateHash, untilAvailable } from "./pod-state.ts";
import { podOf } from "./replica-sets.ts";
import { resolveShare } from "./rollout.ts";

const manager = "daemonset-controller";
const hashLabel = "controller-revision-hash";

/** Keeps one Pod of each DaemonSet on each node that its Pods may run on. */
export function startDaemonSets(environment: ControllerEnvironment): void {
  const { objects } = environment;
  const queue = new KeyQueue(environment, (key) => reconcile(environment, key));
  watchOwned(objects, "daemonsets", "DaemonSet", "pods", (key) => queue.add(key));
  objects.onChange("nodes", () => {
    for (const set of objects.list("daemonsets")) {
      queue.add(keyOf(set));
    }
  });
}

function reconcile(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as(manager);
  const set = objects.get("daemonsets", key);
  if (set === undefined || isDeleting(set)) {
    return;
  }
  const spec = podSpec(set);
  const hash = templateHash(objectAt(set, "spec", "template"));
  const namesOf = (may: typeof maySchedule) =>
    new Set(
      objects
        .list("nodes")
        .filter((node) => may(spec, node))
        .map((node) => textAt(node, "metadata", "name") ?? ""),
    );
  const names = namesOf(maySchedule);
  for (const pod of misplaced(controlledBy(objects, "pods", set), namesOf(mayStay))) {
    remove(environment, set, pod);
  }
  const pods = controlledBy(objects, "pods", set);
  for (const name of names) {
    if (!pods.some((pod) => textAt(pod, "spec", "nodeName") === name)) {
      const template = podOf(set, { [hashLabel]: hash });
      const pod = objects.create({ ...template, spec: { ...spec, nodeName: name } });
      const message = `Created pod: ${textAt(pod, "metadata", "name")}`;
      recordEvent(environment, manager, set, "SuccessfulCreate", message);
    }
  }
  replaceOutdated(environment, set, hash, names.size);
  writeStatus(environment, set, hash, names);
}

/** The template's spec with what every Pod of a DaemonSet tolerates. */
function podSpec(set: JsonObject): JsonObject {
  const spec = objectAt(set, "spec", "template", "spec");
  const network = {
    key: "node.kubernetes.io/network-unavailable",
    operator: "Exists",
    effect: "NoSchedule",
  };
  return {
    ...spec,
    tolerations: [
      ...listAt(spec, "tolerations"),
      ...daemonTolerations,
      ...(spec["hostNetwork"] === true ? [network] : []),
    ],
  };
}

/** Pods that failed, that no node wants any more, and all but the first on a node. */
function misplaced(pods: readonly JsonObject[], names: ReadonlySet<string>): readonly JsonObject[] {
  const taken = new Set<string>();
  return pods.filter((pod) => {
    const node = textAt(pod, "spec", "nodeName") ?? "";
    if (isDeleting(pod)) {
      return false;
    }
    const isExtra = taken.has(node);
    taken.add(node);
    return isExtra || !names.has(node) || isPodOver(pod);
  });
}

/** Deletes Pods of an older template, no more at once than may be unavailable. */
function replaceOutdated(
  environment: ControllerEnvironment,
  set: JsonObject,
  hash: string,
  wanted: number,
): void {
  if (textAt(set, "spec", "updateStrategy", "type") === "OnDelete") {
    return;
  }
  const rolling = objectAt(set, "spec", "updateStrategy", "rollingUpdate");
  const limit = Math.max(1, resolveShare(rolling["maxUnavailable"] ?? 1, wanted, "up"));
  const pods = controlledBy(environment.objects, "pods", set);
  const available = pods.filter((pod) => isPodActive(pod) && isPodReady(pod)).length;
  let allowed = limit - (wanted - available);
  const outdated = pods.filter(
    (pod) => isPodActive(pod) && textAt(pod, "metadata", "labels", hashLabel) !== hash,
  );
  for (const pod of outdated) {
    const isIdle = !isPodReady(pod);
    if (isIdle || allowed > 0) {
      allowed -= isIdle ? 0 : 1;
      remove(environment, set, pod);
    }
  }
}

function remove(environment: ControllerEnvironment, set: JsonObject, pod: JsonObject): void {
  environment.objects.as(manager).delete("pods", keyOf(pod));
  const message = `Deleted pod: ${textAt(pod, "metadata", "name")}`;
  recordEvent(environment, manager, set, "SuccessfulDelete", message);
}

function writeStatus(
  environment: ControllerEnvironment,
  set: JsonObject,
  hash: string,
  names: ReadonlySet<string>,
): void {
  const objects = environment.objects.as(manager);
  const pods = controlledBy(objects, "pods", set).filter(isPodActive);
  const placed = pods.filter((pod) => names.has(textAt(pod, "spec", "nodeName") ?? ""));
  const minReadySeconds = numberAt(set, "spec", "minReadySeconds") ?? 0;
  const nowMs = environment.clock.wallTime();
  const available = placed.filter((pod) => untilAvailable(pod, minReadySeconds, nowMs) === 0);
  const updated = placed.filter((pod) => textAt(pod, "metadata", "labels", hashLabel) === hash);
  const status: JsonObject = {
    currentNumberScheduled: placed.length,
    desiredNumberScheduled: names.size,
    numberMisscheduled: pods.length - placed.length,
    numberReady: placed.filter(isPodReady).length,
    observedGeneration: numberAt(set, "metadata", "generation"),
    updatedNumberScheduled: updated.length || undefined,
    numberAvailable: available.length || undefined,
    numberUnavailable: Math.max(0, names.size - available.length) || undefined,
  };
  if (!sameJson(status, objectAt(set, "status"))) {
    objects.updateStatus(withAt(set, ["status"], status));
  }
}
