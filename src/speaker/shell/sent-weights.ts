import type { SentWeight } from "../../cluster/snapshot.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import { nextSentWeights, nextWeightChangeMs, type Weight } from "../weights.ts";

export interface SentWeightsOptions {
  readonly clock: Clock;
  /** A weight has rested long enough: another decision is due. */
  readonly onChange: () => void;
}

/** What weights the routers have, and when they last changed. */
export class SentWeights {
  readonly #options: SentWeightsOptions;
  #known: ReadonlyMap<string, SentWeight> = new Map();
  #timer: Timer | undefined;

  constructor(options: SentWeightsOptions) {
    this.#options = options;
  }

  /** By address, for a snapshot. */
  get known(): ReadonlyMap<string, SentWeight> {
    return this.#known;
  }

  /** A decision of the moment `nowMs` was carried out. */
  follow(weights: ReadonlyMap<string, Weight>, nowMs: number): void {
    const { clock, onChange } = this.#options;
    this.#timer?.cancel();
    if (weights.size > 0 || this.#known.size > 0) {
      this.#known = nextSentWeights(this.#known, weights, nowMs);
    }
    const dueMs = nextWeightChangeMs(this.#known, weights);
    this.#timer =
      dueMs === undefined ? undefined : clock.after(Math.max(0, dueMs - clock.now()), onChange);
  }

  close(): void {
    this.#timer?.cancel();
  }
}
