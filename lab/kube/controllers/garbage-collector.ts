import { at, type Json, type JsonObject, listAt, objectAt, textAt, textsAt } from "../json.ts";
import { resourceTypes } from "../resources.ts";
import { keyOf } from "../store.ts";
import type { ControllerEnvironment } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";

/** All resources that are kept, by plural. */
export const storedPlurals: readonly string[] = [
  ...new Set(resourceTypes.map(({ storage }) => storage)),
];

/**
 * Deletes what has owners, once none of them is there any more; honours the propagation policies
 * Foreground and Orphan; deletes Pods of nodes that are gone.
 */
export function startGarbageCollector(environment: ControllerEnvironment): void {
  const { objects } = environment;
  const dependents = new Dependents();
  // Keys are `plural namespace/name`.
  const queue = new KeyQueue(environment, (key) => reconcile(environment, dependents, key));
  for (const plural of storedPlurals) {
    const note = (object: JsonObject, previous: JsonObject | undefined, isGone: boolean): void => {
      const key = `${plural} ${keyOf(object)}`;
      const uid = textAt(object, "metadata", "uid") ?? "";
      dependents.replace(key, previous, isGone ? undefined : object, uid);
      if (isGone) {
        for (const other of dependents.of(uid)) {
          queue.add(other);
        }
        for (const owner of ownerUids(object)) {
          dependents.addOwner(queue, owner);
        }
      } else if (
        ownerUids(object).length > 0 ||
        textsAt(object, "metadata", "finalizers").length > 0
      ) {
        queue.add(key);
      }
    };
    objects.onChange(plural, ({ type, object, previous }) =>
      note(object, previous, type === "DELETED"),
    );
    for (const object of objects.list(plural)) {
      note(object, undefined, false);
    }
  }
  objects.onChange("nodes", ({ type, key }) => {
    if (type === "DELETED") {
      for (const pod of objects.list("pods")) {
        if (textAt(pod, "spec", "nodeName") === key) {
          objects.as("pod-garbage-collector").delete("pods", keyOf(pod), { gracePeriodSeconds: 0 });
        }
      }
    }
  });
}

/** Who has which owners: derived from the objects as they change. */
class Dependents {
  readonly #byOwner = new Map<string, Set<string>>();
  readonly #keyOfUid = new Map<string, string>();

  replace(
    key: string,
    previous: JsonObject | undefined,
    object: JsonObject | undefined,
    uid: string,
  ): void {
    for (const owner of previous === undefined ? [] : ownerUids(previous)) {
      this.#byOwner.get(owner)?.delete(key);
    }
    for (const owner of object === undefined ? [] : ownerUids(object)) {
      const keys = this.#byOwner.get(owner) ?? new Set();
      keys.add(key);
      this.#byOwner.set(owner, keys);
    }
    if (object === undefined) {
      this.#keyOfUid.delete(uid);
    } else {
      this.#keyOfUid.set(uid, key);
    }
  }

  of(uid: string): readonly string[] {
    return [...(this.#byOwner.get(uid) ?? [])];
  }

  isThere(uid: string): boolean {
    return this.#keyOfUid.has(uid);
  }

  /** An owner that waits for its dependents looks again. */
  addOwner(queue: KeyQueue, uid: string): void {
    const key = this.#keyOfUid.get(uid);
    if (key !== undefined) {
      queue.add(key);
    }
  }
}

function ownerUids(object: JsonObject): readonly string[] {
  return listAt(object, "metadata", "ownerReferences").map((owner) => textAt(owner, "uid") ?? "");
}

function reconcile(
  environment: ControllerEnvironment,
  dependents: Dependents,
  queueKey: string,
): void {
  const objects = environment.objects.as("generic-garbage-collector");
  const [plural = "", key = ""] = queueKey.split(" ");
  const object = objects.get(plural, key);
  if (object === undefined) {
    return;
  }
  const owners = ownerUids(object);
  if (owners.length > 0 && !owners.some((uid) => dependents.isThere(uid))) {
    objects.delete(plural, key, { propagationPolicy: "Background" });
    return;
  }
  const finalizers = textsAt(object, "metadata", "finalizers");
  if (at(object, "metadata", "deletionTimestamp") === undefined) {
    return;
  }
  const uid = textAt(object, "metadata", "uid") ?? "";
  const others = dependents.of(uid);
  if (finalizers.includes("orphan")) {
    for (const other of others) {
      disown(environment, other, uid);
    }
    dropFinalizer(environment, object, "orphan");
  } else if (finalizers.includes("foregroundDeletion")) {
    for (const other of others) {
      const [otherPlural = "", otherKey = ""] = other.split(" ");
      if (at(objects.get(otherPlural, otherKey), "metadata", "deletionTimestamp") === undefined) {
        objects.delete(otherPlural, otherKey, { propagationPolicy: "Foreground" });
      }
    }
    if (dependents.of(uid).length === 0) {
      dropFinalizer(environment, object, "foregroundDeletion");
    }
  }
}

function disown(environment: ControllerEnvironment, queueKey: string, uid: string): void {
  const objects = environment.objects.as("generic-garbage-collector");
  const [plural = "", key = ""] = queueKey.split(" ");
  const object = objects.get(plural, key);
  const left: readonly Json[] = listAt(object, "metadata", "ownerReferences").filter(
    (owner) => textAt(owner, "uid") !== uid,
  );
  if (object !== undefined) {
    objects.patch(plural, key, { metadata: { ownerReferences: left.length > 0 ? left : null } });
  }
}

function dropFinalizer(
  environment: ControllerEnvironment,
  object: JsonObject,
  finalizer: string,
): void {
  const finalizers = textsAt(object, "metadata", "finalizers").filter((one) => one !== finalizer);
  environment.objects
    .as("generic-garbage-collector")
    .update({ ...object, metadata: { ...objectAt(object, "metadata"), finalizers } });
}
