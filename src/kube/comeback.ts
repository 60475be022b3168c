/**
 * What the Reflectors of a process tell each other: that the API server answers again.
 *
 * After an outage each of them would find the server by itself, up to its own longest pause later,
 * and for so long the process would act on new state of one resource and old state of another. So
 * the first that gets through shortens the pauses of the others.
 */
export class Comeback {
  #next = new AbortController();

  /** Aborts when a Reflector that had failed next gets through. */
  get next(): AbortSignal {
    return this.#next.signal;
  }

  /** A Reflector that had failed got through. */
  tell(): void {
    this.#next.abort();
    this.#next = new AbortController();
  }
}
