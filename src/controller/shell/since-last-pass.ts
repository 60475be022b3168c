import type { Service } from "../../cluster/service.ts";
import type { StoreChange } from "../../kube/store.ts";
import type { Clock } from "../../runtime/clock.ts";

/** What changed since the last pass looked. */
export class SinceLastPass {
  readonly #clock: Clock;
  #firstMs: number | undefined;
  #isMore = true;
  readonly #comeOrGone = new Map<string, Service | undefined>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Services that came or went, by key, as they were then; undefined: more than that changed. */
  get comeOrGone(): ReadonlyMap<string, Service | undefined> | undefined {
    return this.#isMore ? undefined : this.#comeOrGone;
  }

  /** Takes in a change of one Service; false: it is there as before, but another. */
  takeComeOrGone(change: StoreChange<Service>): boolean {
    if (change.source !== "watch" || (change.before !== undefined && change.after !== undefined)) {
      return false;
    }
    this.#firstMs ??= this.#clock.now();
    if (!this.#isMore && !this.#comeOrGone.has(change.key)) {
      this.#comeOrGone.set(change.key, change.before);
    }
    return true;
  }

  /** Anything may have changed, `sinceMs`; d: now. */
  takeAnything(sinceMs = this.#clock.now()): void {
    this.#firstMs = Math.min(this.#firstMs ?? sinceMs, sinceMs);
    this.#isMore = true;
    this.#comeOrGone.clear();
  }

  /** Nobody decides now; whoever does later looks at everything, and nobody has waited for it. */
  forget(): void {
    this.#firstMs = undefined;
    this.#isMore = true;
    this.#comeOrGone.clear();
  }

  /** A pass looks now. Answers with when the first of these changes came. */
  start(): number {
    const firstMs = this.#firstMs ?? this.#clock.now();
    this.#firstMs = undefined;
    this.#isMore = false;
    this.#comeOrGone.clear();
    return firstMs;
  }
}
