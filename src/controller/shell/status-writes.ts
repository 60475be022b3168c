import type { Service } from "../../cluster/service.ts";
import type { AddressWrite } from "../../cluster/snapshot.ts";
import { type KubeApi, KubeError, type KubeObject } from "../../kube/client.ts";
import { projectService } from "../../kube/project.ts";
import { resources } from "../../kube/resource.ts";
import { isOlder } from "../../kube/resource-version.ts";
import type { Store } from "../../kube/store.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { StatusPatch } from "../status.ts";
import { ServiceInquiry } from "./service-inquiry.ts";

export interface StatusWritesOptions {
  readonly api: KubeApi;
  readonly store: Store<Service>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  /** What a write might have given is free. */
  readonly wake: () => void;
}

/** A write is not waited for, and not done by the server, when it is older than this. */
export const writeLimitMs = 10_000;

interface UnansweredWrite {
  readonly write: AddressWrite;
  readonly sinceMs: number;
}

/**
 * Writes that were sent and of which it is not known how they ended.
 *
 * One that gets no answer may be done later, or may have been done although no watch told of it yet.
 * So it counts until a later write of the Service succeeds (each takes effect only on the Service as
 * it was decided about), or until the Service is read after the server's limit for the write.
 */
export class StatusWrites {
  readonly #options: StatusWritesOptions;
  readonly #inquiry: ServiceInquiry;
  /** By key of the Service, as the next one too. */
  readonly #sent = new Map<string, AddressWrite>();
  readonly #unanswered = new Map<string, readonly UnansweredWrite[]>();

  constructor(options: StatusWritesOptions) {
    this.#options = options;
    const { api, clock, random, logger } = options;
    this.#inquiry = new ServiceInquiry({
      api,
      clock,
      random,
      logger,
      inDoubt: "whether a status was written",
      ask: (key, signal) => this.#ask(key, signal),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#inquiry.run(signal);
  }

  /** Whether a write may still be done. */
  get hasAny(): boolean {
    return this.#sent.size > 0 || this.#unanswered.size > 0;
  }

  has(key: string): boolean {
    return this.#sent.has(key) || this.#unanswered.has(key);
  }

  /** Those that may have done something which the Store does not show, or may do it yet. */
  get underWay(): readonly AddressWrite[] {
    const unanswered = [...this.#unanswered.values()].flat().map(({ write }) => write);
    return [...this.#sent.values(), ...unanswered].filter(({ service }) => !this.#isSeen(service));
  }

  /** Sends `patch`, which gives what `write` says; the Service has no other write that is waited for. */
  async send(write: AddressWrite, patch: StatusPatch): Promise<KubeObject> {
    const { key, namespace, name } = write.service;
    const path = { resource: resources.services, namespace, name, subresource: "status" } as const;
    this.#sent.set(key, write);
    try {
      return await this.#options.api.patch(path, "merge", patch, { limitMs: writeLimitMs });
    } catch (error) {
      this.#sent.delete(key);
      if (!(error instanceof KubeError) || error.status === 0 || error.status >= 500) {
        this.#keepUnanswered(key, write);
      }
      throw error;
    }
  }

  /** The Store shows what was written last: no other write of the Service can be done any more. */
  takeShown(key: string): void {
    this.#sent.delete(key);
    if (this.#unanswered.delete(key)) {
      this.#inquiry.forget(key);
      this.#options.wake();
    }
  }

  #keepUnanswered(key: string, write: AddressWrite): void {
    const { clock } = this.#options;
    const others = this.#unansweredOf(key).filter((other) => !isSame(other.write, write));
    this.#unanswered.set(key, [...others, { write, sinceMs: clock.now() }]);
    clock.after(writeLimitMs, () => this.#inquiry.add(key));
  }

  #unansweredOf(key: string): readonly UnansweredWrite[] {
    return this.#unanswered.get(key) ?? [];
  }

  /** The Store shows the Service as it became afterwards, by this write or without it. */
  #isSeen({ key, uid, resourceVersion }: Service): boolean {
    const now = this.#options.store.entries.get(key);
    return now?.uid === uid && isOlder(resourceVersion, now.resourceVersion);
  }

  /** Brings into the Store what became of a Service whose writes can no longer be done. */
  async #ask(key: string, signal: AbortSignal): Promise<boolean> {
    const { store, clock, wake } = this.#options;
    const since = clock.now() - writeLimitMs;
    const service = this.#unansweredOf(key).find(({ sinceMs }) => sinceMs <= since)?.write.service;
    if (service === undefined) {
      return false;
    }
    const found = await this.#inquiry.read(service, signal);
    if (found !== undefined) {
      const projected = projectService(found);
      store.applyOwnWrite(key, projected.resourceVersion, projected);
    }
    const left = this.#unansweredOf(key).filter(({ sinceMs }) => sinceMs > since);
    if (left.length === 0) {
      this.#unanswered.delete(key);
    } else {
      this.#unanswered.set(key, left);
    }
    wake();
    return true;
  }
}

function isSame(a: AddressWrite, b: AddressWrite): boolean {
  const texts = ({ addresses }: AddressWrite) => addresses.map(({ text }) => text).join();
  return a.service.resourceVersion === b.service.resourceVersion && texts(a) === texts(b);
}
