import { at, type JsonObject, listAt, objectAt, textAt } from "../kube/json.ts";
import type { Container } from "./container.ts";
import type { Pod } from "./pod.ts";

export interface PodState {
  readonly pod: Pod;
  readonly containers: readonly Container[];
  /** The primary one first. */
  readonly podIps: readonly string[];
  readonly hostIp: string;
  readonly startTime: string;
  /** Why no container could be started. */
  readonly startError: string | undefined;
  /** The node goes down. */
  readonly isLeaving: boolean;
}

/**
 * The status that the API server should have, given what it has: the times of conditions that did
 * not change are kept. Undefined if nothing needs to be written.
 */
export function statusPatch(state: PodState, current: JsonObject): JsonObject | undefined {
  const isReady =
    state.startError === undefined &&
    !state.isLeaving &&
    state.containers.every((container) => container.ready);
  const status = {
    phase: state.startError === undefined ? "Running" : "Pending",
    hostIP: state.hostIp,
    podIP: state.podIps[0] ?? "",
    // A strategic merge patch joins this list by address: without the directive, a Pod that has
    // another address after its node was away would keep the old one beside it, which is refused.
    podIPs: [{ $patch: "replace" }, ...state.podIps.map((ip) => ({ ip }))],
    startTime: state.startTime,
    conditions: [
      condition(current, "PodScheduled", true),
      condition(current, "Initialized", true),
      condition(current, "ContainersReady", isReady),
      condition(current, "Ready", isReady),
    ],
    containerStatuses:
      state.startError === undefined
        ? state.containers.map((container) => containerStatus(container, state.isLeaving))
        : state.pod.containers.map(({ name, image }) => ({
            name,
            image,
            imageID: "",
            ready: false,
            restartCount: 0,
            started: false,
            state: { waiting: { reason: "CreateContainerError", message: state.startError } },
          })),
  };
  return digest(status) === digest(current) ? undefined : status;
}

function containerStatus(container: Container, isLeaving: boolean): JsonObject {
  const { name, image } = container.spec;
  return {
    name,
    image,
    imageID: image,
    containerID: `lab://${name}`,
    ready: container.ready && !isLeaving,
    restartCount: container.restarts,
    started: container.running,
    state: container.running
      ? { running: { startedAt: container.startedAt } }
      : { waiting: { reason: "CrashLoopBackOff" } },
  };
}

function condition(current: JsonObject, type: string, isTrue: boolean): JsonObject {
  const status = isTrue ? "True" : "False";
  const before = listAt(current, "conditions").find((one) => textAt(one, "type") === type);
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const since =
    textAt(before, "status") === status ? textAt(before, "lastTransitionTime") : undefined;
  return {
    type,
    status,
    lastProbeTime: null,
    lastTransitionTime: since ?? now,
    ...(!isTrue && { reason: "ContainersNotReady", message: "containers with unready status" }),
  };
}

/** What in a status is worth a write when it differs. */
function digest(status: JsonObject): string {
  const conditions = listAt(status, "conditions")
    .map((one) => `${textAt(one, "type")}=${textAt(one, "status")}`)
    .filter((text) => /^(ContainersReady|Initialized|PodScheduled|Ready)=/.test(text))
    .sort();
  const containers = listAt(status, "containerStatuses").map((one) => [
    textAt(one, "name"),
    at(one, "ready"),
    at(one, "restartCount"),
    Object.keys(objectAt(one, "state")).join(),
  ]);
  const addresses = [textAt(status, "podIP"), textAt(status, "hostIP")];
  return JSON.stringify([textAt(status, "phase"), addresses, conditions, containers]);
}
