import type { ProbeResult } from "../http-probe.ts";
import { failed } from "../probe.ts";
import { scenario } from "../scenario.ts";

/**
 * The node through which a request came, by the address that the Pod saw as its client: another
 * node's own address, or the near end of the Pod's network if node and Pod are together.
 */
export function ingressNode(result: ProbeResult): string {
  const node = scenario.nodes.find(
    ({ address, podCidr, ipv6 }) =>
      result.client === address ||
      result.client === podCidr.replace(/0\/24$/, "1") ||
      result.client === ipv6.address ||
      result.client === ipv6.podCidr.replace(/\/64$/, "1"),
  );
  return node?.name ?? `client ${result.client}`;
}

/** A time in which requests may fail, in milliseconds since the epoch. */
export interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

/** How far apart the clocks' readings of one moment may be: the client's, and the log's. */
const readingMs = 50;

/**
 * Failed requests that nothing excuses: they began in none of `windows` and were not under way when
 * the kernel's route changed, which re-hashes connections (`changesMs`).
 */
export function unexcused(
  results: readonly ProbeResult[],
  windows: readonly Window[],
  changesMs: readonly number[],
): readonly ProbeResult[] {
  return failed(results).filter(
    ({ startMs, endMs }) =>
      !windows.some(({ fromMs, toMs }) => startMs >= fromMs - readingMs && startMs <= toMs) &&
      !changesMs.some((at) => startMs <= at + readingMs && endMs >= at - readingMs),
  );
}

/** `3 of 512 failed (ECONNRESET 2, timeout 1)`. */
export function formatFailures(results: readonly ProbeResult[]): string {
  const failures = failed(results);
  const codes = [...new Set(failures.map((result) => result.outcome))];
  const counts = codes.map(
    (code) => `${code} ${failures.filter((result) => result.outcome === code).length}`,
  );
  const kinds = counts.length === 0 ? "" : ` (${counts.join(", ")})`;
  return `${failures.length} of ${results.length} requests failed${kinds}`;
}

/** The first few of `results` for an error message, with times relative to `zeroMs`. */
export function describeResults(results: readonly ProbeResult[], zeroMs: number): string {
  return results
    .slice(0, 5)
    .map(({ startMs, endMs, outcome }) => {
      const [from, to] = [startMs, endMs].map((at) => ((at - zeroMs) / 1000).toFixed(2));
      return `${outcome} ${from}..${to} s`;
    })
    .join(", ");
}
