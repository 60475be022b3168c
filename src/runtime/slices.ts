import { type Clock, nextTurn } from "./clock.ts";

/** After so long the event loop turns, so that timers and sockets are not kept waiting. */
export const sliceMs = 8;

/**
 * Does `steps` in slices, the first of them at once. Before each further one `isWanted` is asked; once
 * it is not, the rest is left undone.
 *
 * @returns what the steps gave; undefined: they were given up
 */
export async function inSlices<T>(
  steps: Generator<undefined, T, undefined>,
  clock: Clock,
  isWanted: () => boolean,
): Promise<T | undefined> {
  for (;;) {
    const startMs = clock.now();
    do {
      const step = steps.next();
      if (step.done === true) {
        return step.value;
      }
    } while (clock.now() - startMs < sliceMs);
    await nextTurn();
    if (!isWanted()) {
      return undefined;
    }
  }
}
