import type { SessionStatus } from "../../bgp/session/status.ts";
import { type Clock, sleep } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type RestartEvidence, whyNoRestart } from "../restart.ts";

/** The speaker, as one that ends. */
export interface LeavingSpeaker {
  /** Of the sessions that exist. */
  readonly statuses: () => readonly SessionStatus[];
  /** Advertises with GRACEFUL_SHUTDOWN from now on, but over the sessions of `restarting`. */
  readonly startLeaving: (restarting: ReadonlySet<string>) => void;
  /**
   * Closes every session: those of `restarting` without a word at the very end, the others by
   * withdrawing and a Cease with `text`.
   */
  readonly close: (text: string, restarting: ReadonlySet<string>) => Promise<void>;
}

export interface ExitOptions {
  readonly nodeName: string;
  readonly drainTimeMs: number;
  readonly drainOnCordon: boolean;
  readonly readRestartEvidence: (signal: AbortSignal) => Promise<RestartEvidence>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The process is to stop at once: a part of it failed. */
  readonly signal: AbortSignal;
}

/** A restart that is not proved by then is a drain. */
const proofLimitMs = 1_000;
/** How long all sessions together may take to withdraw and close. */
const closeLimitMs = 8_000;

/**
 * The end of a speaker that was told to end: a restart where it is proved to be one, over those
 * sessions whose routers keep forwarding meanwhile (RFC 4724), else a drain (RFC 8326). Resolves
 * when all sessions are closed, within a bounded time.
 */
export async function leave(speaker: LeavingSpeaker, options: ExitOptions): Promise<void> {
  const { nodeName, drainTimeMs, clock, logger, signal } = options;
  const whyDrain = await whyNotRestart(options);
  const restarting = whyDrain === undefined ? restartable(speaker.statuses()) : new Set<string>();
  const leaving = speaker.statuses().filter(({ name }) => !restarting.has(name));
  const fields = { restart: [...restarting], drain: leaving.map(({ name }) => name) };
  logger.info({ ...fields, ...(whyDrain && { why: whyDrain }) }, "the speaker leaves");
  if (leaving.some(({ advertised }) => advertised > 0) && drainTimeMs > 0) {
    speaker.startLeaving(restarting);
    await sleep(clock, drainTimeMs, signal);
  }
  const limit = new AbortController();
  const isClosed = await Promise.race([
    speaker.close(`${nodeName}: the speaker is shutting down`, restarting).then(() => true),
    sleep(clock, closeLimitMs, limit.signal).then(() => false),
  ]);
  limit.abort();
  if (isClosed) {
    logger.info({}, "every session is closed");
  } else {
    logger.warn({}, "a peer did not take our withdrawals in time; its connection is cut");
  }
}

/** Undefined: it is proved that another speaker follows. */
async function whyNotRestart(options: ExitOptions): Promise<string | undefined> {
  const { readRestartEvidence, drainOnCordon, clock, signal } = options;
  const limit = new AbortController();
  const timer = clock.after(proofLimitMs, () => limit.abort(new Error("no answer in time")));
  try {
    const evidence = await readRestartEvidence(AbortSignal.any([limit.signal, signal]));
    return whyNoRestart(evidence, drainOnCordon);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    timer.cancel();
  }
}

function restartable(statuses: readonly SessionStatus[]): ReadonlySet<string> {
  return new Set(
    statuses
      .filter(({ state, negotiated }) => state === "Established" && negotiated?.gracefulRestart)
      .map(({ name }) => name),
  );
}
