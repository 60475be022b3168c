import type { Service } from "../../cluster/service.ts";
import type { KubeApi } from "../../kube/client.ts";
import type { Store, StoreChange } from "../../kube/store.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { ServiceInquiry } from "./service-inquiry.ts";

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
  readonly #inquiry: ServiceInquiry;
  readonly #missing = new Map<string, Service>();

  constructor(options: MissingServicesOptions) {
    this.#options = options;
    const { api, clock, random, logger } = options;
    this.#inquiry = new ServiceInquiry({
      api,
      clock,
      random,
      logger,
      inDoubt: "whether a Service is gone",
      ask: (key, signal) => this.#ask(key, signal),
    });
    options.store.onChange((change) => this.#takeChange(change));
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#inquiry.run(signal);
  }

  get isEmpty(): boolean {
    return this.#missing.size === 0;
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
          this.#inquiry.add(key);
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

  async #ask(key: string, signal: AbortSignal): Promise<boolean> {
    const service = this.#missing.get(key);
    if (service === undefined) {
      return false;
    }
    const found = await this.#inquiry.read(service, signal);
    if (found?.metadata.uid === service.uid) {
      throw new Error("the server has a Service that its list did not show");
    }
    this.#missing.delete(key);
    this.#options.wake();
    return true;
  }

  #drop(key: string): void {
    this.#missing.delete(key);
    this.#inquiry.forget(key);
  }
}
