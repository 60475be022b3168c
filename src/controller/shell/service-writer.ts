import { Memo } from "../../cluster/memo.ts";
import { isLoadBalancer, type Service } from "../../cluster/service.ts";
import type { AddressWrite } from "../../cluster/snapshot.ts";
import { eachInSteps, type Steps } from "../../cluster/steps.ts";
import { type KubeApi, KubeError, type KubeObject } from "../../kube/client.ts";
import type { EventRecorder } from "../../kube/events.ts";
import { projectService } from "../../kube/project.ts";
import type { Store } from "../../kube/store.ts";
import { type Lane, WorkQueue } from "../../kube/work-queue.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type Allocation, nothingAllocated, type Outcome } from "../outcome.ts";
import { type ServiceEvent, writtenEvent } from "../service-events.ts";
import { diffStatus, shownIngress, wantedIngress } from "../status.ts";
import { isNotKept, isPaused } from "../write-record.ts";
import { serviceNote } from "./notes.ts";
import { isSameButForStatus } from "./same-but-for-status.ts";
import { StatusWrites } from "./status-writes.ts";
import { WriteFailures } from "./write-failures.ts";
import { WriteRecords } from "./write-records.ts";

export interface ServiceWriterOptions {
  readonly api: KubeApi;
  readonly store: Store<Service>;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** Asked before each write. */
  readonly leads: () => boolean;
  /** An address went into a status, so long after it was decided. */
  readonly onAssigned: (seconds: number) => void;
  /** There is something to do that no change of a Store tells: a pause is over, an address is free. */
  readonly wake: () => void;
}

/** How many writes are on their way at once. */
const concurrency = 16;

interface Pending extends AddressWrite {
  readonly outcome: Outcome | undefined;
}

/**
 * Writes what `allocate` decided into the Services' status.
 *
 * Each write carries the resourceVersion of the Service that was decided about; if that changed
 * meanwhile, nothing is written and the next pass decides anew. What fails is tried again with a
 * backoff of its own, and Services that have no address yet go first.
 */
export class ServiceWriter {
  readonly #options: ServiceWriterOptions;
  readonly #queue: WorkQueue;
  readonly #writes: StatusWrites;
  readonly #pending = new Map<string, Pending>();
  readonly #pendingSinceMs = new Map<string, number>();
  readonly #records: WriteRecords;
  readonly #failures: WriteFailures;
  /** Services that show the outcome already. */
  readonly #settled = new Memo<Service, Outcome>();
  #allocation: Allocation = nothingAllocated;
  /** UIDs of Services that were ours and are of another class now, by key. */
  readonly #leaving = new Map<string, string>();

