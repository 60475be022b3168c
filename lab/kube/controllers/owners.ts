import { at, type JsonObject, listAt, textAt } from "../json.ts";
import type { Objects } from "../objects.ts";
import { keyOf } from "../store.ts";

/** The owner reference that makes `owner` the controller of another object. */
export function controllerReference(owner: JsonObject): JsonObject {
  return {
    apiVersion: textAt(owner, "apiVersion"),
    kind: textAt(owner, "kind"),
    name: textAt(owner, "metadata", "name"),
    uid: textAt(owner, "metadata", "uid"),
    controller: true,
    blockOwnerDeletion: true,
  };
}

export interface ControllerOf {
  readonly kind: string;
  readonly uid: string;
  /** `namespace/name`. */
  readonly key: string;
}

/** What controls an object, by its owner references. */
export function controllerOf(object: JsonObject): ControllerOf | undefined {
  const reference = listAt(object, "metadata", "ownerReferences").find(
    (entry) => at(entry, "controller") === true,
  );
  const namespace = textAt(object, "metadata", "namespace") ?? "";
  return reference === undefined
    ? undefined
    : {
        kind: textAt(reference, "kind") ?? "",
        uid: textAt(reference, "uid") ?? "",
        key: `${namespace}/${textAt(reference, "name") ?? ""}`,
      };
}

/** The objects of a resource that `owner` controls. */
export function controlledBy(
  objects: Objects,
  plural: string,
  owner: JsonObject,
): readonly JsonObject[] {
  const uid = textAt(owner, "metadata", "uid");
  const namespace = textAt(owner, "metadata", "namespace");
  return objects
    .list(plural, namespace)
    .filter((object) => controllerOf(object)?.uid === uid && uid !== undefined);
}

/** Calls `add` with the key of each object of `plural`, and of each owner of what it makes. */
export function watchOwned(
  objects: Objects,
  plural: string,
  kind: string,
  owned: string,
  add: (key: string) => void,
): void {
  objects.onChange(plural, ({ key }) => add(key));
  objects.onChange(owned, ({ object, previous }) => {
    for (const state of previous === undefined ? [object] : [object, previous]) {
      const owner = controllerOf(state);
      if (owner?.kind === kind) {
        add(owner.key);
      }
    }
  });
  for (const object of objects.list(plural)) {
    add(keyOf(object));
  }
}

export function isDeleting(object: JsonObject): boolean {
  return at(object, "metadata", "deletionTimestamp") !== undefined;
}
