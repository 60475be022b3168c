import type { Clock, Timer } from "./ports.ts";

/** How long the messages of one peer may keep the event loop to themselves. */
const sliceMs = 10;

/** What can be told to wait with reading. */
export interface Pausable {
  pause(): void;
  resume(): void;
}

/**
 * Takes messages in slices of time, so that a router that sends a full table delays neither timers
 * nor other peers; what it sends meanwhile waits in the kernel.
 */
export class ReadSlices {
  readonly #clock: Clock;
  #continuation: Timer | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `next` until it is false; if that takes long, `source` is paused and the rest comes later. */
  run(next: () => boolean, source: Pausable): void {
    if (this.#continuation !== undefined) {
      return;
    }
    const deadline = this.#clock.now() + sliceMs;
    while (next()) {
      if (this.#clock.now() >= deadline) {
        source.pause();
        this.#continuation = this.#clock.after(0, () => {
          this.#continuation = undefined;
          source.resume();
          this.run(next, source);
        });
        return;
      }
    }
  }

  /** Forgets what was to come later. */
  cancel(): void {
    this.#continuation?.cancel();
    this.#continuation = undefined;
  }
}
