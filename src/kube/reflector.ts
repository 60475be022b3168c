import { type BackoffRange, backoffMs } from "../runtime/backoff.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import {
  GarbageError,
  type KubeApi,
  KubeError,
  type KubeObject,
  objectKey,
  type Scope,
  type WatchEvent,
} from "./client.ts";
import { failureOf, type ReflectorFailure } from "./reflector-failure.ts";
import type { Resource } from "./resource.ts";
import type { Store } from "./store.ts";

export interface ReflectorOptions<T> extends Scope {
  readonly api: KubeApi;
  readonly resource: Resource;
  /** In logs and metrics; d: the resource's plural. For a process with several of one resource. */
  readonly title?: string;
  /** undefined: the object is of no interest. An exception concerns that object alone. */
  readonly project: (object: KubeObject) => T | undefined;
  readonly store: Store<T>;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics?: ReflectorMetrics;
}

/** Counts of what the Reflectors of a process do; `resource` is the Reflector's title. */
export interface ReflectorMetrics {
  /** Whether the server can be followed: false from a failure until a list or watch works again. */
  setWatching(resource: string, isWatching: boolean): void;
  countList(resource: string): void;
  countEvent(resource: string): void;
  countFailure(resource: string, reason: ReflectorFailure): void;
}

/** Objects in one page of a list; the server may send more (ListSplitter). */
const pageLimit = 100;
/** A watch is renewed after this long and up to as much again, so that not all are at once. */
const watchSeconds = 300;
/** The server sends a bookmark each minute, give or take a quarter. */
const silenceLimitMs = 120_000;
/** A watch that the server ends sooner than this counts as a failure. */
const shortestWatchMs = 1_000;
/** Only a watch that stood for so long ends a series of failures, whose delays grow. */
const steadyWatchMs = 10_000;
/** What a server asks for beyond this is not waited for. */
const retryAfterLimitSeconds = 120;
const backoff: BackoffRange = { baseMs: 500, limitMs: 30_000 };

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
  #failures = 0;
  /** What failed last in the present series of failures, so that it is logged once. */
  #lastFailure: string | undefined;
  /** A watch of the present series was too old or silent, as happens; once more is a failure. */
  #isRenewed = false;
  /** A failure was logged, its end was not. */
  #isToldDown = false;
  /** Keys of objects whose projection failed, so that each is logged once. */
  readonly #notProjected = new Set<string>();

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#title = options.title ?? options.resource.plural;
  }

  /** Resolves once `signal` aborts, and not before. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, metrics } = this.#options;
    metrics?.setWatching(this.#title, false);
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) {
          await this.#list(signal);
        }
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) {
          break;
        }
        await sleep(clock, this.#takeFailure(error), signal);
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
    this.#recovered();
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
    this.#recovered();
    const openedMs = clock.now();
    try {
      for await (const event of stream) {
        signal.throwIfAborted();
        this.#takeEvent(event);
      }
    } finally {
      if (clock.now() - openedMs >= steadyWatchMs) {
        this.#failures = 0;
        this.#lastFailure = undefined;
        this.#isRenewed = false;
      }
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

  /** Notes a failure, logs it if it is another than before, and says how many ms to wait. */
  #takeFailure(error: unknown): number {
    const { logger, metrics, random } = this.#options;
    const failure = failureOf(error);
    metrics?.countFailure(this.#title, failure);
    if (failure === "expired" || failure === "garbage") {
      this.#resourceVersion = undefined;
    }
    if ((failure === "expired" || failure === "silent") && !this.#isRenewed) {
      this.#isRenewed = true;
      logger.debug({ resource: this.#title, failure }, "the watch is renewed");
      return backoffMs(1, backoff, random);
    }
    this.#failures += 1;
    metrics?.setWatching(this.#title, false);
    const fields = { resource: this.#title, failure, err: error };
    if (this.#lastFailure === failure) {
      logger.debug({ ...fields, failures: this.#failures }, "the API server cannot be followed");
    } else {
      this.#lastFailure = failure;
      this.#isToldDown = true;
      const level = failure === "other" ? "error" : "warn";
      logger[level](fields, "the API server cannot be followed; what was known stays in force");
    }
    const seconds = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) : 0;
    const askedMs = Math.min(seconds, retryAfterLimitSeconds) * 1_000;
    return Math.max(askedMs, backoffMs(this.#failures, backoff, random));
  }

  #recovered(): void {
    const { logger, metrics } = this.#options;
    metrics?.setWatching(this.#title, true);
    if (this.#isToldDown) {
      this.#isToldDown = false;
      logger.info({ resource: this.#title }, "the API server is followed again");
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
