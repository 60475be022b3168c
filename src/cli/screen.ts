import type { Terminal } from "./io.ts";

const escape = "\x1b";
const home = `${escape}[H`;
const eraseLine = `${escape}[K`;
const eraseBelow = `${escape}[J`;
const resetColours = `${escape}[0m`;

/** A colour code, or one character. */
const pieces = new RegExp(`${escape}\\[[\\d;]*m|.`, "gu");

/**
 * What draws `text` over what was there, without flicker. Lines that the terminal has no room for
 * are left out, and counted on the last one; a line that is too long is cut, since one that wraps
 * would push the others down.
 */
export function screenOf(text: string, { columns, rows }: Terminal): string {
  const lines = text.trimEnd().split("\n");
  const room = Math.max(1, rows - 1);
  const shown =
    lines.length <= room
      ? lines
      : [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more lines`];
  return `${home}${shown.map((line) => `${cut(line, columns)}${eraseLine}\n`).join("")}${eraseBelow}`;
}

/** One column is left free: a terminal that has a character in its last one may wrap already. */
function cut(line: string, columns: number): string {
  let width = 0;
  let kept = "";
  for (const piece of line.match(pieces) ?? []) {
    const isCode = piece.startsWith(escape);
    width += isCode ? 0 : 1;
    if (width >= columns && !isCode) {
      return `${kept}${kept.includes(escape) ? resetColours : ""}`;
    }
    kept += piece;
  }
  return kept;
}
