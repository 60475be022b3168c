/** Delays that double from `baseMs` up to `limitMs`. */
export interface BackoffRange {
  readonly baseMs: number;
  readonly limitMs: number;
}

/**
 * How long to wait before the next try after `failures` failures in a row (1 is the first).
 *
 * A random half of the delay is taken off, so that a thousand speakers that lost one API server at
 * the same moment do not come back at the same moment.
 */
export function backoffMs(failures: number, range: BackoffRange, random: () => number): number {
  const doublings = Math.min(Math.max(failures, 1) - 1, 30);
  const fullMs = Math.min(range.limitMs, range.baseMs * 2 ** doublings);
  return fullMs * (0.5 + 0.5 * random());
}
