import { type JsonObject, textAt, withAt } from "./json.ts";

/** One write. `object` carries the version that it made; of a removal, the last state. */
export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly storage: string;
  readonly key: string;
  readonly version: number;
  readonly object: JsonObject;
  /** The state before; absent if it was added. */
  readonly previous?: JsonObject;
}

export type ChangeListener = (change: Change) => void;

interface Collection {
  readonly objects: Map<string, JsonObject>;
  /** Keys in order; absent after an object came or went. */
  sortedKeys: readonly string[] | undefined;
  history: Change[];
  /** Changes up to this version are forgotten. */
  compactedVersion: number;
  readonly listeners: Set<ChangeListener>;
}

/** `namespace/name`, or the bare name of what lives in no namespace. */
export function objectKey(namespace: string | undefined, name: string): string {
  return namespace === undefined || namespace === "" ? name : `${namespace}/${name}`;
}

/** The reverse of `objectKey`. */
export function parseKey(key: string): { readonly namespace?: string; readonly name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

export function keyOf(object: JsonObject): string {
  return objectKey(
    textAt(object, "metadata", "namespace"),
    textAt(object, "metadata", "name") ?? "",
  );
}

/**
 * Objects in memory, with one counter of versions over all resources, as etcd keeps them.
 *
 * Objects are never changed once stored. Listeners run inside the write, in the order of
 * subscription, so whatever is derived from changes is up to date when a write returns.
 */
export class ObjectStore {
  readonly #collections = new Map<string, Collection>();
  readonly #historyLimit: number;
  #version = 1;

  /** @param historyLimit how many changes of each resource a watch may ask for again */
  constructor(historyLimit: number) {
    this.#historyLimit = historyLimit;
  }

  /** The version of the last write. */
  get version(): number {
    return this.#version;
  }

  get(storage: string, key: string): JsonObject | undefined {
    return this.#collection(storage).objects.get(key);
  }

  /** All objects of a resource, ordered by key. */
  list(storage: string): readonly JsonObject[] {
    const collection = this.#collection(storage);
    collection.sortedKeys ??= [...collection.objects.keys()].sort();
    const objects: JsonObject[] = [];
    for (const key of collection.sortedKeys) {
      const object = collection.objects.get(key);
      if (object !== undefined) {
        objects.push(object);
      }
    }
    return objects;
  }

  /**
   * The objects as they were at `version`, ordered by key.
   *
   * @returns undefined if the history does not reach back so far
   */
  listAt(storage: string, version: number): readonly JsonObject[] | undefined {
    const changes = this.changesSince(storage, version);
    if (changes === undefined || changes.length === 0) {
      return changes && this.list(storage);
    }
    const objects = new Map(this.#collection(storage).objects);
    for (const change of changes.toReversed()) {
      if (change.previous === undefined) {
        objects.delete(change.key);
      } else {
        objects.set(change.key, change.previous);
      }
    }
    return [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Adds or replaces an object; the result carries the new resourceVersion. */
  put(storage: string, object: JsonObject): JsonObject {
    const collection = this.#collection(storage);
    const key = keyOf(object);
    const previous = collection.objects.get(key);
    const stored = this.#stamp(object);
    collection.objects.set(key, stored);
    if (previous === undefined) {
      collection.sortedKeys = undefined;
    }
    this.#record(collection, {
      type: previous === undefined ? "ADDED" : "MODIFIED",
      storage,
      key,
      version: this.#version,
      object: stored,
      ...(previous === undefined ? {} : { previous }),
    });
    return stored;
  }

  /** Removes an object; the result is its last state, with the version of the removal. */
  remove(storage: string, key: string): JsonObject | undefined {
    const collection = this.#collection(storage);
    const previous = collection.objects.get(key);
    if (previous === undefined) {
      return undefined;
    }
    const object = this.#stamp(previous);
    collection.objects.delete(key);
    collection.sortedKeys = undefined;
    this.#record(collection, {
      type: "DELETED",
      storage,
      key,
      version: this.#version,
      object,
      previous,
    });
    return object;
  }

  /** Changes after `version`, oldest first; undefined if some of them are forgotten. */
  changesSince(storage: string, version: number): readonly Change[] | undefined {
    const { history, compactedVersion } = this.#collection(storage);
    if (version < compactedVersion) {
      return undefined;
    }
    let low = 0;
    let high = history.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((history[middle]?.version ?? 0) > version) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return history.slice(low);
  }

  /** Calls `listener` at each change of a resource, until the result is called. */
  subscribe(storage: string, listener: ChangeListener): () => void {
    const { listeners } = this.#collection(storage);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  /** Forgets the history of every resource: whoever asks for an older version gets 410. */
  compact(): void {
    this.#version += 1;
    for (const collection of this.#collections.values()) {
      collection.history = [];
      collection.compactedVersion = this.#version;
    }
  }

  #collection(storage: string): Collection {
    const known = this.#collections.get(storage);
    if (known !== undefined) {
      return known;
    }
    const made: Collection = {
      objects: new Map(),
      sortedKeys: undefined,
      history: [],
      compactedVersion: 0,
      listeners: new Set(),
    };
    this.#collections.set(storage, made);
    return made;
  }

  #stamp(object: JsonObject): JsonObject {
    this.#version += 1;
    return withAt(object, ["metadata", "resourceVersion"], String(this.#version));
  }

  #record(collection: Collection, change: Change): void {
    collection.history.push(change);
    if (collection.history.length >= 2 * this.#historyLimit) {
      const forgotten = collection.history.length - this.#historyLimit;
      collection.compactedVersion = collection.history[forgotten - 1]?.version ?? 0;
      collection.history = collection.history.slice(forgotten);
    }
    for (const listener of collection.listeners) {
      listener(change);
    }
  }
}
