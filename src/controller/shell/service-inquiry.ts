import { isNotFound, type KubeApi, type KubeObject } from "../../kube/client.ts";
import { resources } from "../../kube/resource.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

export interface ServiceInquiryOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** What only the server can tell: `whether a Service is gone`. */
  readonly inDoubt: string;
  /** Settles it for the key of a Service; throws to be called again. Resolves with whether it asked. */
  readonly ask: (key: string, signal: AbortSignal) => Promise<boolean>;
}

/** Asks the server about Services, each by its name, again and again until it answers. */
export class ServiceInquiry {
  readonly #options: ServiceInquiryOptions;
  readonly #queue: WorkQueue;
  #isFailing = false;

  constructor(options: ServiceInquiryOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      work: (key, signal) => this.#work(key, signal),
      onFailure: (key, error) => this.#takeFailure(key, error),
      concurrency: 4,
      clock: options.clock,
      random: options.random,
      backoff: { baseMs: 1_000, limitMs: 30_000 },
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  add(key: string): void {
    this.#queue.add(key);
  }

  forget(key: string): void {
    this.#queue.forget(key);
  }

  /** The Service as the server has it; undefined: it has none of that name. */
  async read(
    { namespace, name }: { readonly namespace: string; readonly name: string },
    signal: AbortSignal,
  ): Promise<KubeObject | undefined> {
    const path = { resource: resources.services, namespace, name };
    try {
      return await this.#options.api.get(path, { signal });
    } catch (error) {
      if (isNotFound(error)) {
        return undefined;
      }
      throw error;
    }
  }

  async #work(key: string, signal: AbortSignal): Promise<void> {
    if (await this.#options.ask(key, signal)) {
      this.#isFailing = false;
    }
  }

  #takeFailure(service: string, error: unknown): void {
    const { logger, inDoubt } = this.#options;
    const fields = { service, err: error };
    if (this.#isFailing) {
      logger.debug(fields, `still unknown ${inDoubt}`);
    } else {
      this.#isFailing = true;
      logger.warn(fields, `it cannot be asked ${inDoubt}`);
    }
  }
}
