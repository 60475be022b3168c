import { type EndpointSlice, type ReducedSlice, sliceReducer } from "../../cluster/endpoint.ts";
import type { Service } from "../../cluster/service.ts";
import type { Store } from "../../kube/store.ts";
import { WorkQueue } from "../../kube/work-queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";

export interface SliceKeeperOptions {
  readonly nodeName: string;
  /** Of the Services that need EndpointSlices, and no others. */
  readonly services: Store<Service>;
  /** One of those by its key, or one that is missing in a list and still counts as there. */
  readonly serviceOf: (key: string) => Service | undefined;
  readonly slices: Store<ReducedSlice>;
  /** The slices of one Service, as they are now. */
  readonly readSlices: (service: Service, signal: AbortSignal) => Promise<SliceList>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

export interface SliceList {
  readonly slices: readonly EndpointSlice[];
  readonly resourceVersion: string;
}

/** Of so many Services it is remembered that slices of theirs were passed over. */
const rememberedLimit = 50_000;

/**
 * Keeps the EndpointSlices of Services that need them, reduced to what decides here: most Services of
 * a cluster are no load balancers.
 *
 * A Service that comes to need its slices when some were passed over already (its type changed, or
 * two watches were not in step), or more of them than was kept (it is `Local` now), has them listed.
 */
export class SliceKeeper {
  readonly #options: SliceKeeperOptions;
  readonly #reduce: (slice: EndpointSlice) => ReducedSlice;
  readonly #queue: WorkQueue;
  /** Keys of Services, until they are listed; undefined: too many, so any may be concerned. */
  #passedOver: Set<string> | undefined = new Set();
  /** Keys of the Services whose slices do not name all nodes. */
  readonly #shortened = new Set<string>();

  constructor(options: SliceKeeperOptions) {
    this.#options = options;
    this.#reduce = sliceReducer(options.nodeName);
    const { services, clock, random, logger } = options;
    this.#queue = new WorkQueue({
      work: (key, signal) => this.#list(key, signal),
      onFailure: (service, error) =>
        logger.warn({ service, err: error }, "EndpointSlices of a Service could not be listed"),
      concurrency: 4,
      clock,
      random,
    });
    services.onChange((change) => {
      if (change.source === "list") {
        for (const key of services.entries.keys()) {
          if (!change.before.has(key)) {
            this.#listIfMissed(key);
          }
        }
        for (const key of this.#shortened) {
          this.#listIfShortened(key);
        }
        return;
      }
      if (change.before === undefined) {
        this.#listIfMissed(change.key);
      }
      this.#listIfShortened(change.key);
    });
  }

  /** Lists what has to be listed, until `signal` aborts. */
  run(signal: AbortSignal): Promise<void> {
    return this.#queue.run(signal);
  }

  /** A slice that arrived, as it is to be kept; undefined: nobody needs it now. */
  take(slice: EndpointSlice): ReducedSlice | undefined {
    const service = this.#options.serviceOf(slice.serviceKey);
    if (service !== undefined) {
      return this.#keep(service, slice);
    }
    this.#passOver(slice.serviceKey);
    return undefined;
  }

  #passOver(key: string): void {
    this.#passedOver?.add(key);
    if (this.#passedOver !== undefined && this.#passedOver.size > rememberedLimit) {
      this.#passedOver = undefined;
    }
  }

  /** With `Cluster` it does not matter on which nodes endpoints are, only that there are some. */
  #keep(service: Service, slice: EndpointSlice): ReducedSlice {
    const reduced = this.#reduce({ ...slice, serviceKey: service.key });
    if (service.externalTrafficPolicy === "Local") {
      return reduced;
    }
    this.#shortened.add(service.key);
    const { readyNodes, endingNodes } = reduced;
    return { ...reduced, readyNodes: firstOf(readyNodes), endingNodes: firstOf(endingNodes) };
  }

  #listIfShortened(key: string): void {
    if (!this.#shortened.has(key)) {
      return;
    }
    const service = this.#options.serviceOf(key);
    if (service?.externalTrafficPolicy !== "Cluster") {
      this.#shortened.delete(key);
    }
    if (service === undefined) {
      // It may come back as another that needs them whole.
      this.#passOver(key);
    } else if (service.externalTrafficPolicy === "Local") {
      this.#queue.add(key);
    }
  }

  #listIfMissed(key: string): void {
    if (this.#passedOver?.has(key) !== false && this.#options.services.entries.has(key)) {
      this.#queue.add(key);
    }
  }

  async #list(key: string, signal: AbortSignal): Promise<void> {
    const { serviceOf, slices, readSlices } = this.#options;
    const service = serviceOf(key);
    if (service === undefined) {
      return;
    }
    this.#passedOver?.delete(key);
    const fill = slices.beginFill();
    let found: readonly ReducedSlice[] = [];
    let resourceVersion = "0";
    try {
      const list = await readSlices(service, signal);
      const asked = serviceOf(key) ?? service;
      found = list.slices.map((slice) => this.#keep(asked, slice));
      ({ resourceVersion } = list);
    } catch (error) {
      this.#passOver(key);
      throw error;
    } finally {
      fill(new Map(found.map((slice) => [slice.key, slice])), resourceVersion);
    }
  }
}

function firstOf(names: readonly string[]): readonly string[] {
  return names.length > 1 ? names.slice(0, 1) : names;
}
