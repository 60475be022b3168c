import { formatNextHops, type Losses } from "../../../lab/sights/account.ts";
import { formatSeconds } from "../../../lab/sights/sight.ts";
import type { Scenario } from "./scenario.ts";
import type { Watched } from "./stream.ts";

const heads = [
  "Event",
  "Requests",
  "of them before it was over",
  "Lost: begun after the route changed",
  "connected as it changed",
  "else",
  "Longest gap",
  "Next hops in the router's kernel",
];

/** A Markdown table of what was watched, a row each. */
export function formatTable(watched: ReadonlyMap<Scenario, Watched>): string {
  const rows = [...watched].map(([{ title }, seen]) => formatRow(title, seen));
  return [heads, heads.map((_, column) => (column === 0 ? "---" : "--:")), ...rows]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function formatRow(title: string, seen: Watched): readonly string[] {
  const { sent, sentMeanwhile, failed, longestGapMs } = seen;
  const counts = [sent, sentMeanwhile, ...lossCounts(failed)].map(String);
  return [title, ...counts, formatSeconds(longestGapMs), formatNextHops(seen, seen.fromMs)];
}

function lossCounts({ after, across, before }: Losses): readonly number[] {
  return [after, across, before].map((losses) => losses.length);
}
