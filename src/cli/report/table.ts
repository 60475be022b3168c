export type Tone = "good" | "bad" | "warning" | "plain";

/** A piece of text; `tone` is its colour, where there are colours. */
export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

/** How a text is drawn. */
export interface Style {
  readonly hasColours: boolean;
}

const codes = { good: 32, bad: 31, warning: 33 } as const;

/** Two spaces between columns, as kubectl has them; a column that is empty in every row is left out. */
export function formatTable(
  headings: readonly string[],
  rows: readonly (readonly Cell[])[],
  style: Style,
): string {
  const shown = headings.flatMap((heading, index) =>
    rows.some((row) => (row[index]?.text ?? "") !== "") ? [{ heading, index }] : [],
  );
  const widths = shown.map(({ heading, index }) =>
    Math.max(heading.length, ...rows.map((row) => row[index]?.text.length ?? 0)),
  );
  const line = (cells: readonly Cell[]) =>
    cells
      .map((cell, column) => {
        const isLast = column === cells.length - 1;
        const padding = isLast ? "" : " ".repeat((widths[column] ?? 0) - cell.text.length + 2);
        return paint(cell, style) + padding;
      })
      .join("")
      .trimEnd();
  return [
    line(shown.map(({ heading }) => ({ text: heading }))),
    ...rows.map((row) => line(shown.map(({ index }) => row[index] ?? { text: "" }))),
  ].join("\n");
}

export function paint({ text, tone = "plain" }: Cell, { hasColours }: Style): string {
  return tone === "plain" || !hasColours || text === ""
    ? text
    : `\x1b[${codes[tone]}m${text}\x1b[0m`;
}

/** `5s`, `3m12s`, `4h5m`, `12d3h`: the two largest units. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (minutes === 0) {
    return `${seconds}s`;
  }
  if (hours === 0) {
    return `${minutes}m${seconds % 60}s`;
  }
  return hours < 48 ? `${hours}h${minutes % 60}m` : `${Math.floor(hours / 24)}d${hours % 24}h`;
}
