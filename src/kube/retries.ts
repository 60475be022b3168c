import { type BackoffRange, backoffMs } from "../runtime/backoff.ts";
import { type Clock, sleep } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import { KubeError } from "./client.ts";
import type { Comeback } from "./comeback.ts";
import type { ReflectorFailure } from "./reflector-failure.ts";
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
/** What a server asks for beyond this is not waited for. */
const retryAfterLimitSeconds = 120;
const backoff: BackoffRange = { baseMs: 500, limitMs: 30_000 };

/** When a Reflector tries again after a failure, and what is logged and counted of it. */
export class Retries {
  readonly #title: string;
  readonly #options: RetriesOptions;
  #failures = 0;
  /** What failed last in the present series of failures, so that it is logged once. */
  #lastFailure: ReflectorFailure | undefined;
  /** A watch of the present series was too old or silent, as happens; once more is a failure. */
  #isRenewed = false;
  /** A failure was logged, its end was not. */
  #isToldDown = false;
  /** Aborts, or has aborted, when another got through after the present try began. */
  #comeback: AbortSignal;
  /** When that last had the delays begin anew. */
  #renewedMs = Number.NEGATIVE_INFINITY;

  constructor(title: string, options: RetriesOptions) {
    this.#title = title;
    this.#options = options;
    this.#comeback = options.comeback.next;
  }

  /** A try begins. */
  tryBegins(): void {
    this.#comeback = this.#options.comeback.next;
  }

  /** The server gave a list, or took a watch. */
  succeeded(): void {
    const { logger, metrics, comeback } = this.#options;
    metrics?.setWatching(this.#title, true);
    comeback.tell();
    this.tryBegins();
    if (this.#isToldDown) {
      this.#isToldDown = false;
      logger.info({ resource: this.#title }, "the API server is followed again");
    }
  }

  /** A watch is over, however it ended. */
  watchEnded(stoodMs: number): void {
    this.tryBegins();
    if (stoodMs >= steadyWatchMs) {
      this.#failures = 0;
      this.#lastFailure = undefined;
      this.#isRenewed = false;
    }
  }

  /** Notes a failure, logs it if it is another than before, and resolves when to try again. */
  async failed(failure: ReflectorFailure, error: unknown, signal: AbortSignal): Promise<void> {
    const { logger, metrics, clock, random, comeback } = this.#options;
    metrics?.countFailure(this.#title, failure);
    if ((failure === "expired" || failure === "silent") && !this.#isRenewed) {
      this.#isRenewed = true;
      logger.debug({ resource: this.#title, failure }, "the watch is renewed");
      await sleep(clock, backoffMs(1, backoff, random), signal);
      return;
    }
    this.#failures += 1;
    metrics?.setWatching(this.#title, false);
    this.#log(failure, error);
    const seconds = error instanceof KubeError ? (error.retryAfterSeconds ?? 0) : 0;
    const askedMs = Math.min(seconds, retryAfterLimitSeconds) * 1_000;
    // To one that was answered, what others were answered meanwhile is no news.
    const news = failure === "unreachable" ? this.#comeback : comeback.next;
    await this.#pause(askedMs, news, signal);
  }

  #log(failure: ReflectorFailure, error: unknown): void {
    const { logger } = this.#options;
    const fields = { resource: this.#title, failure, err: error };
    if (this.#lastFailure === failure) {
      logger.debug({ ...fields, failures: this.#failures }, "the API server cannot be followed");
      return;
    }
    this.#lastFailure = failure;
    this.#isToldDown = true;
    const level = failure === "other" ? "error" : "warn";
    logger[level](fields, "the API server cannot be followed; what was known stays in force");
  }

  /**
   * A pause has a firm part, and a rest that `news` ends; the delays then begin anew, as the outage
   * that made them long is over.
   *
   * They do so once in `backoff.limitMs`: watches that begin, each a success, and end at once would
   * else have each other tried again without end.
   */
  async #pause(askedMs: number, news: AbortSignal, signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#options;
    const ownMs = backoffMs(this.#failures, backoff, random);
    const firmMs = Math.max(
      askedMs,
      backoffMs(1, backoff, random),
      Math.min(ownMs, this.#renewedMs + backoff.limitMs - clock.now()),
    );
    const startMs = clock.now();
    await sleep(clock, Math.max(firmMs, ownMs), AbortSignal.any([signal, news]));
    const leftMs = startMs + firmMs - clock.now();
    if (leftMs > 0) {
      await sleep(clock, leftMs, signal);
    }
    if (news.aborted && firmMs < ownMs) {
      this.#failures = 0;
      this.#renewedMs = clock.now();
    }
  }
}
