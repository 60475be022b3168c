import type { Timer } from "../../../src/runtime/clock.ts";
import { ApiError } from "../api-error.ts";
import type { ControllerEnvironment } from "./environment.ts";

const retryDelayMs = 1000;

/**
 * Keys whose object must be looked at, each once however often it is added; level-triggered: the
 * one who reconciles reads the present.
 */
export class KeyQueue {
  readonly #environment: ControllerEnvironment;
  readonly #reconcile: (key: string) => void;
  readonly #keys = new Set<string>();
  readonly #timers = new Map<string, Timer>();
  #isScheduled = false;

  /** @param reconcile may throw: on a conflict it is called again at once, else a second later */
  constructor(environment: ControllerEnvironment, reconcile: (key: string) => void) {
    this.#environment = environment;
    this.#reconcile = reconcile;
  }

  add(key: string): void {
    this.#keys.add(key);
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      this.#environment.defer(() => this.#run());
    }
  }

  /** Adds the key after a time; a later call for the same key replaces an earlier one. */
  addAfter(key: string, delayMs: number): void {
    this.#timers.get(key)?.cancel();
    const timer = this.#environment.clock.after(delayMs, () => {
      this.#timers.delete(key);
      this.add(key);
    });
    this.#timers.set(key, timer);
  }

  #run(): void {
    this.#isScheduled = false;
    const keys = [...this.#keys];
    this.#keys.clear();
    for (const key of keys) {
      try {
        this.#reconcile(key);
      } catch (error) {
        if (error instanceof ApiError && error.code === 409) {
          this.add(key);
        } else {
          this.#environment.report(error);
          this.addAfter(key, retryDelayMs);
        }
      }
    }
  }
}
