import { type BackoffRange, backoffMs } from "../runtime/backoff.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { KubeError } from "./client.ts";
import type { Comeback } from "./comeback.ts";
import { needsList, type ReflectorFailure } from "./reflector-failure.ts";
import type { ReflectorMetrics } from "./reflector-metrics.ts";

export interface RetriesOptions {
  /** One for all Reflectors of the process. */
  readonly comeback: Comeback;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics?: ReflectorMetrics;
}

/** Only a watch that stood for so long ends a series of failures, whose delays grow. */
const steadyWatchMs = 10_000;
/** So many failures in a row after a success are logged again, though they are the same as before it. */
const failuresToTellAgain = 4;
/** What a server asks for beyond this is not waited for. */
const retryAfterLimitSeconds = 120;
const backoff: BackoffRange = { baseMs: 500, limitMs: 30_000 };

/**
 * When a Reflector tries again after a failure, and what is logged and counted of it.
 *
 * A pause ends early when another Reflector gets through that had failed before, and the delays then
 * begin anew, as the outage that made them long is over. That happens once in `backoff.limitMs` at
 * most, so that what fails for good is not tried much more often for it.
 */
export class Retries {
  readonly #title: string;
  readonly #options: RetriesOptions;
  /** Of the present series, which only a steady watch or a comeback ends. */
  #failures = 0;
  /** Since anything worked. */
  #failuresInARow = 0;
  /** What failed last in the present series of failures, so that it is logged once. */
  #lastFailure: ReflectorFailure | undefined;
  /** A watch of the present series was too old or silent, as happens; once more is a failure. */
  #isRenewed = false;
  /** A failure was logged, its end was not. */
  #isToldDown = false;
  /** Aborts, or has aborted, when a Reflector came back after the present try began. */
  #comeback: AbortSignal;
  /** In the present try a watch was taken, and ended soon: the server answers, and that does not help. */
  #isCutShort = false;
  /** When the delays last began anew for a comeback. */
  #anewMs = Number.NEGATIVE_INFINITY;

  constructor(title: string, options: RetriesOptions) {
    this.#title = title;
    this.#options = options;
    this.#comeback = options.comeback.next;
  }

  /** A try begins: a watch, and before it a list if one is due. */
  tryBegins(): void {
    this.#comeback = this.#options.comeback.next;
    this.#isCutShort = false;
  }

  /** The server gave a list, or took a watch. */
  succeeded(): void {
    const { logger, metrics, comeback } = this.#options;
    metrics?.setWatching(this.#title, true);
    if (this.#failuresInARow > 0) {
      this.#failuresInARow = 0;
      comeback.tell();
    }
    if (this.#isToldDown) {
      this.#isToldDown = false;
      logger.info({ resource: this.#title }, "the API server is followed again");
    }
  }

  /** A watch is over, however it ended. */
  watchEnded(stoodMs: number): void {
    this.#isCutShort = stoodMs < steadyWatchMs;
    if (!this.#isCutShort) {
      this.#failures = 0;
      this.#lastFailure = undefined;
      this.#isRenewed = false;
      // Who came back while it stood is no news.
      this.#comeback = this.#options.comeback.next;
    }
  }

  /** Notes a failure, logs it if it is another than before, and resolves when to try again. */
  async failed(failure: ReflectorFailure, error: unknown, signal: AbortSignal): Promise<void> {
    const { logger, metrics, clock, random } = this.#options;
    metrics?.countFailure(this.#title, failure);
    if ((failure === "expired" || failure === "silent") && !this.#isRenewed) {
      this.#isRenewed = true;
      logger.debug({ resource: this.#title, failure }, "the watch is renewed");
      await sleep(clock, backoffMs(1, backoff, random), signal);
      return;
    }
    this.#failures += 1;
    this.#failuresInARow += 1;
    metrics?.setWatching(this.#title, false);
    this.#log(failure, error);
    const seconds = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) : 0;
    const askedMs = Math.min(seconds, retryAfterLimitSeconds) * 1_000;
    if (this.#isCutShort || needsList(failure)) {
      const ownMs = backoffMs(this.#failures, backoff, random);
      await sleep(clock, Math.max(askedMs, ownMs), signal);
    } else {
      await this.#pauseUntilComeback(askedMs, signal);
    }
  }

  #log(failure: ReflectorFailure, error: unknown): void {
    const { logger } = this.#options;
    const fields = { resource: this.#title, failure, err: error };
    const isKnown = this.#isToldDown || this.#failuresInARow < failuresToTellAgain;
    if (this.#lastFailure === failure && isKnown) {
      logger.debug({ ...fields, failures: this.#failures }, "the API server cannot be followed");
      return;
    }
    this.#lastFailure = failure;
    this.#isToldDown = true;
    const level = failure === "other" ? "error" : "warn";
    logger[level](fields, "the API server cannot be followed; what was known stays in force");
  }

  /**
   * What the server asked for is waited for in any case. After a comeback, the shortest delay still
   * keeps the watches of a process apart.
   */
  async #pauseUntilComeback(askedMs: number, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const startMs = clock.now();
    const ownMs = backoffMs(this.#failures, backoff, random);
    const deafMs = Math.min(ownMs, this.#anewMs + backoff.limitMs - startMs);
    const untilMs = startMs + Math.max(askedMs, ownMs);
    const comeback = this.#comeback;
    await sleep(clock, untilMs - startMs, AbortSignal.any([signal, comeback]));
    if (comeback.aborted) {
      const apartMs = clock.now() + backoffMs(1, backoff, random);
      const nextMs = Math.max(startMs + askedMs, startMs + deafMs, apartMs);
      const leftMs = Math.min(untilMs, nextMs) - clock.now();
      if (leftMs > 0) {
        await sleep(clock, leftMs, signal);
      }
      if (deafMs <= 0) {
        this.#failures = 0;
        this.#anewMs = clock.now();
      }
    }
  }
}
