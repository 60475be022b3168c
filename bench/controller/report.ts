/** One number of one phase. */
export interface Figure {
  readonly phase: string;
  readonly name: string;
  readonly value: number;
}

export interface Column {
  readonly title: string;
  readonly figures: readonly Figure[];
}

/** A Markdown table: a row for each figure that any column has, in the order of their first mention. */
export function formatFigures(columns: readonly Column[]): string {
  const rows = new Map<string, Figure>();
  for (const figure of columns.flatMap(({ figures }) => figures)) {
    rows.set(`${figure.phase}\n${figure.name}`, figure);
  }
  const lines = [...rows.values()].map(({ phase, name }) => {
    const cells = columns.map(({ figures }) => {
      const found = figures.find((each) => each.phase === phase && each.name === name);
      return found === undefined ? "-" : formatValue(found.value);
    });
    return `| ${[phase, name, ...cells].join(" | ")} |`;
  });
  const titles = ["phase", "figure", ...columns.map(({ title }) => title)];
  const rule = titles.map((_, index) => (index < 2 ? "---" : "---:"));
  return [`| ${titles.join(" | ")} |`, `| ${rule.join(" | ")} |`, ...lines].join("\n");
}

function formatValue(value: number): string {
  return value.toFixed(Math.abs(value) < 10 && !Number.isInteger(value) ? 1 : 0);
}
