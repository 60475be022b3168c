import assert from "node:assert/strict";
import fc from "fast-check";
import type { Service } from "../../src/cluster/service.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import {
  type Allocation,
  nothingAllocated,
  type Outcome,
  poolAnnotation,
} from "../../src/controller/outcome.ts";
import { Store } from "../../src/kube/store.ts";
import {
  anyPools,
  anyPut,
  change,
  type PoolsStep,
  type PutStep,
  pass,
  type Step,
  serviceName,
  shown,
  type World,
} from "./allocation-world.ts";
import { check, inStatus, mayShare, usableAnywhere } from "./reference-rules.ts";

/** A step of the cluster, of the watch, or of the controller. */
export type LaggingStep =
  | Extract<Step, { readonly type: "put" | "delete" | "restart" }>
  | PoolsStep
  /** Deleted and created again under its name: the watch tells of both, a list of the new one only. */
  | { readonly type: "recreate"; readonly put: PutStep }
  /** A write that is on its way arrives; without `isAnswered` the controller does not learn of it. */
  | { readonly type: "land"; readonly index: number; readonly isAnswered: boolean }
  | { readonly type: "lose"; readonly index: number }
  /** The watch brings so many events. */
  | { readonly type: "watch"; readonly events: number }
  /** The watch ends, and what happened meanwhile is seen in a new list only. */
  | { readonly type: "list" }
  /** The watch is resumed from so many events ago: they come again. */
  | { readonly type: "repeat"; readonly events: number };

const index = fc.nat(8);
const events = fc.integer({ min: 1, max: 6 });

export const laggingSteps: fc.Arbitrary<readonly LaggingStep[]> = fc.array(
  fc.oneof<fc.MaybeWeightedArbitrary<LaggingStep>[]>(
    { weight: 6, arbitrary: anyPut },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("delete"), name: serviceName }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("recreate"), put: anyPut }) },
    { weight: 1, arbitrary: anyPools },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("restart") }) },
    {
      weight: 10,
      arbitrary: fc.record({ type: fc.constant("land"), index, isAnswered: fc.boolean() }),
    },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("lose"), index }) },
    { weight: 10, arbitrary: fc.record({ type: fc.constant("watch"), events }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant("list") }) },
    { weight: 2, arbitrary: fc.record({ type: fc.constant("repeat"), events }) },
  ),
  { minLength: 1, maxLength: 60, size: "max" },
);

interface WatchEvent {
  readonly key: string;
  readonly version: string;
  /** Undefined: deleted. */
  readonly service: Service | undefined;
}

interface Write {
  readonly service: Service;
  readonly outcome: Outcome;
  /** What the controller decided by. */
  readonly by: World;
}

/** Whoever changes a Service leaves alone what we wrote beside its address. */
function withMarkOf(before: Service | undefined, after: Service | undefined): Service | undefined {
  const mark = before?.annotations[poolAnnotation];
  return after === undefined || mark === undefined || before?.uid !== after.uid
    ? after
    : { ...after, annotations: { ...after.annotations, [poolAnnotation]: mark } };
}

/**
 * A cluster, and a controller that sees it late: through a Store that a watch fills, with events that
 * wait, are lost until the next list, or come again.
 */
export class LaggingWorld {
  /** As the API server has them. */
  readonly #services = new Map<string, Service>();
  readonly #log: WatchEvent[] = [];
  #store = new Store<Service>();
  /** Where in the log the last list was taken, and how far the watch has come since. */
  #listedAt = 0;
  #watchedTo = 0;
  #version = 0;
  #view: World;
  #sent: readonly Write[] = [];

  constructor(start: World) {
    this.#view = start;
    this.#list();
  }

  take(step: LaggingStep): void {
    switch (step.type) {
      case "put":
      case "delete":
        this.#changeCluster(step);
        break;
      case "recreate":
        this.#changeCluster({ type: "delete", name: step.put.name });
        this.#changeCluster(step.put);
        break;
      case "pools":
        if (step.mayRenumber) {
          // Renumbering that is taken back while a write is on its way, or not seen yet, may put two
          // Services on one address until a pass moves the later one: not judged here.
          this.#sent = [];
          this.#watch(Number.POSITIVE_INFINITY);
          this.#pass();
          this.#sent = [];
        }
        this.#view = change(this.#view, step);
        break;
      case "land":
        this.#land(this.#write(step.index), step.isAnswered);
        break;
      case "lose":
        this.#sent = this.#sent.filter((write) => write !== this.#write(step.index));
        break;
      case "watch":
        this.#watch(step.events);
        break;
      case "list":
        this.#list();
        break;
      case "repeat":
        this.#watchedTo = Math.max(this.#listedAt, this.#watchedTo - step.events);
        break;
      case "restart":
        // A leader waits until what another one may have sent has arrived or been given up.
        this.#sent = [];
        this.#store = new Store();
        this.#view = { ...this.#view, allocation: nothingAllocated };
        this.#list();
    }
    this.#pass();
  }

