import { eachInSteps, type Steps } from "../cluster/steps.ts";
import { type BackoffRange, backoffMs } from "../runtime/backoff.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { isAlreadyExists, isNotFound, type KubeApi, KubeError, type KubeObject } from "./client.ts";
import {
  type EventNote,
  eventName,
  eventNamespace,
  newEvent,
  repeatedEvent,
} from "./event-note.ts";
import { numberOf } from "./json.ts";
import { resources } from "./resource.ts";

export interface EventRecorderOptions {
  readonly api: KubeApi;
  /** `source.component` of the Events: `routelb-controller`. */
  readonly component: string;
  /** `source.host`: the node or Pod that we are. */
  readonly host: string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
}

/** 20 Events a second over all. */
const spacingMs = 50;
/** The server drops an Event an hour after it was last written. */
const standingRepeatMs = 45 * 60_000;
/** Beyond so many that wait, further ones are dropped. */
const waitingLimit = 20_000;
/** Events of which name and count are remembered, so that a repeat needs one call. */
const rememberedLimit = 10_000;
const triesLimit = 5;
const backoff: BackoffRange = { baseMs: 1_000, limitMs: 60_000 };

interface Standing {
  readonly note: EventNote;
  /** When it was last handed to be written. */
  sinceMs: number;
}

/**
 * Writes Kubernetes Events, one for each subject and reason: a repeat raises the count, also that of
 * an Event which an earlier process wrote, because its name is made of the subject's UID and the
 * reason.
 *
 * At most 20 a second are written over all, in the order in which they came, those of `record`
 * before those of `standingSteps`. Nothing here throws or is waited for: an Event that cannot be
 * written is tried again some times, then dropped, and logged once.
 *
 * RBAC: `create` and `patch` on `events`.
 */
