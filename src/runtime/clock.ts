/** The time, handed in wherever it is needed, so that tests can move it. */
export interface Clock {
  /** Milliseconds of a clock that never goes back; only differences mean something. */
  now(): number;
  /** Milliseconds since the Unix epoch, for display and for what other programs read. */
  wallTime(): number;
  /**
   * Calls `callback` once, and not before `now` tells that `delayMs` (0 to 2^31-1) are over: who
   * compares with `now` then must not find that it is too early. The timer does not keep the process
   * alive.
   */
  after(delayMs: number, callback: () => void): Timer;
}

export interface Timer {
  /** Does nothing once the callback ran. */
  cancel(): void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  // A timer of Node counts whole milliseconds, and rounds both its start and its delay down.
  after: (delayMs, callback) => {
    const dueMs = performance.now() + delayMs;
    let timeout: NodeJS.Timeout;
    const start = (waitMs: number): void => {
      timeout = setTimeout(() => {
        pending.delete(timeout);
        const leftMs = dueMs - performance.now();
        if (leftMs > 0) {
          start(leftMs);
        } else {
          callback();
        }
      }, Math.ceil(waitMs)).unref();
      pending.add(timeout);
    };
    start(delayMs);
    return {
      cancel: () => {
        pending.delete(timeout);
        clearTimeout(timeout);
      },
    };
  },
};

const pending = new Set<NodeJS.Timeout>();

/** Timers of `systemClock` that run. Node tells only of those that keep the process alive. */
export function pendingTimers(): number {
  return pending.size;
}

/** Resolves after `delayMs`, or as soon as `signal` aborts: the caller looks at the signal. */
export function sleep(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const wake = () => {
      timer.cancel();
      signal.removeEventListener("abort", wake);
      resolve();
    };
    const timer = clock.after(delayMs, wake);
    signal.addEventListener("abort", wake);
  });
}

/** Lets the event loop turn: what waits for a socket, timer or signal gets its chance. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
