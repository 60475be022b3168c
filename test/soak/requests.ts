import type { ProbeResult } from "../../lab/http-probe.ts";
import { failed } from "../../lab/probe.ts";

/** A time in which nothing changed and the model agreed, in milliseconds since the epoch. */
export interface Calm {
  readonly fromMs: number;
  readonly toMs: number;
  /** The model has the address reachable. */
  readonly isReachable: boolean;
}

export interface Verdict {
  readonly requests: number;
  readonly failures: number;
  /** Requests that lay wholly in a calm time, with the address reachable. */
  readonly calmRequests: number;
  readonly calmFailures: readonly ProbeResult[];
}

/** What became of the requests; those in calm times must all be answered. */
export function judgeRequests(results: readonly ProbeResult[], calms: readonly Calm[]): Verdict {
  const calm = results.filter(({ startMs, endMs }) =>
    calms.some(
      ({ fromMs, toMs, isReachable }) => isReachable && startMs >= fromMs && endMs <= toMs,
    ),
  );
  return {
    requests: results.length,
    failures: failed(results).length,
    calmRequests: calm.length,
    calmFailures: failed(calm),
  };
}