  constructor(options: ServiceWriterOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({
      work: (key) => this.#write(key),
      onFailure: (key, error) => this.#failures.take(key, error),
      retryAfterMs: (error) =>
        error instanceof KubeError ? (error.retryAfterSeconds ?? 0) * 1_000 : undefined,
      concurrency,
      clock: options.clock,
      random: options.random,
    });
    this.#failures = new WriteFailures(options.logger);
    this.#writes = new StatusWrites(options);
    this.#records = new WriteRecords({
      ...options,
      onEvent: (service, event) => this.#record(service, event),
    });
  }

  /** Writes that wait or are on their way. */
  get size(): number {
    return this.#queue.size;
  }

  /** Of these, all but those that only annotate an address which stays. */
  get pressing(): number {
    return this.#queue.pressing;
  }

  /** Services whose status we leave alone for a while, because somebody else overwrites it. */
  get paused(): readonly string[] {
    return this.#records.paused;
  }

  /** A write has no answer, or none yet: the server may have done it, or do it yet. */
  get mayStillBeWritten(): boolean {
    return this.#writes.hasAny;
  }

  /**
   * Addresses that a status may come to show, whatever is decided from now on, until the decision is
   * handed over: of writes that were sent, and of those that may be sent meanwhile.
   */
  get underWay(): readonly AddressWrite[] {
    const { entries } = this.#options.store;
    const mayBeSent = ({ service }: Pending) => entries.get(service.key) === service;
    return [...this.#writes.underWay, ...[...this.#pending.values()].filter(mayBeSent)];
  }

  /** Whether a status of this Service may yet come to show what is not in the Store. */
  hasWrite(key: string): boolean {
    return this.#pending.has(key) || this.#writes.has(key);
  }

  /** Writes until `signal` aborts; what is on its way then is waited for. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#queue.run(signal), this.#writes.run(signal)]);
  }

  /**
   * Has everything written in which the Store differs from `allocation`, the decision about
   * `services`. A Service that asks for something else since is left to the next pass.
   *
   * @param sinceMs when the first of the changes came that it was decided for
   */
  *applySteps(
    services: ReadonlyMap<string, Service>,
    allocation: Allocation,
    sinceMs: number,
  ): Steps<void> {
    const { store } = this.#options;
    yield* this.#noteLeavingSteps(allocation);
    yield* eachInSteps([...store.entries.keys()], (key) => {
      const service = store.entries.get(key);
      const outcome = allocation.outcomes.get(key);
      if (
        service !== undefined &&
        (outcome === undefined || this.#settled.get(service) !== outcome) &&
        isSameButForStatus(services.get(key) ?? service, service)
      ) {
        this.#noteDropped(key, services.get(key), outcome);
        this.#applyOne(key, service, outcome, sinceMs);
      }
    });
    for (const keys of [this.#records.keys, this.#pending.keys()]) {
      yield* eachInSteps(keys, (key) => {
        if (!store.entries.has(key)) {
          this.#drop(key);
        }
      });
    }
  }

  /** As `applySteps`, where `allocation` differs from the one before in these Services alone. */
  applyChanged(keys: Iterable<string>, allocation: Allocation, sinceMs: number): void {
    const { store } = this.#options;
    this.#allocation = allocation;
    for (const key of keys) {
      const service = store.entries.get(key);
      if (service === undefined) {
        this.#drop(key);
      } else {
        this.#applyOne(key, service, allocation.outcomes.get(key), sinceMs);
      }
    }
  }

  #applyOne(key: string, service: Service, outcome: Outcome | undefined, sinceMs: number): void {
    const isOurs = outcome !== undefined;
    if (!isOurs && isLoadBalancer(service) && this.#leaving.get(key) !== service.uid) {
      return;
    }
    const record = this.#records.observe(key, service, outcome);
    const isDone =
      diffStatus(service, outcome, "") === undefined ||
      (record !== undefined && isNotKept(record, service, outcome));
    if (isDone || (record !== undefined && isPaused(record, service, outcome))) {
      this.#forget(key);
      this.#leaving.delete(key);
      if (isOurs && isDone) {
        this.#settled.set(service, outcome);
      }
      return;
    }
    const isNew = !this.#pendingSinceMs.has(key);
    const given = outcome?.type === "assigned" ? outcome.addresses : [];
    this.#pending.set(key, { service, outcome, addresses: given.map(({ address }) => address) });
    if (isNew) {
      this.#pendingSinceMs.set(key, sinceMs);
    }
    this.#queue.add(key, laneOf(service, outcome, isNew));
  }

  /** A Service that drops out of the allocation while it stays a LoadBalancer changed its class. */
  *#noteLeavingSteps(allocation: Allocation): Steps<void> {
    yield* eachInSteps(this.#allocation.outcomes, ([key, outcome]) => {
      if (!allocation.outcomes.has(key)) {
        this.#leaving.set(key, outcome.uid);
      }
    });
    yield* eachInSteps(this.#leaving.keys(), (key) => {
      if (allocation.outcomes.has(key) || !this.#options.store.entries.has(key)) {
        this.#leaving.delete(key);
      }
    });
    this.#allocation = allocation;
  }

  /** What the decision still kept for a write that is not sent now, the next one may give away. */
  #noteDropped(key: string, decided: Service | undefined, outcome: Outcome | undefined): void {
    const waiting = this.#pending.get(key);
    if (waiting !== undefined && waiting.outcome !== outcome && waiting.service === decided) {
      this.#options.wake();
    }
  }

  #drop(key: string): void {
    this.#forget(key);
    this.#records.forget(key);
    this.#leaving.delete(key);
  }

  #forget(key: string): void {
    this.#pending.delete(key);
    this.#pendingSinceMs.delete(key);
    this.#queue.forget(key);
  }

  async #write(key: string): Promise<void> {
    const { store, clock, leads, logger, onAssigned, wake } = this.#options;
    const pending = this.#pending.get(key);
    if (pending === undefined || store.entries.get(key) !== pending.service || !leads()) {
      return;
    }
    const { service, outcome } = pending;
    const now = `${new Date(clock.wallTime()).toISOString().slice(0, 19)}Z`;
    const patch = diffStatus(service, outcome, now);
    if (patch === undefined) {
      return;
    }
    const sent = this.#writes.send(pending, patch).finally(() => {
      if (this.#allocation.outcomes.get(key) !== outcome) {
        wake();
      }
    });
    const after = this.#projected(key, await sent);
    const record = this.#records.take(key, after, outcome);
    this.#failures.clear();
    if (record.notKept !== undefined) {
      logger.debug({ service: key }, "the server does not keep all that was written");
    }
    const event = writtenEvent(service, outcome);
    if (event !== undefined) {
      this.#record(service, event);
      const fields = { service: key, event: event.reason, status: shownIngress(after) };
      logger.info(fields, "status written");
      if (outcome?.type === "assigned") {
        onAssigned((clock.now() - (this.#pendingSinceMs.get(key) ?? clock.now())) / 1_000);
      }
    }
    const waiting = this.#pending.get(key);
    // A pass meanwhile may have asked for the same again.
    if (waiting?.service === service && waiting.outcome === outcome) {
      this.#forget(key);
    }
    store.applyOwnWrite(key, after.resourceVersion, after);
    this.#writes.takeShown(key);
  }

  /** The watch may have brought it before the answer did. */
  #projected(key: string, answer: KubeObject): Service {
    const held = this.#options.store.entries.get(key);
    const { uid, resourceVersion } = answer.metadata;
    const isHeld = held?.uid === uid && held.resourceVersion === resourceVersion;
    return isHeld ? held : projectService(answer);
  }

  #record(service: Service, event: ServiceEvent): void {
    this.#options.recorder.record(serviceNote(service, event));
  }
}

/** What changes no address can wait: there are thousands of these where another product gave the addresses. */
function laneOf(service: Service, outcome: Outcome | undefined, isNew: boolean): Lane {
  const shown = shownIngress(service);
  if (outcome?.type !== "assigned") {
    return "normal";
  }
  if (wantedIngress(service, outcome) === shown) {
    return "spare";
  }
  return isNew && shown === "" ? "urgent" : "normal";
}
