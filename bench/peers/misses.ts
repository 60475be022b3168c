/** A measurement that brought nothing, and why. */
export interface Miss {
  readonly what: string;
  readonly why: string;
}

/** Carries out measurements of one product: one that fails is noted, and the next has its turn. */
export class Misses {
  readonly #misses: Miss[] = [];

  get all(): readonly Miss[] {
    return this.#misses;
  }

  /** Undefined: it failed. */
  async unless<T>(what: string, work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.#misses.push({ what, why: error instanceof Error ? error.message : "unknown failure" });
      return undefined;
    }
  }
}