  /** The view catches up by a list, and writes arrive until nothing is left to be written. */
  settle(): World {
    this.#list();
    this.#pass();
    for (let round = 0; round < 12; round += 1) {
      for (const write of this.#sent) {
        this.#land(write, true);
      }
      this.#watch(Number.POSITIVE_INFINITY);
      this.#pass();
    }
    const settled = { ...this.#view, services: new Map(this.#services) };
    check(settled, settled.allocation);
    return settled;
  }

  /** Counted from the last that was sent. */
  #write(index: number): Write | undefined {
    return this.#sent[this.#sent.length - 1 - (index % Math.max(this.#sent.length, 1))];
  }

  #changeCluster(step: Extract<LaggingStep, { readonly type: "put" | "delete" }>): void {
    const { services, made } = change({ ...this.#view, services: new Map(this.#services) }, step);
    this.#view = { ...this.#view, made };
    for (const key of new Set([...this.#services.keys(), ...services.keys()])) {
      if (this.#services.get(key) !== services.get(key)) {
        this.#put(key, withMarkOf(this.#services.get(key), services.get(key)));
      }
    }
  }

  #put(key: string, service: Service | undefined): Service | undefined {
    this.#version += 1;
    const version = `${this.#version}`;
    const stored = service === undefined ? undefined : { ...service, resourceVersion: version };
    if (stored === undefined) {
      this.#services.delete(key);
    } else {
      this.#services.set(key, stored);
    }
    this.#log.push({ key, version, service: stored });
    return stored;
  }

  #watch(count: number): void {
    const end = Math.min(this.#log.length, this.#watchedTo + count);
    for (const { key, version, service } of this.#log.slice(this.#watchedTo, end)) {
      this.#store.applyWatchEvent(key, version, service);
    }
    this.#watchedTo = end;
  }

  #list(): void {
    this.#store.replace(new Map(this.#services), `${this.#version}`);
    this.#listedAt = this.#log.length;
    this.#watchedTo = this.#log.length;
  }

  /** Every decision obeys every rule in the world that it was made by. */
  #pass(): void {
    const before = this.#view.allocation;
    const by = pass({ ...this.#view, services: new Map(this.#store.entries), sent: [] });
    check(by, before);
    this.#view = by;
    const fresh = by.sent
      .filter(({ service, outcome }) => shown(service, outcome) !== service)
      .map((write) => ({ ...write, by }));
    // As in the ServiceWriter, a write that waits is replaced by what was decided since. One that is on
    // its way already may be overtaken, and put two on one address until the next pass: not judged.
    this.#sent = fresh;
  }

  #land(write: Write | undefined, isAnswered: boolean): void {
    this.#sent = this.#sent.filter((other) => other !== write);
    if (write === undefined) {
      return;
    }
    const { key, resourceVersion } = write.service;
    const now = this.#services.get(key);
    if (now === undefined || now.resourceVersion !== resourceVersion) {
      return;
    }
    const { ingress } = shown(now, write.outcome);
    const { [poolAnnotation]: _, ...annotations } = now.annotations;
    const mark = ingress.length === 0 ? {} : { [poolAnnotation]: "by us" };
    const after = { ...now, ingress, annotations: { ...annotations, ...mark } };
    for (const ip of inStatus(after).filter((each) => !inStatus(now).includes(each))) {
      this.#assertMayHave(ip, write);
    }
    const stored = this.#put(key, after);
    if (isAnswered && stored !== undefined) {
      this.#store.applyOwnWrite(key, stored.resourceVersion, stored);
    }
  }

  /** Who has the address in the cluster shares it, as far as the controller could know. */
  #assertMayHave(ip: string, { service, by }: Write): void {
    const from: PoolConfig | undefined = usableAnywhere(by, ip);
    assert.ok(from !== undefined, `${ip} is outside every pool`);
    for (const other of this.#services.values()) {
      if (other.key !== service.key && inStatus(other).includes(ip)) {
        const seen = by.services.get(other.key);
        const isShared =
          seen !== undefined && seen.uid === other.uid && mayShare(service, seen, from);
        assert.ok(isShared, `${ip} is written to ${service.key}, but ${other.key} has it`);
      }
    }
  }

  /** What was decided last. */
  get allocation(): Allocation {
    return this.#view.allocation;
  }
}
