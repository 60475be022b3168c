import { createHistogram, performance } from "node:perf_hooks";

/** Of the turns since the last look; in seconds, 0 where there was none. */
export interface TurnFigures {
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly stddev: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
}

/**
 * How long the turns of this process's event loop last, without the time for which it waits in them:
 * so long can a socket, a timer or a signal have been kept waiting.
 *
 * An immediate without a reference is called once in each turn and causes none, so this costs nothing
 * while the process is at rest. `monitorEventLoopDelay` does: with a timer it wakes the process 100
 * times a second, and per iteration it leaves out what a turn does for sockets.
 */
export class LoopTurns {
  readonly #histogram = createHistogram();
  #endedMs = 0;
  #idleMs = 0;

  /** Measures from now on, for as long as the process lives. */
  start(): void {
    this.#endedMs = performance.now();
    this.#idleMs = performance.nodeTiming.idleTime;
    this.#waitForEnd();
  }

  /** Begins anew at each call. */
  take(): TurnFigures {
    const { count, min, max, mean, stddev } = this.#histogram;
    const [p50, p90, p99] = [50, 90, 99].map((share) => this.#histogram.percentile(share));
    this.#histogram.reset();
    const seconds = (nanoseconds = 0) => (count === 0 ? 0 : nanoseconds / 1e9);
    return {
      min: seconds(min),
      max: seconds(max),
      mean: seconds(mean),
      stddev: seconds(stddev),
      p50: seconds(p50),
      p90: seconds(p90),
      p99: seconds(p99),
    };
  }

  #waitForEnd(): void {
    setImmediate(() => this.#takeEnd()).unref();
  }

  #takeEnd(): void {
    const nowMs = performance.now();
    const idleMs = performance.nodeTiming.idleTime;
    const busyMs = nowMs - this.#endedMs - (idleMs - this.#idleMs);
    this.#histogram.record(Math.max(1, Math.round(busyMs * 1e6)));
    this.#endedMs = nowMs;
    this.#idleMs = idleMs;
    this.#waitForEnd();
  }
}
