/**
 * Work over all Services in steps: between two of them the event loop may turn. What it reads must
 * not change meanwhile; a Map or Set that it goes through may gain and lose entries.
 */
export type Steps<T> = Generator<undefined, T, undefined>;

/** So many Services make a step: a fraction of a millisecond, also where each is new or has to move. */
const stepSize = 10;

/** Calls `visit` for each of `values`. */
export function* eachInSteps<V>(values: Iterable<V>, visit: (value: V) => void): Steps<void> {
  let count = 0;
  for (const value of values) {
    visit(value);
    count += 1;
    if (count % stepSize === 0) {
      yield;
    }
  }
}

/** Does all of it at once. */
export function finish<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done === true) {
      return step.value;
    }
  }
}
