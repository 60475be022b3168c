import { type Clock, systemClock, type Timer } from "../../src/runtime/clock.ts";

interface Pending {
  readonly dueMs: number;
  readonly delayMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is moved. */
export class ManualClock implements Clock {
  #nowMs = 0;
  readonly #pending = new Set<Pending>();
  readonly #watchers = new Set<(delayMs: number) => void>();

  now(): number {
    return this.#nowMs;
  }

  wallTime(): number {
    return Date.UTC(2026, 0, 1) + this.#nowMs;
  }

  after(delayMs: number, callback: () => void): Timer {
    const pending = { dueMs: this.#nowMs + delayMs, delayMs, callback };
    this.#pending.add(pending);
    for (const watcher of this.#watchers) {
      watcher(delayMs);
    }
    return { cancel: () => this.#pending.delete(pending) };
  }

  /** The delays of the timers that run, shortest first. */
  get delays(): readonly number[] {
    return [...this.#pending].map(({ delayMs }) => delayMs).toSorted((a, b) => a - b);
  }

  /** Calls what is due in the next `ms`, in order, also what is set on the way. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [first] = [...this.#pending]
        .filter(({ dueMs }) => dueMs <= endMs)
        .toSorted((a, b) => a.dueMs - b.dueMs);
      if (first === undefined) {
        break;
      }
      this.#pending.delete(first);
      this.#nowMs = Math.max(this.#nowMs, first.dueMs);
      first.callback();
    }
    this.#nowMs = endMs;
  }

  /** Resolves once a timer of `delayMs` runs. */
  timerOf(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (this.delays.includes(delayMs)) {
          this.#watchers.delete(look);
          resolve();
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Resolves once another timer of `delayMs` is set. */
  nextTimerOf(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (setMs: number) => {
        if (setMs === delayMs) {
          this.#watchers.delete(look);
          resolve();
        }
      };
      this.#watchers.add(look);
    });
  }

  /** Waits until somebody waits for `delayMs`, then lets that time pass. */
  async pass(delayMs: number): Promise<void> {
    await this.timerOf(delayMs);
    this.advance(delayMs);
  }
}

/** A clock that is moved by `manual`, but for what is due at once: sockets go on. */
export function mixedClock(): { readonly clock: Clock; readonly manual: ManualClock } {
  const manual = new ManualClock();
  const clock: Clock = {
    now: () => manual.now(),
    wallTime: () => manual.wallTime(),
    after: (delayMs, callback) => (delayMs === 0 ? systemClock : manual).after(delayMs, callback),
  };
  return { clock, manual };
}
