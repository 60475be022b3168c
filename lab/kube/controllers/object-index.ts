import type { JsonObject } from "../json.ts";
import type { Objects } from "../objects.ts";
import { keyOf } from "../store.ts";

/** Objects of a resource by a text that is in them, kept up to date as they change. */
export class ObjectIndex {
  readonly #objects: Objects;
  readonly #plural: string;
  readonly #keys = new Map<string, Set<string>>();

  /** @param entryOf the text under which an object is found; undefined: it is not found */
  constructor(
    objects: Objects,
    plural: string,
    entryOf: (object: JsonObject) => string | undefined,
  ) {
    this.#objects = objects;
    this.#plural = plural;
    objects.onChange(plural, ({ type, key, object, previous }) => {
      const before = previous === undefined ? undefined : entryOf(previous);
      if (before !== undefined) {
        const keys = this.#keys.get(before);
        keys?.delete(key);
        if (keys?.size === 0) {
          this.#keys.delete(before);
        }
      }
      if (type !== "DELETED") {
        this.#add(entryOf(object), key);
      }
    });
    for (const object of objects.list(plural)) {
      this.#add(entryOf(object), keyOf(object));
    }
  }

  get(entry: string): readonly JsonObject[] {
    const found: JsonObject[] = [];
    for (const key of this.#keys.get(entry) ?? []) {
      const object = this.#objects.get(this.#plural, key);
      if (object !== undefined) {
        found.push(object);
      }
    }
    return found;
  }

  #add(entry: string | undefined, key: string): void {
    if (entry !== undefined) {
      const keys = this.#keys.get(entry) ?? new Set();
      keys.add(key);
      this.#keys.set(entry, keys);
    }
  }
}
