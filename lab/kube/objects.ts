import { notFound } from "./api-error.ts";
import type { DeleteOptions } from "./deletion.ts";
import { type JsonObject, objectAt, textAt } from "./json.ts";
import { applyMergePatch } from "./patch/merge.ts";
import type { Registry } from "./registry.ts";
import { findKind, type ResourceType, storedResource } from "./resources.ts";
import { type ChangeListener, keyOf, parseKey } from "./store.ts";

/**
 * Typed access to the API server's objects from inside its process: for lab controllers, which
 * write by the same rules as clients over HTTP, and for tests.
 *
 * Resources are named by their plural, objects by `namespace/name` or a bare name.
 */
export class Objects {
  readonly #registry: Registry;
  readonly #manager: string;

  /** @param manager stands in metadata.managedFields of what is written */
  constructor(registry: Registry, manager: string) {
    this.#registry = registry;
    this.#manager = manager;
  }

  /** The same objects, written under another name. */
  as(manager: string): Objects {
    return new Objects(this.#registry, manager);
  }

  get(plural: string, key: string): JsonObject | undefined {
    return this.#registry.store.get(plural, key);
  }

  /** @throws ApiError 404 */
  require(plural: string, key: string): JsonObject {
    const found = this.get(plural, key);
    if (found === undefined) {
      throw notFound(storedResource(plural), key);
    }
    return found;
  }

  /** All of a resource, or those of a namespace, ordered by key. */
  list(plural: string, namespace?: string): readonly JsonObject[] {
    const all = this.#registry.store.list(plural);
    return namespace === undefined
      ? all
      : all.filter((object) => textAt(object, "metadata", "namespace") === namespace);
  }

  /** Calls `listener` at each change of a resource, inside the write; the result ends that. */
  onChange(plural: string, listener: ChangeListener): () => void {
    return this.#registry.store.subscribe(plural, listener);
  }

  /** @throws ApiError */
  create(object: JsonObject): JsonObject {
    const type = typeOf(object);
    const namespace = type.namespaced ? namespaceOf(object) : undefined;
    return this.#registry.create(type, namespace, object, { manager: this.#manager });
  }

  /** Replaces an object; with its resourceVersion, only that version. Status stays as it is. */
  update(object: JsonObject): JsonObject {
    return this.#update(object, undefined);
  }

  /** Replaces the status of an object. */
  updateStatus(object: JsonObject): JsonObject {
    return this.#update(object, "status");
  }

  /** Binds a Pod to a node, as the scheduler does. */
  bind(pod: JsonObject): JsonObject {
    return this.#update(pod, "binding");
  }

  /** Takes the finalizers off a Namespace. */
  finalize(namespace: JsonObject): JsonObject {
    return this.#update(namespace, "finalize");
  }

  /** Applies a JSON merge patch to an object, or to its status. */
  patch(plural: string, key: string, patch: JsonObject, part?: "status"): JsonObject {
    const current = this.require(plural, key);
    const desired = {
      ...current,
      ...objectAt({ patched: applyMergePatch(current, patch) }, "patched"),
    };
    return this.#registry.replace(
      storedResource(plural),
      current,
      desired,
      { manager: this.#manager },
      part,
    );
  }

  /**
   * Makes an object be as given: creates it, its namespace too, or merges into what is there;
   * status included, which clients over HTTP have to write by itself.
   */
  apply(object: JsonObject): JsonObject {
    const type = typeOf(object);
    const namespace = type.namespaced ? namespaceOf(object) : undefined;
    if (namespace !== undefined && this.get("namespaces", namespace) === undefined) {
      this.create({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    }
    const placed: JsonObject = type.namespaced
      ? { ...object, metadata: { ...objectAt(object, "metadata"), namespace } }
      : object;
    const key = keyOf(placed);
    const { status, ...rest } = placed;
    const existing = this.get(type.storage, key);
    const written =
      existing === undefined ? this.create(placed) : this.patch(type.storage, key, rest);
    return status === undefined ? written : this.patch(type.storage, key, { status }, "status");
  }

  /** Deletes an object, or begins to; does nothing if it is not there. */
  delete(plural: string, key: string, options: DeleteOptions = {}): void {
    if (this.get(plural, key) !== undefined) {
      const { namespace, name } = parseKey(key);
      const type = storedResource(plural);
      this.#registry.delete(type, namespace, name, { ...options, manager: this.#manager });
    }
  }

  #update(object: JsonObject, part: "status" | "binding" | "finalize" | undefined): JsonObject {
    const type = typeOf(object);
    const namespace = type.namespaced ? namespaceOf(object) : undefined;
    const name = textAt(object, "metadata", "name") ?? "";
    const options = { manager: this.#manager };
    return this.#registry.update(type, namespace, name, object, options, part);
  }
}

function namespaceOf(object: JsonObject): string {
  return textAt(object, "metadata", "namespace") ?? "default";
}

function typeOf(object: JsonObject): ResourceType {
  const apiVersion = textAt(object, "apiVersion") ?? "";
  const kind = textAt(object, "kind") ?? "";
  const type = findKind(apiVersion, kind);
  if (type === undefined) {
    throw new Error(`no kind "${kind}" in "${apiVersion}" is served`);
  }
  return type;
}
