/**
 * Turns many triggers into one pass at a time.
 *
 * The first trigger has `pass` run in the next turn of the event loop: nothing is debounced, and
 * all that was read in a turn is seen by one pass. A trigger that comes while `pass` runs
 * has it run once more.
 *
 * An exception of `pass` is a bug and is not caught: it ends the process.
 */
export function coalesce(
  pass: () => void,
  schedule: (run: () => void) => void = setImmediate,
): () => void {
  let isScheduled = false;
  return () => {
    if (isScheduled) {
      return;
    }
    isScheduled = true;
    schedule(() => {
      isScheduled = false;
      pass();
    });
  };
}
