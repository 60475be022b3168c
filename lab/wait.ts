import { setTimeout as delay } from "node:timers/promises";

export interface WaitOptions {
  /** What is awaited, in words: it stands in the error. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly signal?: AbortSignal;
}

/** Thrown by a probe to say that waiting is in vain. */
export class HopelessError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HopelessError";
  }
}

/**
 * Asks `probe` again and again until it answers with something other than undefined.
 *
 * An exception of `probe` counts as "not yet" and is the cause of the error thrown at the deadline,
 * unless it is a HopelessError, which is thrown at once.
 */
export async function waitFor<T>(
  probe: () => Promise<T | undefined> | T | undefined,
  options: WaitOptions,
): Promise<T> {
  const deadline = performance.now() + options.timeoutMs;
  let cause: unknown;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const answer = await probe();
      if (answer !== undefined) return answer;
      cause = undefined;
    } catch (error) {
      if (error instanceof HopelessError) throw error;
      cause = error;
    }
    if (performance.now() >= deadline) {
      throw new Error(`${options.what}: not after ${options.timeoutMs / 1000} s`, { cause });
    }
    await pause(options.intervalMs ?? 50, options.signal);
  }
}

/** Rejects at once when `signal` is aborted. */
export async function pause(delayMs: number, signal?: AbortSignal): Promise<void> {
  await delay(delayMs, undefined, signal ? { signal } : {});
}

/** As Promise.all, but nothing is under way any more when it rejects. */
export async function allDone<T extends readonly unknown[] | []>(
  tasks: T,
): ReturnType<typeof Promise.all<T>> {
  await Promise.allSettled(tasks);
  return Promise.all(tasks);
}
