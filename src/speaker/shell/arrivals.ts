import { familyKey } from "../../cluster/snapshot.ts";
import type { Address, AddressFamily } from "../../net/address.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Arrival } from "../arrivals.ts";
import { type HttpAnswer, saysNoEndpoint } from "../dataplane.ts";

export interface ArrivalsOptions {
  /** Of this node; undefined: it has none of that family. */
  readonly nodeAddress: (family: AddressFamily) => Address | undefined;
  /** Asks the port of a Service once. */
  readonly probe: (address: Address, port: number) => Promise<HttpAnswer | undefined>;
  /** Whether an announcement waits for as long as kube-proxy says that it has no rules. */
  readonly isEnforced: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `confirmed` grew. */
  readonly onChange: () => void;
}

interface Waiting {
  readonly arrival: Arrival;
  readonly sinceMs: number;
  /** kube-proxy said that it has no rules. */
  isRefused: boolean;
}

/** An announcement waits for so long at most, or, where it is enforced, for an answer. */
const limitMs = 5_000;
const sweepMs = 250;
/** Questions under way. */
const concurrency = 8;
/** The pause before a question is put again: a quarter of the time that passed, within these. */
const shortestPauseMs = 50;
const longestPauseMs = 1_000;
/** Where more of them wait, so long are answers gathered before a decision is made of them. */
const gatherMs = 50;

/**
 * Asks kube-proxy whether it has rules for the endpoints that came to this node, until it says so.
 *
 * Only what it says itself makes an announcement wait: no answer, or a foreign one, confirms, since a
 * cluster may have no kube-proxy.
 */
export class Arrivals {
  /** `familyKey`s of what need not wait any more, and is not advertised yet. */
  readonly confirmed = new Set<string>();
  readonly #options: ArrivalsOptions;
  readonly #waiting = new Map<string, Waiting>();
  /** Those of `#waiting` whose turn it is. */
  readonly #due = new Set<Waiting>();
  readonly #timers = new Set<Timer>();
  #asked = 0;
  #isSweeping = false;
  /** Whether `onChange` is to be called soon. */
  #isGathering = false;
  #isClosed = false;

  constructor(options: ArrivalsOptions) {
    this.#options = options;
  }

  /** Takes in what a decision found, by `familyKey`. What was confirmed and is not in it is settled. */
  follow(found: ReadonlyMap<string, Arrival>): void {
    for (const keys of [this.confirmed, this.#waiting]) {
      for (const key of keys.keys()) {
        if (!found.has(key)) {
          keys.delete(key);
        }
      }
    }
    for (const [key, arrival] of found) {
      const known = this.#waiting.get(key);
      const isNew = known?.arrival.healthCheckNodePort !== arrival.healthCheckNodePort;
      if (isNew && !this.confirmed.has(key)) {
        const sinceMs = known?.sinceMs ?? this.#options.clock.now();
        const waiting = { arrival, sinceMs, isRefused: false };
        this.#waiting.set(key, waiting);
        this.#due.add(waiting);
      }
    }
    this.#ask();
    this.#sweepLater();
  }

  close(): void {
    this.#isClosed = true;
    for (const timer of this.#timers) {
      timer.cancel();
    }
  }

  #ask(): void {
    for (const waiting of this.#due) {
      if (this.#asked >= concurrency || this.#isClosed) {
        return;
      }
      this.#due.delete(waiting);
      if (this.#isWaiting(waiting)) {
        this.#asked += 1;
        void this.#askAbout(waiting).finally(() => {
          this.#asked -= 1;
          this.#ask();
        });
      }
    }
  }

  async #askAbout(waiting: Waiting): Promise<void> {
    const { nodeAddress, probe, clock } = this.#options;
    const { serviceKey, family, healthCheckNodePort } = waiting.arrival;
    const address = nodeAddress(family);
    const answer = address && (await probe(address, healthCheckNodePort));
    if (this.#isClosed || !this.#isWaiting(waiting)) {
      return;
    }
    if (!saysNoEndpoint(answer, serviceKey)) {
      this.#confirm(waiting);
      this.#tell();
      return;
    }
    waiting.isRefused = true;
    const pauseMs = Math.max((clock.now() - waiting.sinceMs) / 4, shortestPauseMs);
    this.#after(Math.min(pauseMs, longestPauseMs), () => {
      this.#due.add(waiting);
      this.#ask();
    });
  }

  /** It may be gone meanwhile, or be back as another. */
  #isWaiting(waiting: Waiting): boolean {
    return this.#waiting.get(keyOf(waiting)) === waiting;
  }

  #confirm(waiting: Waiting): void {
    const key = keyOf(waiting);
    this.#waiting.delete(key);
    this.confirmed.add(key);
  }

  #tell(): void {
    if (this.#waiting.size === 0) {
      this.#options.onChange();
    } else if (!this.#isGathering) {
      this.#isGathering = true;
      this.#after(gatherMs, () => {
        this.#isGathering = false;
        this.#options.onChange();
      });
    }
  }

  #sweepLater(): void {
    if (!this.#isSweeping && this.#waiting.size > 0) {
      this.#isSweeping = true;
      this.#after(sweepMs, () => {
        this.#isSweeping = false;
        this.#sweep();
        this.#sweepLater();
      });
    }
  }

  /** Ends what has waited for too long. */
  #sweep(): void {
    const { clock, logger, isEnforced } = this.#options;
    const latestMs = clock.now() - limitMs;
    const over = [...this.#waiting.values()].filter(
      ({ sinceMs, isRefused }) => sinceMs <= latestMs && !(isEnforced && isRefused),
    );
    const [first] = over;
    if (first === undefined) {
      return;
    }
    for (const waiting of over) {
      this.#confirm(waiting);
    }
    logger.warn(
      { service: first.arrival.serviceKey, addresses: over.length, waitedMs: limitMs },
      "kube-proxy on this node did not say that it has rules for what came; advertised all the same",
    );
    this.#tell();
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }
}

function keyOf({ arrival }: Waiting): string {
  return familyKey(arrival.serviceKey, arrival.family);
}
