import { median } from "./measure.ts";
import type { Trial } from "./trial.ts";

/** All trials of one sender to one router with one number of routes. */
export interface Row {
  readonly sender: string;
  readonly trials: readonly Trial[];
}

interface Column {
  readonly title: string;
  readonly of: keyof Trial;
  /** Decimals; times get their ratio to the limit, too. */
  readonly digits: number;
  readonly hasRatio: boolean;
}

const columns: readonly Column[] = [
  { title: "table ms", of: "tableMs", digits: 0, hasRatio: true },
  { title: "End-of-RIB ms", of: "endOfRibMs", digits: 0, hasRatio: true },
  { title: "kernel ms", of: "kernelMs", digits: 0, hasRatio: true },
  { title: "withdrawn ms", of: "withdrawTableMs", digits: 0, hasRatio: true },
  { title: "from kernel ms", of: "withdrawKernelMs", digits: 0, hasRatio: true },
  { title: "change ms", of: "changeTableMs", digits: 1, hasRatio: false },
  { title: "in kernel ms", of: "changeKernelMs", digits: 1, hasRatio: false },
  { title: "CPU ms", of: "cpuMs", digits: 0, hasRatio: false },
  { title: "RSS MB", of: "peakRssMegabytes", digits: 0, hasRatio: false },
];

const changeValues: readonly (keyof Trial)[] = ["changeTableMs", "changeKernelMs"];

/**
 * A Markdown table of medians. In parentheses: the ratio to the limit, the fastest of the rows that
 * replay.
 */
export function formatTable(rows: readonly Row[], isLimit: (sender: string) => boolean): string {
  const shown = columns.filter(({ of }) => rows.some((row) => medianOf(row, of) !== undefined));
  const limits = rows.filter(({ sender }) => isLimit(sender));
  const lines = rows.map((row) => {
    const cells = shown.map((column) => formatCell(row, column, limits));
    return `| ${[row.sender, ...cells].join(" | ")} |`;
  });
  const titles = ["sender", ...shown.map(({ title }) => title)];
  const rule = titles.map((_, index) => (index === 0 ? "---" : "---:"));
  return [`| ${titles.join(" | ")} |`, `| ${rule.join(" | ")} |`, ...lines].join("\n");
}

function formatCell(row: Row, { of, digits, hasRatio }: Column, limits: readonly Row[]): string {
  const value = medianOf(row, of);
  if (value === undefined) {
    return "-";
  }
  const text = value.toFixed(digits);
  const limit = Math.min(...limits.map((other) => medianOf(other, of) ?? Infinity));
  return hasRatio && Number.isFinite(limit) && limit > 0
    ? `${text} (${(value / limit).toFixed(2)})`
    : text;
}

/** A trial that failed leaves its row without figures; changes are measured in the first trial only. */
function medianOf({ trials }: Row, of: keyof Trial): number | undefined {
  const asked = changeValues.includes(of) ? trials.slice(0, 1) : trials;
  const values = asked.flatMap((trial) => trial[of] ?? []);
  return values.length < asked.length || values.length === 0 ? undefined : median(values);
}
