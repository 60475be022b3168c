import type { Store } from "../../kube/store.ts";

/** Objects of a Store that a new list did not show although no watch event said that they went. */
export class MissingObjects<T> {
  readonly #store: Store<T>;
  readonly #missing = new Map<string, T>();

  /** Calls `onMissing` when more are missing; a Store's other listeners come after. */
  constructor(store: Store<T>, onMissing: () => void) {
    this.#store = store;
    store.onChange((change) => {
      if (change.source !== "list") {
        this.#missing.delete(change.key);
        return;
      }
      for (const key of this.#missing.keys()) {
        if (store.entries.has(key)) {
          this.#missing.delete(key);
        }
      }
      if (change.missing.size > 0) {
        for (const [key, value] of change.missing) {
          this.#missing.set(key, value);
        }
        onMissing();
      }
    });
  }

  get size(): number {
    return this.#missing.size;
  }

  get(key: string): T | undefined {
    return this.#missing.get(key);
  }

  keys(): ReadonlySet<string> {
    return new Set(this.#missing.keys());
  }

  values(): readonly T[] {
    return [...this.#missing.values()];
  }

  /** They are gone. */
  release(keys: Iterable<string>): void {
    for (const key of keys) {
      this.#missing.delete(key);
    }
  }

  /** The Store's objects, and those that are missing. */
  withMissing(): ReadonlyMap<string, T> {
    const { entries } = this.#store;
    return this.#missing.size === 0 ? entries : new Map([...entries, ...this.#missing]);
  }
}
