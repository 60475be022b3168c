import assert from "node:assert/strict";
import { isDeepStrictEqual } from "node:util";
import type { Service } from "../../src/cluster/service.ts";
import type { AddressWrite } from "../../src/cluster/snapshot.ts";
import {
  type Allocation,
  nothingAllocated,
  type Outcome,
  poolAnnotation,
} from "../../src/controller/outcome.ts";
import { isOlder } from "../../src/kube/resource-version.ts";
import { Store } from "../../src/kube/store.ts";
import { change, pass, shown, type World } from "./allocation-world.ts";
import type { LaggingStep } from "./lagging-steps.ts";
import { check, inStatus, mayShare, usableAnywhere } from "./reference-rules.ts";

interface WatchEvent {
  readonly key: string;
  readonly version: string;
  /** Undefined: deleted. */
  readonly service: Service | undefined;
}

interface Write {
  /** As it was decided about. */
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
  /** As in the ServiceWriter, a write that is not sent yet is replaced by what is decided next. */
  #waiting: readonly Write[] = [];
  /** They may still arrive. */
  #onTheirWay: readonly Write[] = [];
  /** Sent; the controller does not know how they ended. */
  #open: readonly Write[] = [];
  /** By which write each Service got the addresses that its status shows. */
  readonly #landed = new Map<string, Write>();

  constructor(start: World) {
    this.#view = start;
    this.#list();
  }

  take(step: LaggingStep): void {
    let late: number | undefined;
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
        this.#view = change({ ...this.#view, underWay: this.#underWay() }, step);
        break;
      case "send":
        if (step.isLate) {
          late = step.index;
        } else {
          this.#send(pick(this.#waiting, step.index));
        }
        break;
      case "land":
        this.#land(pick(this.#onTheirWay, step.index), step.isAnswered);
        break;
      case "lose":
        this.#onTheirWay = without(this.#onTheirWay, pick(this.#onTheirWay, step.index));
        break;
      case "ask":
        this.#ask(pick(this.#over(), step.index));
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
        this.#waiting = [];
        this.#onTheirWay = [];
        this.#open = [];
        this.#store = new Store();
        this.#view = { ...this.#view, allocation: nothingAllocated };
        this.#list();
    }
    this.#pass(late);
  }

  /** The view catches up by a list, and writes arrive until nothing is left to be written. */
  settle(): World {
    this.#list();
    this.#pass();
    for (let round = 0; round < 12; round += 1) {
      for (const write of this.#waiting) {
        this.#send(write);
      }
      for (const write of this.#onTheirWay) {
        this.#land(write, true);
      }
      for (const write of this.#over()) {
        this.#ask(write);
      }
      this.#watch(Number.POSITIVE_INFINITY);
      this.#pass();
    }
    const settled = { ...this.#view, services: new Map(this.#services) };
    assert.deepEqual(settled.underWay, [], "every write is over");
    check(settled, settled.allocation);
    return settled;
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

  /**
   * Every decision obeys every rule in the world that it was made by.
   *
   * @param late index of a write that is sent before what was decided is handed over
   */
  #pass(late?: number): void {
    const before = this.#view.allocation;
    const services = new Map(this.#store.entries);
    const by = pass({ ...this.#view, services, underWay: this.#underWay(), sent: [] });
    check(by, before);
    this.#view = by;
    if (late !== undefined) {
      this.#send(pick(this.#waiting, late));
    }
    this.#waiting = by.sent
      .filter(({ service, outcome }) => !isDeepStrictEqual(shown(service, outcome), service))
      .map((write) => ({ ...write, by }));
  }

  /** What the controller knows of: as its ServiceWriter tells it. */
  #underWay(): readonly AddressWrite[] {
    const { entries } = this.#store;
    const unseen = this.#open.filter(({ service: { key, uid, resourceVersion } }) => {
      const now = entries.get(key);
      return now?.uid !== uid || !isOlder(resourceVersion, now.resourceVersion);
    });
    const sendable = this.#waiting.filter(({ service }) => entries.get(service.key) === service);
    return [...unseen, ...sendable].map(({ service, outcome }) => ({
      service,
      addresses: outcome.type === "assigned" ? outcome.addresses.map(({ address }) => address) : [],
    }));
  }

  #send(write: Write | undefined): void {
    if (write !== undefined && this.#store.entries.get(write.service.key) === write.service) {
      this.#waiting = without(this.#waiting, write);
      this.#onTheirWay = [...this.#onTheirWay, write];
      this.#open = [...this.#open, write];
    }
  }

  #land(write: Write | undefined, isAnswered: boolean): void {
    this.#onTheirWay = without(this.#onTheirWay, write);
    if (write === undefined) {
      return;
    }
    const { key, resourceVersion } = write.service;
    const now = this.#services.get(key);
    if (now === undefined || now.resourceVersion !== resourceVersion) {
      this.#open = isAnswered ? without(this.#open, write) : this.#open;
      return;
    }
    const { ingress } = shown(now, write.outcome);
    const { [poolAnnotation]: _, ...annotations } = now.annotations;
    const mark = ingress.length === 0 ? {} : { [poolAnnotation]: "by us" };
    const after = { ...now, ingress, annotations: { ...annotations, ...mark } };
    for (const ip of inStatus(after).filter((each) => !inStatus(now).includes(each))) {
      this.#assertMayHave(ip, write);
    }
    this.#landed.set(key, write);
    const stored = this.#put(key, after);
    if (isAnswered && stored !== undefined) {
      this.#store.applyOwnWrite(key, stored.resourceVersion, stored);
      this.#open = this.#open.filter(({ service }) => service.key !== key);
    }
  }

  /** Those without an answer that cannot arrive any more. */
  #over(): readonly Write[] {
    return this.#open.filter((write) => !this.#onTheirWay.includes(write));
  }

  #ask(write: Write | undefined): void {
    const now = write && this.#services.get(write.service.key);
    if (now !== undefined) {
      this.#store.applyOwnWrite(now.key, now.resourceVersion, now);
    }
    const asked = this.#over().filter(({ service }) => service.key === write?.service.key);
    this.#open = this.#open.filter((each) => !asked.includes(each));
  }

  /** Who has the address in the cluster shares it, as far as the controller could know. */
  #assertMayHave(ip: string, write: Write): void {
    assert.ok(usableAnywhere(write.by, ip) !== undefined, `${ip} is outside every pool`);
    for (const other of this.#services.values()) {
      if (other.key !== write.service.key && inStatus(other).includes(ip)) {
        const theirs = this.#landed.get(other.key);
        const isShared =
          isSharedBy(write, other, ip) ||
          (theirs !== undefined && isSharedBy(theirs, write.service, ip));
        assert.ok(isShared, `${ip} is written to ${write.service.key}, but ${other.key} has it`);
      }
    }
  }

  /** What was decided last. */
  get allocation(): Allocation {
    return this.#view.allocation;
  }
}

/** Counted from the last. */
function pick(writes: readonly Write[], index: number): Write | undefined {
  return writes.at(-1 - (index % Math.max(writes.length, 1)));
}

function without(writes: readonly Write[], write: Write | undefined): readonly Write[] {
  return writes.filter((each) => each !== write);
}

/** Whether the decision was that `service` shares the address with `other`, as it was known. */
function isSharedBy({ service, by }: Write, other: Service, ip: string): boolean {
  const from = usableAnywhere(by, ip);
  const known = [by.services.get(other.key), ...by.underWay.map((each) => each.service)];
  return known.some(
    (each) => each?.uid === other.uid && from !== undefined && mayShare(service, each, from),
  );
}
