import { textAt, textsAt, withAt } from "../json.ts";
import { resourceTypes } from "../resources.ts";
import { keyOf } from "../store.ts";
import type { ControllerEnvironment } from "./environment.ts";
import { KeyQueue } from "./key-queue.ts";
import { isDeleting } from "./owners.ts";

const manager = "namespace-controller";

/** Empties each namespace that is being deleted, then lets it go. */
export function startNamespaces(environment: ControllerEnvironment): void {
  const objects = environment.objects.as(manager);
  const plurals = new Set(
    resourceTypes.filter(({ namespaced }) => namespaced).map(({ storage }) => storage),
  );
  const queue = new KeyQueue(environment, (name) => {
    const namespace = objects.get("namespaces", name);
    if (namespace === undefined || !isDeleting(namespace)) {
      return;
    }
    let left = 0;
    for (const plural of plurals) {
      for (const object of objects.list(plural, name)) {
        if (!isDeleting(object)) {
          objects.delete(plural, keyOf(object), { propagationPolicy: "Background" });
        }
        left += objects.get(plural, keyOf(object)) === undefined ? 0 : 1;
      }
    }
    if (left === 0 && textsAt(namespace, "spec", "finalizers").length > 0) {
      objects.finalize(withAt(namespace, ["spec", "finalizers"], []));
    }
  });
  objects.onChange("namespaces", ({ key }) => queue.add(key));
  for (const plural of plurals) {
    objects.onChange(plural, ({ type, object }) => {
      const name = textAt(object, "metadata", "namespace") ?? "";
      const namespace = objects.get("namespaces", name);
      if (type === "DELETED" && namespace !== undefined && isDeleting(namespace)) {
        queue.add(name);
      }
    });
  }
}
