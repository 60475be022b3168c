import { at, type JsonObject, numberAt, objectAt, sameJson, textAt, withAt } from "../json.ts";
import { keyOf } from "../store.ts";
import { deploymentStatus } from "./deployment-status.ts";
import { type ControllerEnvironment, recordEvent } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { controlledBy, controllerReference, isDeleting, watchOwned } from "./owners.ts";
import { templateHash } from "./pod-state.ts";
import { resolveShare, rollingStep, type SetSize } from "./rollout.ts";

const manager = "deployment-controller";
const revisionKey = "deployment.kubernetes.io/revision";
const hashLabel = "pod-template-hash";

/** Turns each Deployment into ReplicaSets, and rolls from one to the next. */
export function startDeployments(environment: ControllerEnvironment): void {
  const { objects } = environment;
  const queue = new KeyQueue(environment, (key) => reconcile(environment, key));
  watchOwned(objects, "deployments", "Deployment", "replicasets", (key) => queue.add(key));
  // Recreate waits for the last old Pod, which is no ReplicaSet's to count once it terminates.
  objects.onChange("pods", ({ type, object }) => {
    if (type === "DELETED") {
      const namespace = textAt(object, "metadata", "namespace");
      for (const deployment of objects.list("deployments", namespace)) {
        queue.add(keyOf(deployment));
      }
    }
  });
}

function reconcile(environment: ControllerEnvironment, key: string): void {
  const objects = environment.objects.as(manager);
  const deployment = objects.get("deployments", key);
  if (deployment === undefined || isDeleting(deployment)) {
    return;
  }
  const sets = byRevision(controlledBy(objects, "replicasets", deployment));
  const newest = sets.find((set) => isOfTemplate(set, deployment));
  const old = sets.filter((set) => set !== newest);
  if (newest === undefined) {
    if (at(deployment, "spec", "paused") !== true) {
      createSet(environment, deployment, old);
      return;
    }
  } else {
    raiseRevision(environment, deployment, newest, old);
  }
  resize(environment, deployment, newest, old);
  const current = objects.get("deployments", key) ?? deployment;
  const status = deploymentStatus(
    current,
    newest,
    controlledBy(objects, "replicasets", current),
    environment.clock.wallTime(),
  );
  if (!sameJson(status, objectAt(current, "status"))) {
    objects.updateStatus(withAt(current, ["status"], status));
  }
  dropHistory(environment, current, old);
}

/** Oldest revision first. */
function byRevision(sets: readonly JsonObject[]): readonly JsonObject[] {
  return sets.toSorted((a, b) => revisionOf(a) - revisionOf(b));
}

function revisionOf(object: JsonObject | undefined): number {
  return Number(textAt(object, "metadata", "annotations", revisionKey) ?? 0);
}

function isOfTemplate(set: JsonObject, deployment: JsonObject): boolean {
  const template = objectAt(set, "spec", "template");
  const bare = withAt(template, ["metadata", "labels", hashLabel], undefined);
  return sameJson(bare, objectAt(deployment, "spec", "template"));
}

function createSet(
  environment: ControllerEnvironment,
  deployment: JsonObject,
  old: readonly JsonObject[],
): void {
  const objects = environment.objects.as(manager);
  const template = objectAt(deployment, "spec", "template");
  const hash = templateHash(template);
  const labelled = withAt(template, ["metadata", "labels", hashLabel], hash);
  const name = textAt(deployment, "metadata", "name") ?? "";
  const selector = objectAt(deployment, "spec", "selector");
  const revision = String(revisionOf(old.at(-1)) + 1);
  objects.create({
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name: `${name}-${hash}`,
      namespace: textAt(deployment, "metadata", "namespace"),
      labels: objectAt(labelled, "metadata", "labels"),
      annotations: { [revisionKey]: revision },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas: 0,
      minReadySeconds: at(deployment, "spec", "minReadySeconds"),
      selector: withAt(selector, ["matchLabels", hashLabel], hash),
      template: labelled,
    },
  });
  objects.patch("deployments", keyOf(deployment), {
    metadata: { annotations: { [revisionKey]: revision } },
  });
}

