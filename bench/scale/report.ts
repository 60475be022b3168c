/** One column of a Markdown table: what it says of a row. */
export interface Column<T> {
  readonly title: string;
  readonly of: (row: T) => string;
}

export function formatRows<T>(columns: readonly Column<T>[], rows: readonly T[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [
    line(columns.map(({ title }) => title)),
    line(columns.map(() => "---:")),
    ...rows.map((row) => line(columns.map(({ of }) => of(row)))),
  ].join("\n");
}

/** With so many decimals; a dash for what was not measured. */
export function figure(value: number, decimals = 0): string {
  return Number.isFinite(value) ? value.toFixed(decimals) : "-";
}
