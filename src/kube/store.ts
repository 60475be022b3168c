import { isDeepStrictEqual } from "node:util";
import { isOlder } from "./resource-version.ts";

/** What happened to a Store; whoever listens looks at the whole Store again. */
export type StoreChange<T> =
  /**
   * A complete list replaced the Store. `before`: what was there; `missing`: what of that is not in
   * the list.
   */
  | {
      readonly source: "list";
      readonly before: ReadonlyMap<string, T>;
      readonly missing: ReadonlyMap<string, T>;
    }
  /** `before` and `after` are undefined where the object did not exist. */
  | {
      readonly source: "watch" | "own-write";
      readonly key: string;
      readonly before: T | undefined;
      readonly after: T | undefined;
    };

/**
 * The projections of one resource by key (`namespace/name`, or `name`), kept by a Reflector.
 *
 * Our own writes are seen before the watch brings them: `applyOwnWrite` takes in the server's
 * answer at once, and neither an older watch event nor an older list undoes it.
 *
 * A projection that did not change keeps its identity and is not reported: whoever derives from it
 * may remember by reference.
 */
export class Store<T> {
  #entries: Map<string, T> = new Map();
  #isSynced = false;
  /** All changes up to this version are in. */
  #resourceVersion: string | undefined;
  /**
   * Versions that our own writes made, by key, in the order in which they were answered. The watch
   * has not reached them yet, as far as `advance` has looked.
   */
  readonly #ownWrites = new Map<string, string>();
  /** Those of them that a list brought: their versions are the list's, so no event is their echo. */
  readonly #filled = new Set<string>();
  readonly #listeners = new Set<(change: StoreChange<T>) => void>();
  /** What watch events named, since each fill began that is under way. */
  readonly #fills = new Set<Set<string>>();

  /** The present state; a list replaces the Map, so do not keep it. */
  get entries(): ReadonlyMap<string, T> {
    return this.#entries;
  }

  /** Whether a complete list arrived once. It stays true when the server goes away. */
  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** Calls `listener` after each change, in the same turn. Returns what ends it. */
  onChange(listener: (change: StoreChange<T>) => void): () => void {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  }

  /**
   * Takes in what the server answered to our own create, update or patch of `key`. Nothing happens
   * if the watch is already past that version: it brought this write, or something newer.
   */
  applyOwnWrite(key: string, resourceVersion: string, value: T): void {
    const isPast = (version: string | undefined) =>
      version !== undefined && !isOlder(version, resourceVersion);
    if (isPast(this.#resourceVersion) || isPast(this.#ownWrites.get(key))) {
      return;
    }
    this.#ownWrites.delete(key);
    this.#filled.delete(key);
    this.#ownWrites.set(key, resourceVersion);
    this.#set("own-write", key, value);
  }

  /**
   * For a Store whose Reflector passes objects over that turn out to be of interest: to be called
   * before they are listed (a consistent read). The result takes in that list, as far as the watch
   * did not say more of an object meanwhile, and is to be called once.
   */
  beginFill(): (list: ReadonlyMap<string, T>, resourceVersion: string) => void {
    const touched = new Set<string>();
    this.#fills.add(touched);
    return (list, resourceVersion) => {
      this.#fills.delete(touched);
      for (const [key, value] of list) {
        if (!touched.has(key)) {
          this.#ownWrites.set(key, resourceVersion);
          this.#filled.add(key);
          this.#set("own-write", key, value);
        }
      }
    };
  }

  /** Takes in a watch event; `value` undefined: the object is gone, or no longer of interest. */
  applyWatchEvent(key: string, resourceVersion: string, value: T | undefined): void {
    const ownVersion = this.#ownWrites.get(key);
    this.#noteEvent(key, resourceVersion);
    if (ownVersion !== undefined && isOlder(resourceVersion, ownVersion)) {
      return;
    }
    this.#set("watch", key, value);
  }

  /**
   * Takes in a watch event that brings nothing but our own write, as it was answered; false: it brings
   * something else. So its object need not be looked at.
   */
  takeEcho(key: string, resourceVersion: string): boolean {
    if (this.#ownWrites.get(key) !== resourceVersion || this.#filled.has(key)) {
      return false;
    }
    this.#noteEvent(key, resourceVersion);
    return true;
  }

  #noteEvent(key: string, resourceVersion: string): void {
    this.advance(resourceVersion);
    for (const touched of this.#fills) {
      touched.add(key);
    }
  }

  /** Notes that nothing else changed up to `resourceVersion` (a bookmark). */
  advance(resourceVersion: string): void {
    this.#resourceVersion = resourceVersion;
    // Answers come nearly in the order of versions: what stands behind a newer one waits its turn, or
    // each event would look at all writes of a burst.
    for (const [key, ownVersion] of this.#ownWrites) {
      if (isOlder(resourceVersion, ownVersion)) {
        break;
      }
      this.#ownWrites.delete(key);
      this.#filled.delete(key);
    }
  }

  /**
   * Replaces everything by a complete list, in one step; own writes that are as new or newer stay.
   * (What filled the Store while the list was on its way is often as new, and not in the list.)
   */
  replace(list: ReadonlyMap<string, T>, resourceVersion: string): void {
    const before = this.#entries;
    const after = new Map(list);
    for (const [key, ownVersion] of this.#ownWrites) {
      const own = before.get(key);
      const isAsNew = ownVersion === resourceVersion || isOlder(resourceVersion, ownVersion);
      if (own !== undefined && isAsNew) {
        after.set(key, own);
      }
    }
    this.advance(resourceVersion);
    const missing = new Map<string, T>();
    for (const [key, value] of before) {
      if (!after.has(key)) {
        missing.set(key, value);
      }
    }
    this.#entries = after;
    this.#isSynced = true;
    this.#tell({ source: "list", before, missing });
  }

  /** `value`, or what the Store holds under `key` if the two are equal. */
  keepIdentity(key: string, value: T): T {
    const held = this.#entries.get(key);
    return held !== undefined && isDeepStrictEqual(held, value) ? held : value;
  }

  #set(source: "watch" | "own-write", key: string, value: T | undefined): void {
    const before = this.#entries.get(key);
    const after = value === undefined ? undefined : this.keepIdentity(key, value);
    if (before === after) {
      return;
    }
    if (after === undefined) {
      this.#entries.delete(key);
    } else {
      this.#entries.set(key, after);
    }
    this.#tell({ source, key, before, after });
  }

  #tell(change: StoreChange<T>): void {
    for (const listener of this.#listeners) {
      listener(change);
    }
  }
}
