import { type BackoffRange, backoffMs } from "../runtime/backoff.ts";
import type { Clock, Timer } from "../runtime/clock.ts";

export interface WorkQueueOptions {
  /**
   * Works on one key. It must read the present state itself: between `add` and its turn, that may
   * have changed. If it throws, the key's turn comes again after a backoff.
   */
  readonly work: (key: string, signal: AbortSignal) => Promise<void>;
  /** A failure was seen; the key comes again. */
  readonly onFailure: (key: string, error: unknown, failures: number) => void;
  /** What the server asked for, if it did: the key waits for at least so long. */
  readonly retryAfterMs?: (error: unknown) => number | undefined;
  readonly concurrency: number;
  readonly clock: Clock;
  readonly random: () => number;
  /** d: 200 ms to 60 s. */
  readonly backoff?: BackoffRange;
}

const spareRestLimitMs = 1_000;

const laneNames = ["urgent", "normal", "spare"] as const;
export type Lane = (typeof laneNames)[number];

function firstOf(a: Lane, b: Lane): Lane {
  return laneNames.indexOf(a) < laneNames.indexOf(b) ? a : b;
}

/**
 * Keys that have work to do. A key is worked on by one at a time; however often it is added before
 * its turn, it has one turn; added during its turn, it has one more after it.
 *
 * A lane is empty before the next has a turn. The spare lane has one turn at a time, and after each it
 * rests for as long as that took, a second at most: whatever the server's speed, half of it is left to
 * what comes meanwhile.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #lanes = {
    urgent: new Set<string>(),
    normal: new Set<string>(),
    spare: new Set<string>(),
  };
  readonly #working = new Set<string>();
  /** The key of the spare lane that has its turn. */
  #workingSpare: string | undefined;
  #spareRest: Timer | undefined;
  /** Added while being worked on. */
  readonly #again = new Map<string, Lane>();
  readonly #failures = new Map<string, number>();
  /** After a failure, until their turn comes again in `lane`. */
  readonly #waiting = new Map<string, { readonly timer: Timer; lane: Lane }>();
  #signal: AbortSignal | undefined;
  #whenIdle: (() => void) | undefined;

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait for a turn, a retry, or are being worked on. */
  get size(): number {
    const { urgent, normal, spare } = this.#lanes;
    return urgent.size + normal.size + spare.size + this.#working.size + this.#waiting.size;
  }

  /** Of these, what is not of the spare lane. */
  get pressing(): number {
    const { urgent, normal } = this.#lanes;
    const retries = [...this.#waiting.values()].filter(({ lane }) => lane !== "spare");
    const spare = this.#workingSpare === undefined ? 0 : 1;
    return urgent.size + normal.size + this.#working.size - spare + retries.length;
  }

  /**
   * Gives `key` a turn. A key that waits after a failure goes on waiting, so that a pass which adds
   * all that differs does not hurry what fails; the urgent lane does not wait.
   */
  add(key: string, lane: Lane = "normal"): void {
    if (this.#working.has(key)) {
      this.#again.set(key, firstOf(lane, this.#again.get(key) ?? lane));
      return;
    }
    const retry = this.#waiting.get(key);
    if (lane === "urgent") {
      retry?.timer.cancel();
      this.#waiting.delete(key);
    } else if (retry !== undefined) {
      retry.lane = firstOf(lane, retry.lane);
      return;
    }
    const first = firstOf(lane, laneNames.find((name) => this.#lanes[name].delete(key)) ?? lane);
    this.#lanes[first].add(key);
    this.#fill();
  }

  /** Takes back what waits for `key`; work on it that runs goes on. */
  forget(key: string): void {
    this.#waiting.get(key)?.timer.cancel();
    this.#waiting.delete(key);
    for (const name of laneNames) {
      this.#lanes[name].delete(key);
    }
    this.#again.delete(key);
    this.#failures.delete(key);
  }

  /** Works until `signal` aborts; resolves when the work that runs then has ended. */
  run(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const stop = () => {
        for (const { timer } of this.#waiting.values()) {
          timer.cancel();
        }
        this.#spareRest?.cancel();
        if (this.#working.size === 0) {
          resolve();
        } else {
          this.#whenIdle = resolve;
        }
      };
      if (signal.aborted) {
        stop();
        return;
      }
      this.#signal = signal;
      signal.addEventListener("abort", stop, { once: true });
      this.#fill();
    });
  }

  #fill(): void {
    const signal = this.#signal;
    if (signal === undefined || signal.aborted) {
      return;
    }
    while (this.#working.size < this.#options.concurrency) {
      const key = this.#take();
      if (key === undefined) {
        return;
      }
      this.#working.add(key);
      void this.#turn(key, signal);
    }
  }

  #take(): string | undefined {
    const maySpare = this.#workingSpare === undefined && this.#spareRest === undefined;
    for (const name of laneNames) {
      if (name === "spare" && !maySpare) {
        return undefined;
      }
      for (const key of this.#lanes[name]) {
        this.#lanes[name].delete(key);
        if (name === "spare") {
          this.#workingSpare = key;
        }
        return key;
      }
    }
    return undefined;
  }

  async #turn(key: string, signal: AbortSignal): Promise<void> {
    const { work, onFailure, clock } = this.#options;
    const startMs = clock.now();
    try {
      await work(key, signal);
      this.#failures.delete(key);
    } catch (error) {
      if (!signal.aborted) {
        const failures = (this.#failures.get(key) ?? 0) + 1;
        this.#failures.set(key, failures);
        onFailure(key, error, failures);
        this.#waitAndRetry(key, error, failures);
      }
    }
    this.#working.delete(key);
    if (this.#workingSpare === key) {
      this.#workingSpare = undefined;
      this.#restSpare(clock.now() - startMs, signal);
    }
    const lane = this.#again.get(key);
    this.#again.delete(key);
    if (lane !== undefined) {
      this.add(key, lane);
    }
    if (signal.aborted && this.#working.size === 0) {
      this.#whenIdle?.();
    }
    this.#fill();
  }

  /** No rest after a turn that did nothing. */
  #restSpare(tookMs: number, signal: AbortSignal): void {
    if (tookMs >= 1 && !signal.aborted) {
      this.#spareRest = this.#options.clock.after(Math.min(tookMs, spareRestLimitMs), () => {
        this.#spareRest = undefined;
        this.#fill();
      });
    }
  }

  #waitAndRetry(key: string, error: unknown, failures: number): void {
    const { clock, random, retryAfterMs } = this.#options;
    const range = this.#options.backoff ?? { baseMs: 200, limitMs: 60_000 };
    const delayMs = Math.max(backoffMs(failures, range, random), retryAfterMs?.(error) ?? 0);
    const timer = clock.after(delayMs, () => {
      const lane = this.#waiting.get(key)?.lane;
      this.#waiting.delete(key);
      this.add(key, lane);
    });
    this.#waiting.set(key, { timer, lane: this.#workingSpare === key ? "spare" : "normal" });
  }
}
