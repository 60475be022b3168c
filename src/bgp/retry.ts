import { type DownReason, isProtocolError } from "./down-reason.ts";

/** What the next delay depends on. */
export interface RetryHistory {
  /** Failures in a row. */
  readonly failures: number;
  /** Of these, protocol errors in a row. */
  readonly protocolErrors: number;
}

export const noFailures: RetryHistory = { failures: 0, protocolErrors: 0 };

/** A session that was up this long ends a row of failures. */
export const stableAfterSeconds = 60;

const maxTransientDelaySeconds = 10;
const maxProtocolDelaySeconds = 60;

/**
 * How long to wait after a failure: 1, 2, 4 ... 60 s after a protocol error, which trying again will
 * hardly cure, 1, 2, 4, 8, 10 s after anything else (DampPeerOscillations, RFC 4271 §8.1.1). The
 * shell cuts it by jitter.
 */
export function retryAfter(
  history: RetryHistory,
  reason: DownReason,
): { readonly history: RetryHistory; readonly seconds: number } {
  const failures = history.failures + 1;
  if (isProtocolError(reason)) {
    const protocolErrors = history.protocolErrors + 1;
    const seconds = doubling(protocolErrors, maxProtocolDelaySeconds);
    return { history: { failures, protocolErrors }, seconds };
  }
  const seconds = doubling(failures, maxTransientDelaySeconds);
  return { history: { failures, protocolErrors: 0 }, seconds };
}

function doubling(count: number, maxSeconds: number): number {
  return Math.min(2 ** Math.min(count - 1, 30), maxSeconds);
}