export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #once = new Map<string, EventNote>();
  readonly #repeats = new Map<string, EventNote>();
  /** By event name. */
  #standing = new Map<string, Standing>();
  /** Counts of Events that are known to exist, oldest use first. */
  readonly #counts = new Map<string, number>();
  readonly #tries = new Map<string, number>();
  #failures = 0;
  #isFailing = false;
  #wake: (() => void) | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Has `note` written once. One that still waits is replaced by a newer one of its name. */
  record(note: EventNote): void {
    const name = eventName(note);
    if (this.#once.has(name) || this.#once.size < waitingLimit) {
      this.#once.set(name, note);
      this.#wake?.();
    }
  }

  /**
   * Hands over everything that stands: each note is written now if it is new or its message
   * changed, and every 45 minutes for as long as it is in the set that was handed over last.
   * The steps are to be done to their end before the next are begun.
   */
  *standingSteps(notes: Iterable<EventNote>): Steps<void> {
    const nowMs = this.#options.clock.now();
    const standing = new Map<string, Standing>();
    yield* eachInSteps(notes, (note) => {
      const name = eventName(note);
      const before = this.#standing.get(name);
      if (before !== undefined && before.note.message === note.message) {
        standing.set(name, before);
      } else {
        standing.set(name, { note, sinceMs: nowMs });
        this.#repeats.set(name, note);
      }
    });
    yield* eachInSteps(this.#repeats.keys(), (name) => {
      if (!standing.has(name)) {
        this.#repeats.delete(name);
      }
    });
    this.#standing = standing;
    this.#wake?.();
  }

  /** Writes what waits until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    while (!signal.aborted) {
      this.#repeatStanding();
      const name = this.#next();
      if (name === undefined) {
        await this.#sleepUntilWoken(signal);
        continue;
      }
      await this.#writeOne(name, signal);
      const pauseMs = this.#failures === 0 ? 0 : backoffMs(this.#failures, backoff, random);
      await sleep(clock, Math.max(spacingMs, pauseMs), signal);
    }
  }

  #next(): string | undefined {
    for (const waiting of [this.#once, this.#repeats]) {
      for (const name of waiting.keys()) {
        return name;
      }
    }
    return undefined;
  }

  #repeatStanding(): void {
    const nowMs = this.#options.clock.now();
    for (const [name, entry] of this.#standing) {
      if (nowMs - entry.sinceMs >= standingRepeatMs) {
        entry.sinceMs = nowMs;
        this.#repeats.set(name, entry.note);
      }
    }
  }

  #sleepUntilWoken(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = () => {
        timer.cancel();
        signal.removeEventListener("abort", wake);
        this.#wake = undefined;
        resolve();
      };
      const timer = this.#options.clock.after(60_000, wake);
      signal.addEventListener("abort", wake);
      this.#wake = wake;
    });
  }

  async #writeOne(name: string, signal: AbortSignal): Promise<void> {
    const waiting = this.#once.has(name) ? this.#once : this.#repeats;
    const note = waiting.get(name);
    waiting.delete(name);
    if (note === undefined) {
      return;
    }
    try {
      await this.#write(name, note, signal);
      this.#failures = 0;
      this.#isFailing = false;
      this.#tries.delete(name);
    } catch (error) {
      if (!signal.aborted) {
        this.#takeFailure(name, note, error, waiting);
      }
    }
  }

  /** What the server refuses for good (no such namespace, forbidden) is not tried again. */
  #takeFailure(
    name: string,
    note: EventNote,
    error: unknown,
    waiting: Map<string, EventNote>,
  ): void {
    const { logger } = this.#options;
    const status = error instanceof KubeError ? error.status : 0;
    const isRefused = status >= 400 && status < 500 && status !== 429 && status !== 409;
    const tries = (this.#tries.get(name) ?? 0) + 1;
    if (isRefused || tries >= triesLimit) {
      this.#tries.delete(name);
    } else {
      this.#tries.set(name, tries);
      if (!waiting.has(name)) {
        waiting.set(name, note);
      }
    }
    if (!isRefused) {
      this.#failures += 1;
    }
    const fields = { reason: note.reason, about: note.subject.name, err: error };
    if (this.#isFailing) {
      logger.debug(fields, "Event not written");
    } else {
      this.#isFailing = true;
      logger.warn(fields, "Event not written");
    }
  }

  async #write(name: string, note: EventNote, signal: AbortSignal): Promise<void> {
    const count = this.#counts.get(name);
    if (count !== undefined) {
      try {
        await this.#raise(name, note, count + 1, signal);
        return;
      } catch (error) {
        if (!isNotFound(error)) {
          throw error;
        }
        this.#counts.delete(name);
      }
    }
    try {
      await this.#create(name, note, signal);
    } catch (error) {
      if (!isAlreadyExists(error)) {
        throw error;
      }
      await this.#adopt(name, note, signal);
    }
  }

  async #create(name: string, note: EventNote, signal: AbortSignal): Promise<void> {
    const { api, clock } = this.#options;
    const body = newEvent(note, { ...this.#options, wallTimeMs: clock.wallTime() });
    await api.create(resources.events, eventNamespace(note), body, { signal });
    this.#remember(name, 1);
  }

  /** An Event of ours from before: the answer to a first patch tells its count. */
  async #adopt(name: string, note: EventNote, signal: AbortSignal): Promise<void> {
    const event = await this.#patch(name, note, {}, signal);
    await this.#raise(name, note, (numberOf(event["count"]) ?? 1) + 1, signal);
  }

  async #raise(name: string, note: EventNote, count: number, signal: AbortSignal): Promise<void> {
    await this.#patch(name, note, { count }, signal);
    this.#remember(name, count);
  }

  #patch(name: string, note: EventNote, fields: object, signal: AbortSignal): Promise<KubeObject> {
    const { api, clock } = this.#options;
    const path = { resource: resources.events, namespace: eventNamespace(note), name };
    const body = { ...fields, ...repeatedEvent(note, clock.wallTime()) };
    return api.patch(path, "merge", body, { signal });
  }

  #remember(name: string, count: number): void {
    this.#counts.delete(name);
    this.#counts.set(name, count);
    for (const oldest of this.#counts.keys()) {
      if (this.#counts.size <= rememberedLimit) {
        break;
      }
      this.#counts.delete(oldest);
    }
  }
}
