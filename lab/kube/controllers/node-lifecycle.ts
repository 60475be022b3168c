import { isObject, type JsonObject, listAt, textAt, withAt } from "../json.ts";
import { keyOf } from "../store.ts";
import { formatTime } from "../time.ts";
import { type ControllerEnvironment, recordEvent } from "./environment.ts";
import { isNodeReady } from "./placement.ts";
import { conditionOf, isPodReady } from "./pod-state.ts";

const manager = "node-controller";
const leaseNamespace = "kube-node-lease";
const looksPerGracePeriod = 8;
const unreachable = "node.kubernetes.io/unreachable";
const notReady = "node.kubernetes.io/not-ready";
/** The conditions that only a kubelet can know, and what a healthy one says of each. */
const healthy: Readonly<Record<string, readonly [status: string, reason: string]>> = {
  MemoryPressure: ["False", "KubeletHasSufficientMemory"],
  DiskPressure: ["False", "KubeletHasNoDiskPressure"],
  PIDPressure: ["False", "KubeletHasSufficientPID"],
  Ready: ["True", "KubeletReady"],
};

/**
 * Judges Nodes by their Leases. A kubelet that does not renew for the grace period, or write its
 * Node's status, leaves the Node at Ready=Unknown, tainted, and its Pods not ready. It is the
 * kubelet that says when they are ready again; a Node is ready again as soon as its Lease is
 * renewed.
 */
export function startNodeLifecycle(
  environment: ControllerEnvironment,
  gracePeriodSeconds: number,
): void {
  const { objects, clock } = environment;
  /** When this process last saw a sign of life: clocks of nodes are not trusted. */
  const heardMs = new Map<string, number>();
  objects.onChange("leases", ({ object, key, type }) => {
    if (key.startsWith(`${leaseNamespace}/`) && type !== "DELETED") {
      heardMs.set(textAt(object, "metadata", "name") ?? "", clock.now());
      restore(environment, textAt(object, "metadata", "name") ?? "");
    }
  });
  objects.onChange("nodes", ({ type, key, object }) => {
    if (type === "DELETED") {
      heardMs.delete(key);
    } else if (!heardMs.has(key) || isKubeletsWord(object)) {
      heardMs.set(key, clock.now());
    }
  });
  const look = (): void => {
    for (const node of objects.list("nodes")) {
      const key = keyOf(node);
      const silentMs = clock.now() - (heardMs.get(key) ?? Number.NEGATIVE_INFINITY);
      try {
        if (!heardMs.has(key)) {
          heardMs.set(key, clock.now());
        } else if (silentMs > gracePeriodSeconds * 1000) {
          giveUp(environment, key);
        }
        syncTaints(environment, key);
        syncPods(environment, key);
      } catch (error) {
        environment.report(error);
      }
    }
    clock.after((gracePeriodSeconds * 1000) / looksPerGracePeriod, look);
  };
  look();
}

/** A kubelet that posts Ready speaks for itself; "Unknown" is our own word. */
function isKubeletsWord(node: JsonObject): boolean {
  return textAt(conditionOf(node, "Ready"), "reason") !== "NodeStatusUnknown";
}

function giveUp(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as(manager);
  const node = objects.get("nodes", key);
  if (node === undefined || textAt(conditionOf(node, "Ready"), "status") === "Unknown") {
    return;
  }
  const now = formatTime(environment.clock.wallTime());
  const others = listAt(node, "status", "conditions").filter(
    (condition) => !Object.hasOwn(healthy, textAt(condition, "type") ?? ""),
  );
  const unknown = Object.keys(healthy).map((type) => ({
    type,
    status: "Unknown",
    reason: "NodeStatusUnknown",
    message: "Kubelet stopped posting node status.",
    lastHeartbeatTime: textAt(conditionOf(node, type), "lastHeartbeatTime") ?? now,
    lastTransitionTime: now,
  }));
  const conditions = [...others, ...unknown];
  objects.updateStatus(withAt(node, ["status", "conditions"], conditions));
  const message = `Node ${key} status is now: NodeNotReady`;
  recordEvent(environment, manager, node, "NodeNotReady", message);
}

/** A kubelet that renews its Lease again is back: what we said of its Node we take back. */
function restore(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as(manager);
  const node = objects.get("nodes", key);
  if (node === undefined || isKubeletsWord(node)) {
    return;
  }
  const now = formatTime(environment.clock.wallTime());
  const conditions = listAt(node, "status", "conditions").map((condition) => {
    const [status, reason] = healthy[textAt(condition, "type") ?? ""] ?? [];
    return isObject(condition) && textAt(condition, "reason") === "NodeStatusUnknown"
      ? {
          ...condition,
          status,
          reason,
          message: "kubelet renews its Lease",
          lastHeartbeatTime: now,
          lastTransitionTime: now,
        }
      : condition;
  });
  objects.updateStatus(withAt(node, ["status", "conditions"], conditions));
  syncTaints(environment, key);
}

/** A Node that is not ready carries a taint that says so, and no other Node does. */
function syncTaints(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as(manager);
  const node = objects.get("nodes", key);
  const status = textAt(node === undefined ? undefined : conditionOf(node, "Ready"), "status");
  if (node === undefined || status === undefined) {
    return;
  }
  const wanted = status === "True" ? undefined : status === "Unknown" ? unreachable : notReady;
  const taints = listAt(node, "spec", "taints");
  const isOurs = (key: string | undefined): boolean => key === unreachable || key === notReady;
  const others = taints.filter((taint) => !isOurs(textAt(taint, "key")));
  const present = taints.filter((taint) => textAt(taint, "key") === wanted);
  if (
    present.length === (wanted === undefined ? 0 : 2) &&
    taints.length === others.length + present.length
  ) {
    return;
  }
  const timeAdded = formatTime(environment.clock.wallTime());
  const added =
    wanted === undefined
      ? []
      : ["NoSchedule", "NoExecute"].map((effect) => ({ key: wanted, effect, timeAdded }));
  const all = [...others, ...added];
  objects.update(withAt(node, ["spec", "taints"], all.length > 0 ? all : undefined));
}

/** Pods of a Node that is not ready are not ready. */
function syncPods(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as(manager);
  const node = objects.get("nodes", key);
  if (node === undefined || conditionOf(node, "Ready") === undefined || isNodeReady(node)) {
    return;
  }
  const now = formatTime(environment.clock.wallTime());
  for (const pod of objects.list("pods")) {
    if (textAt(pod, "spec", "nodeName") === key && isPodReady(pod)) {
      const conditions = listAt(pod, "status", "conditions").map((condition) =>
        isObject(condition) && textAt(condition, "type") === "Ready"
          ? { ...condition, status: "False", lastTransitionTime: now }
          : condition,
      );
      objects.updateStatus(withAt(pod, ["status", "conditions"], conditions));
      recordEvent(environment, manager, pod, "NodeNotReady", "Node is not ready", "Warning");
    }
  }
}
