import type { ProbeResult } from "../http-probe.ts";
import { answered, failed } from "../probe.ts";
import type { KernelRoute } from "../route-log.ts";
import { formatSeconds } from "./sight.ts";
import type { Window } from "./traffic.ts";

/** What became of the requests of one event, each of which was a new connection. */
export interface Account {
  readonly sent: number;
  readonly failed: Losses;
  /** The longest time between two answers. */
  readonly longestGapMs: number;
  /** The kernel's next hops: at the begin, and after each change. */
  readonly nextHops: readonly KernelRoute[];
}

/**
 * Failed requests, by what the router's kernel did with the route meanwhile.
 *
 * The kernel gives each next hop one stretch of all hashes, so that another set moves nearly every
 * border: of 600 flows, 210 went the way of the next hop that left three, and 97 of the other 390
 * changed theirs as well; put back, it took the same ones (`ip route get`, kernel 6.18). So any
 * change excuses, an addition as much as a removal: a connection that is sent to another node in
 * its midst breaks. But only a connection that stands can. A SYN is welcome at every node of the
 * set that it meets, and sent once within a request's time: one that nobody answered was lost by
 * the set as it was when it left, whatever changed while the request waited in vain. Nor does a
 * change excuse what hung long before it.
 */
export interface Losses {
  /** Begun after the route had changed, and not to be excused by another change. */
  readonly after: readonly ProbeResult[];
  /** The connection stood, or its SYN was leaving, when the route changed. */
  readonly across: readonly ProbeResult[];
  /** Begun before the first change, or there was none, and not to be excused by one. */
  readonly before: readonly ProbeResult[];
}

/** `ip monitor` reads the clock when it learns of a change, which is up to this much later. */
const monitorDelayMs = 50;
/** The answer follows the connection within so long, on a busy machine too. */
const answerLimitMs = 500;

/**
 * Settles the requests that began in `window`.
 *
 * Client and monitor read the same clock, and a request's time is taken before its SYN leaves: one
 * that began after a change as the monitor has it was sent after the change.
 */
export function settle(
  results: readonly ProbeResult[],
  start: readonly string[],
  changes: readonly KernelRoute[],
  { fromMs, toMs }: Window,
): Account {
  const begun = results.filter(({ startMs }) => startMs >= fromMs && startMs <= toMs);
  const nextHops = [{ atMs: fromMs, gateways: start }, ...changes].filter(
    ({ gateways }, index, all) =>
      index === 0 || setOf(gateways) !== setOf(all[index - 1]?.gateways),
  );
  const changesMs = nextHops.slice(1).map(({ atMs }) => atMs);
  return {
    sent: begun.length,
    failed: sortLosses(failed(begun), changesMs),
    longestGapMs: longestGapMs(answered(begun), { fromMs, toMs }),
    nextHops,
  };
}

function sortLosses(losses: readonly ProbeResult[], changesMs: readonly number[]): Losses {
  const sorted = Object.groupBy(losses, (loss) => {
    const { startMs } = loss;
    const untilMs = breakableUntilMs(loss) + monitorDelayMs;
    if (changesMs.some((at) => startMs <= at && at <= untilMs)) return "across";
    return changesMs.some((at) => at < startMs) ? "after" : "before";
  });
  return { after: sorted.after ?? [], across: sorted.across ?? [], before: sorted.before ?? [] };
}

function breakableUntilMs({ startMs, connectedMs, endMs }: ProbeResult): number {
  return connectedMs === undefined ? startMs : Math.min(endMs, connectedMs + answerLimitMs);
}

function longestGapMs(answers: readonly ProbeResult[], { fromMs, toMs }: Window): number {
  const ends = answers.map(({ endMs }) => Math.min(endMs, toMs)).toSorted((a, b) => a - b);
  let longest = 0;
  let lastMs = fromMs;
  for (const endMs of [...ends, toMs]) {
    longest = Math.max(longest, endMs - lastMs);
    lastMs = endMs;
  }
  return longest;
}

function setOf(gateways: readonly string[] = []): string {
  return gateways.toSorted((a, b) => a.localeCompare(b)).join();
}

/**
 * `546 requests, lost: 8 begun after the route changed, 4 connected as it changed, 0 else; longest
 * gap 3.18 s; next hops 3; 0 at 0.04 s; 3 at 2.86 s`.
 */
export function formatAccount(account: Account, zeroMs: number): string {
  const { sent, failed: lost, longestGapMs } = account;
  return (
    `${sent} requests, lost: ${lost.after.length} begun after the route changed, ` +
    `${lost.across.length} connected as it changed, ${lost.before.length} else; ` +
    `longest gap ${formatSeconds(longestGapMs)}; next hops ${formatNextHops(account, zeroMs)}`
  );
}

const mostShown = 12;

/** How many there were, over time: `3; 2 at 0.12 s; 3 at 15.30 s`. */
export function formatNextHops({ nextHops }: Account, zeroMs: number): string {
  const [first, ...changes] = nextHops.map(({ gateways, atMs }, index) =>
    index === 0 ? `${gateways.length}` : `${gateways.length} at ${formatSeconds(atMs - zeroMs)}`,
  );
  const rest = changes.length - mostShown;
  const shown = [first, ...changes.slice(0, mostShown)].join("; ");
  return rest > 0 ? `${shown}; ${rest} more` : shown;
}
