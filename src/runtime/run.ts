import type { Logger } from "./logger.ts";

/** Something that runs until its signal aborts; it rejects only for what a restart may cure. */
export interface Loop {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/**
 * Runs all loops until `signal` aborts and every one has ended. The first that fails, or ends
 * before it was told to, aborts the others; when they have ended, the promise rejects with its
 * error.
 */
export async function runLoops(loops: readonly Loop[], signal: AbortSignal): Promise<void> {
  const stopped = new AbortController();
  const stop = () => stopped.abort(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) {
    stop();
  }
  let failure: Error | undefined;
  const fail = (name: string, cause: unknown) => {
    failure ??= new Error(`${name} ended`, { cause });
    stopped.abort(failure);
  };
  await Promise.all(
    loops.map(async (loop) => {
      try {
        await loop.run(stopped.signal);
        if (!stopped.signal.aborted) {
          fail(loop.name, new Error("it was not told to"));
        }
      } catch (error) {
        if (!stopped.signal.aborted) {
          fail(loop.name, error);
        }
      }
    }),
  );
  signal.removeEventListener("abort", stop);
  if (failure !== undefined) {
    throw failure;
  }
}

/** What of the process `runProcess` uses. */
export interface ProcessPort {
  on(event: "SIGTERM" | "SIGINT", listener: () => void): unknown;
  exit(code: number): void;
}

/**
 * Runs `main` until it ends, and then the process: with code 0, or 1 if it failed.
 *
 * SIGTERM and SIGINT abort the signal that `main` gets, and give it all the time it wants: it is
 * for the supervisor to lose patience. A second SIGINT, from a person at a terminal, ends at once.
 */
export async function runProcess(
  main: (signal: AbortSignal) => Promise<void>,
  logger: Logger,
  port: ProcessPort = process,
): Promise<void> {
  const told = new AbortController();
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    port.on(name, () => {
      if (told.signal.aborted) {
        if (name === "SIGINT") {
          port.exit(130);
        }
        return;
      }
      logger.info({ signal: name }, "told to end");
      told.abort(new Error(name));
    });
  }
  try {
    await main(told.signal);
    port.exit(0);
  } catch (error) {
    logger.error({ err: error }, "ended by a failure");
    port.exit(1);
  }
}
