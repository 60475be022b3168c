import type { Losses } from "../../../lab/sights/account.ts";
import { formatSeconds } from "../../../lab/sights/sight.ts";
import type { Scenario } from "./scenario.ts";
import type { Watched } from "./stream.ts";

const heads = [
  "Event",
  "Requests",
  "Lost: begun after the route changed",
  "under way as it changed",
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
  const { sent, failed, longestGapMs } = seen;
  const counts = [sent, ...lossCounts(failed)].map(String);
  return [title, ...counts, formatSeconds(longestGapMs), formatNextHops(seen)];
}

function lossCounts({ after, across, before }: Losses): readonly number[] {
  return [after, across, before].map((losses) => losses.length);
}

const mostShown = 12;

/** How many there were, over time: `3; 2 at 0.12 s; 3 at 15.30 s`. */
function formatNextHops({ nextHops, fromMs }: Watched): string {
  const [first, ...changes] = nextHops.map(({ gateways, atMs }, index) =>
    index === 0 ? `${gateways.length}` : `${gateways.length} at ${formatSeconds(atMs - fromMs)}`,
  );
  const rest = changes.length - mostShown;
  const shown = [first, ...changes.slice(0, mostShown)].join("; ");
  return rest > 0 ? `${shown}; ${rest} more` : shown;
}
