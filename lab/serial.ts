/**
 * Returns a function that asks for a run of `pass`: at once, or once more after the run under way.
 * Requests during a run count as one. An error goes to `onError`, and the next request tries again.
 */
export function serialPass(
  pass: () => Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  let running = false;
  let wanted = false;
  const turn = async (): Promise<void> => {
    running = true;
    while (wanted) {
      wanted = false;
      try {
        await pass();
      } catch (error) {
        onError(error);
      }
    }
    running = false;
  };
  return () => {
    wanted = true;
    if (!running) void turn();
  };
}
