import {
  GarbageError,
  type KubeApi,
  KubeError,
  type KubeObject,
  objectKey,
  type Scope,
  type WatchEvent,
} from "./client.ts";
import { failureOf, needsList } from "./reflector-failure.ts";
import type { Resource } from "./resource.ts";
import { Retries, type RetriesOptions } from "./retries.ts";
import type { Store } from "./store.ts";

export interface ReflectorOptions<T> extends Scope, RetriesOptions {
  readonly api: KubeApi;
  readonly resource: Resource;
  /** In logs and metrics; d: the resource's plural. For a process with several of one resource. */
  readonly title?: string;
  /** undefined: the object is of no interest. An exception concerns that object alone. */
  readonly project: (object: KubeObject) => T | undefined;
  readonly store: Store<T>;
}

/** Objects in one page of a list; the server may send more (ListSplitter). */
const pageLimit = 100;
/** A watch is renewed after this long and up to as much again, so that not all are at once. */
const watchSeconds = 300;
/** The server sends a bookmark each minute, give or take a quarter. */
const silenceLimitMs = 120_000;
/** A watch that the server ends sooner than this counts as a failure. */
const shortestWatchMs = 1_000;

/**
 * Keeps a Store equal to what the API server has, for as long as `run` runs.
 *
 * It lists, then watches from the list's version on. Whatever happens to a watch, the next goes on
 * from the last version that was seen; only where that is refused (410), or what came made no sense,
 * is the list read again, and then newest state first (a consistent read). While the server is away
 * the Store stays as it is.
 *
 * An object that cannot be projected leaves what the Store holds of it as it was.
 */
export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #title: string;
  /** Where the next watch goes on; undefined: a list comes first. */
  #resourceVersion: string | undefined;
  readonly #retries: Retries;
  /** Keys of objects whose projection failed, so that each is logged once. */
  readonly #notProjected = new Set<string>();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#title = options.title ?? options.resource.plural;
    this.#retries = new Retries(this.#title, options);
  }

  /** Resolves once `signal` aborts, and not before. */
  async run(signal: AbortSignal): Promise<void> {
    const { metrics } = this.#options;
    metrics?.setWatching(this.#title, false);
    while (!signal.aborted) {
      this.#retries.tryBegins();
      try {
        if (this.#resourceVersion === undefined) {
          await this.#list(signal);
        }
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) {
          break;
        }
        const failure = failureOf(error);
        if (needsList(failure)) {
          this.#resourceVersion = undefined;
        }
        await this.#retries.failed(failure, error, signal);
      }
    }
    metrics?.setWatching(this.#title, false);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { store, metrics, logger } = this.#options;
    const list = new Map<string, T>();
    const visit = (object: KubeObject) => {
      const key = objectKey(object);
      const value = this.#project(key, object);
      if (value !== undefined) {
        list.set(key, store.keepIdentity(key, value));
      }
    };
    const resourceVersion = await this.#pages(signal, visit, () => list.clear());
    signal.throwIfAborted();
    metrics?.countList(this.#title);
    this.#resourceVersion = resourceVersion;
    this.#retries.succeeded();
    logger.debug({ resource: this.#title, objects: list.size, resourceVersion }, "listed");
    store.replace(list, resourceVersion);
  }

  /**
   * Reads all pages and gives the list's version. A continue token lives for some minutes only;
   * where it died, `restart` is called and the list read in one piece.
   */
  async #pages(
    signal: AbortSignal,
    visit: (object: KubeObject) => void,
    restart: () => void,
  ): Promise<string> {
    const { api, resource } = this.#options;
    const scope = scopeOf(this.#options);
    const first = await api.list(resource, { ...scope, limit: pageLimit, signal }, visit);
    let { continueToken } = first;
    while (continueToken !== undefined) {
      try {
        const page = { ...scope, limit: pageLimit, continueToken, signal };
        ({ continueToken } = await api.list(resource, page, visit));
      } catch (error) {
        if (failureOf(error) !== "expired") {
          throw error;
        }
        restart();
        return (await api.list(resource, { ...scope, signal }, visit)).resourceVersion;
      }
    }
    return first.resourceVersion;
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { api, clock, random, resource } = this.#options;
    const stream = await api.watch(resource, {
      ...scopeOf(this.#options),
      resourceVersion: this.#resourceVersion ?? "",
      timeoutSeconds: Math.round(watchSeconds * (1 + random())),
      silenceLimitMs,
      signal,
    });
    this.#retries.succeeded();
    const openedMs = clock.now();
    try {
      for await (const event of stream) {
        signal.throwIfAborted();
        this.#takeEvent(event);
      }
    } finally {
      this.#retries.watchEnded(clock.now() - openedMs);
    }
    if (clock.now() - openedMs < shortestWatchMs && !signal.aborted) {
      throw new KubeError(0, "", `the server ended the watch of ${this.#title} at once`);
    }
  }

  #takeEvent(event: WatchEvent): void {
    const { store, metrics } = this.#options;
    if (event.type === "BOOKMARK") {
      this.#resourceVersion = event.resourceVersion;
      store.advance(event.resourceVersion);
      return;
    }
    metrics?.countEvent(this.#title);
    const { object } = event;
    const { resourceVersion } = object.metadata;
    if (resourceVersion === "") {
      throw new GarbageError(`a watch event of ${objectKey(object)} without a resourceVersion`);
    }
    this.#resourceVersion = resourceVersion;
    const key = objectKey(object);
    if (event.type === "DELETED") {
      this.#notProjected.delete(key);
      store.applyWatchEvent(key, resourceVersion, undefined);
    } else if (!store.takeEcho(key, resourceVersion)) {
      store.applyWatchEvent(key, resourceVersion, this.#project(key, object));
    }
  }

  /** What is held stays where a projection fails. */
  #project(key: string, object: KubeObject): T | undefined {
    const { project, store, metrics, logger } = this.#options;
    try {
      const value = project(object);
      this.#notProjected.delete(key);
      return value;
    } catch (error) {
      metrics?.countFailure(this.#title, "projection");
      if (!this.#notProjected.has(key)) {
        this.#notProjected.add(key);
        logger.error({ resource: this.#title, key, err: error }, "object cannot be read");
      }
      return store.entries.get(key);
    }
  }
}

function scopeOf({ namespace, name, labelSelector }: Scope): Scope {
  return {
    ...(namespace === undefined ? {} : { namespace }),
    ...(name === undefined ? {} : { name }),
    ...(labelSelector === undefined ? {} : { labelSelector }),
  };
}
