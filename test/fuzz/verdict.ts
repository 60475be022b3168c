import type { SpeakerSummary } from "./campaign.ts";
import type { Seen } from "./good-router.ts";

export interface Watched extends SpeakerSummary {
  readonly seen: Seen;
  readonly crash: number | string | undefined;
}

/** Of the 3 s that the good session's Hold Timer lasts. */
const longestSilenceLimitMs = 2_500;
const routeDelayLimitMs = 1_500;
/** What hostile sessions hold differs from moment to moment: their Adj-RIBs-Out come and go. */
const growthLimitOctets = 40e6;
/** The memory limit of a speaker in deploy/. */
const rssLimitOctets = 512 * 2 ** 20;

/** What a run must not have done; none if all is well. */
export function violations({ crash, seen, speaker, liveOctets, peakRssOctets }: Watched): string[] {
  const [first, last] = liveOctets;
  const claims: readonly (readonly [boolean, string])[] = [
    [crash === undefined, `the speaker ended: ${crash}`],
    [speaker.bugs.length === 0, `the speaker logged a bug: ${speaker.bugs.join("; ")}`],
    [seen.established === 1, `the good session came up ${seen.established} times`],
    [seen.closed + speaker.good.sessionsLost === 0, "the good session was lost"],
    [
      seen.longestSilenceMs <= longestSilenceLimitMs + seen.longestTurnMs,
      `the good router heard nothing for ${Math.round(seen.longestSilenceMs)} ms`,
    ],
    [seen.routeDelaysMs.length > 0, "the good router got no change of a route"],
    [
      percentile(seen.routeDelaysMs, 99) <= routeDelayLimitMs,
      `a change of a route took ${Math.round(percentile(seen.routeDelaysMs, 99))} ms`,
    ],
    [last - first <= growthLimitOctets, `memory in use went from ${first} to ${last} octets`],
    [peakRssOctets <= rssLimitOctets, `the speaker took ${peakRssOctets} octets of memory`],
  ];
  return claims.flatMap(([holds, text]) => (holds ? [] : [text]));
}

/** 0 if there are no values. */
export function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
}