/** A set that becomes the newest again, as after `rollout undo`, gets a new revision. */
function raiseRevision(
  environment: ControllerEnvironment,
  deployment: JsonObject,
  newest: JsonObject,
  old: readonly JsonObject[],
): void {
  const objects = environment.objects.as(manager);
  const revision = Math.max(revisionOf(newest), revisionOf(old.at(-1)) + 1);
  const patch = { metadata: { annotations: { [revisionKey]: String(revision) } } };
  if (revisionOf(newest) !== revision) {
    objects.patch("replicasets", keyOf(newest), patch);
  }
  if (revisionOf(deployment) !== revision) {
    objects.patch("deployments", keyOf(deployment), patch);
  }
}

function sizeOf(set: JsonObject): SetSize {
  return {
    key: keyOf(set),
    replicas: numberAt(set, "spec", "replicas") ?? 0,
    available: numberAt(set, "status", "availableReplicas") ?? 0,
  };
}

function resize(
  environment: ControllerEnvironment,
  deployment: JsonObject,
  newest: JsonObject | undefined,
  old: readonly JsonObject[],
): void {
  const replicas = numberAt(deployment, "spec", "replicas") ?? 1;
  // While it is paused, what is newest of what there is follows the number of replicas.
  const leading = newest ?? old.at(-1);
  if (leading === undefined) {
    return;
  }
  if (at(deployment, "spec", "paused") === true) {
    setSize(environment, deployment, leading, replicas);
    return;
  }
  if (textAt(deployment, "spec", "strategy", "type") === "Recreate") {
    recreate(environment, deployment, leading, old, replicas);
    return;
  }
  const rolling = objectAt(deployment, "spec", "strategy", "rollingUpdate");
  const maxSurge = resolveShare(rolling["maxSurge"], replicas, "up");
  const unavailable = resolveShare(rolling["maxUnavailable"], replicas, "down");
  const sizes = rollingStep({
    replicas,
    newest: sizeOf(leading),
    old: old.map(sizeOf),
    maxSurge,
    maxUnavailable: maxSurge === 0 && unavailable === 0 ? 1 : unavailable,
  });
  for (const set of [leading, ...old]) {
    setSize(environment, deployment, set, sizes.get(keyOf(set)) ?? 0);
  }
}

function recreate(
  environment: ControllerEnvironment,
  deployment: JsonObject,
  newest: JsonObject,
  old: readonly JsonObject[],
  replicas: number,
): void {
  for (const set of old) {
    setSize(environment, deployment, set, 0);
  }
  const remaining = old.flatMap((set) => controlledBy(environment.objects, "pods", set));
  if (remaining.length === 0) {
    setSize(environment, deployment, newest, replicas);
  }
}

function setSize(
  environment: ControllerEnvironment,
  deployment: JsonObject,
  set: JsonObject,
  replicas: number,
): void {
  const before = numberAt(set, "spec", "replicas") ?? 0;
  if (before === replicas) {
    return;
  }
  environment.objects.as(manager).patch("replicasets", keyOf(set), { spec: { replicas } });
  const direction = replicas > before ? "up" : "down";
  const name = textAt(set, "metadata", "name");
  const message = `Scaled ${direction} replica set ${name} from ${before} to ${replicas}`;
  recordEvent(environment, manager, deployment, "ScalingReplicaSet", message);
}

function dropHistory(
  environment: ControllerEnvironment,
  deployment: JsonObject,
  old: readonly JsonObject[],
): void {
  const limit = numberAt(deployment, "spec", "revisionHistoryLimit") ?? 10;
  const empty = old.filter(
    (set) =>
      numberAt(set, "spec", "replicas") === 0 && (numberAt(set, "status", "replicas") ?? 0) === 0,
  );
  for (const set of empty.slice(0, Math.max(0, empty.length - limit))) {
    environment.objects.as(manager).delete("replicasets", keyOf(set));
  }
}
