import { type Json, type JsonObject, listAt, numberAt, textAt } from "../json.ts";
import { keyOf } from "../store.ts";
import { parseTime } from "../time.ts";
import { type ControllerEnvironment, recordEvent } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { isDeleting } from "./owners.ts";
import { tolerates } from "./placement.ts";

const manager = "taint-eviction-controller";

/** Deletes Pods from nodes with NoExecute taints: at once, or when they have tolerated enough. */
export function startTaintEviction(environment: ControllerEnvironment): void {
  const { objects } = environment;
  const queue = new KeyQueue(environment, (key) => {
    const pod = objects.get("pods", key);
    const waitMs = pod === undefined ? undefined : untilEviction(environment, pod);
    if (pod === undefined || waitMs === undefined) {
      return;
    }
    if (waitMs > 0) {
      queue.addAfter(key, waitMs);
      return;
    }
    recordEvent(
      environment,
      manager,
      pod,
      "TaintManagerEviction",
      `Marking for deletion Pod ${key}`,
    );
    objects.as(manager).delete("pods", key);
  });
  objects.onChange("pods", ({ type, key, object, previous }) => {
    const isMoved = textAt(object, "spec", "nodeName") !== textAt(previous, "spec", "nodeName");
    if (type !== "DELETED" && isMoved) {
      queue.add(key);
    }
  });
  objects.onChange("nodes", ({ key, object, previous }) => {
    if (noExecuteTaints(object).length + noExecuteTaints(previous).length > 0) {
      for (const pod of objects.list("pods")) {
        if (textAt(pod, "spec", "nodeName") === key) {
          queue.add(keyOf(pod));
        }
      }
    }
  });
}

function noExecuteTaints(node: JsonObject | undefined): readonly Json[] {
  return listAt(node, "spec", "taints").filter((taint) => textAt(taint, "effect") === "NoExecute");
}

/** Milliseconds until the Pod must go; undefined: it may stay. */
function untilEviction(environment: ControllerEnvironment, pod: JsonObject): number | undefined {
  const node = environment.objects.get("nodes", textAt(pod, "spec", "nodeName") ?? "");
  if (isDeleting(pod) || node === undefined) {
    return undefined;
  }
  const nowMs = environment.clock.wallTime();
  let earliest: number | undefined;
  for (const taint of noExecuteTaints(node)) {
    const matching = listAt(pod, "spec", "tolerations").filter((toleration) =>
      tolerates(toleration, taint),
    );
    const limits = matching.map((toleration) => numberAt(toleration, "tolerationSeconds"));
    const bounded = limits.filter((seconds) => seconds !== undefined);
    if (matching.length > 0 && bounded.length === 0) {
      continue;
    }
    const since = parseTime(textAt(taint, "timeAdded")) ?? nowMs;
    const seconds = matching.length === 0 ? 0 : Math.min(...bounded);
    const waitMs = Math.max(0, since + seconds * 1000 - nowMs);
    earliest = Math.min(earliest ?? waitMs, waitMs);
  }
  return earliest;
}
