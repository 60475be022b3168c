import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { KubeApi, KubeObject, Scope } from "./client.ts";
import type { Resource } from "./resource.ts";
import type { Store } from "./store.ts";

export interface ReflectorOptions<T> extends Scope {
  readonly api: KubeApi;
  readonly resource: Resource;
  /** undefined: the object is of no interest. An exception concerns that object alone. */
  readonly project: (object: KubeObject) => T | undefined;
  readonly store: Store<T>;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics?: ReflectorMetrics;
}

/** Counts of what the Reflectors of a process do; `resource` is the plural. */
export interface ReflectorMetrics {
  /** Whether the watch stands: false while the server cannot be followed. */
  setWatching(resource: string, isWatching: boolean): void;
  countList(resource: string): void;
  countEvent(resource: string): void;
  /** `reason`: `unreachable`, `silent`, `garbage`, `expired`, `projection`, or the HTTP status. */
  countFailure(resource: string, reason: string): void;
}
