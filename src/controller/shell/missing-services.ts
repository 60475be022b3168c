import type { Service } from "../../cluster/service.ts";
import { isNotFound, type KubeApi } from "../../kube/client.ts";
import { resources } from "../../kube/resource.ts";
import type { Store, StoreChange } from "../../kube/store.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

export interface MissingServicesOptions {
  readonly api: KubeApi;
  readonly store: Store<Service>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** One is gone for certain. */
  readonly wake: () => void;
}

/**
 * Services that a new list did not show although no watch event said that they went.
 *
 * A list can be wrong (a server restored from a backup, a proxy that cuts an answer), and an address
 * given to somebody else is hard to take back. So they count as there until the server, asked for
 * each by name, says NotFound.
 */
export class MissingServices {
  readonly #options: MissingServicesOptions;
  readonly #queue: WorkQueue;
  readonly #missing = new Map<string, Service>();
  #isFailing = false;

  constructor(options: MissingServicesOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      work: (key, signal) => this.#ask(key, signal),
      onFailure: (key, error) => this.#takeFailure(key, error),
      concurrency: 4,
      clock: options.clock,
      random: options.random,
      backoff: { baseMs: 1_000, limitMs: 30_000 },
    });
    options.store.onChange((change) => this.#takeChange(change));
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  /** The Services of the Store, and those of which it is unknown whether they are gone. */
  withMissing(entries: ReadonlyMap<string, Service>): ReadonlyMap<string, Service> {
    return this.#missing.size === 0 ? entries : new Map([...this.#missing, ...entries]);
  }

  #takeChange(change: StoreChange<Service>): void {
    if (change.source === "list") {
      for (const [key, service] of change.missing) {
        if (service.type === "LoadBalancer") {
          this.#missing.set(key, service);
          this.#queue.add(key);
        }
      }
      if (change.missing.size > 0) {
        const fields = { services: change.missing.size };
        this.#options.logger.warn(fields, "Services are missing in a new list; asking for each");
      }
    }
    for (const key of this.#missing.keys()) {
      if (this.#options.store.entries.has(key)) {
        this.#drop(key);
      }
    }
  }

  async #ask(key: string, signal: AbortSignal): Promise<void> {
    const service = this.#missing.get(key);
    if (service === undefined) {
      return;
    }
    const { namespace, name, uid } = service;
    const { api, wake } = this.#options;
    try {
      const found = await api.get({ resource: resources.services, namespace, name }, { signal });
      if (found.metadata.uid === uid) {
        throw new Error("the server has a Service that its list did not show");
      }
    } catch (error) {
      if (!isNotFound(error)) {
        throw error;
      }
    }
    this.#isFailing = false;
    this.#missing.delete(key);
    wake();
  }

  #takeFailure(service: string, error: unknown): void {
    const fields = { service, err: error };
    if (this.#isFailing) {
      this.#options.logger.debug(fields, "still unknown whether a Service is gone");
    } else {
      this.#isFailing = true;
      this.#options.logger.warn(fields, "it cannot be asked whether a Service is gone");
    }
  }

  #drop(key: string): void {
    this.#missing.delete(key);
    this.#queue.forget(key);
  }
}
