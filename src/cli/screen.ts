import type { Terminal } from "./io.ts";

const home = "\x1b[H";
const eraseLine = "\x1b[K";
const eraseBelow = "\x1b[J";

/**
 * What draws `text` over what was there, without flicker. Lines that the terminal has no room for
 * are left out, and counted on the last one.
 */
export function screenOf(text: string, { rows }: Terminal): string {
  const lines = text.trimEnd().split("\n");
  const room = Math.max(1, rows - 1);
  const shown =
    lines.length <= room
      ? lines
      : [...lines.slice(0, room - 1), `... and ${lines.length - room + 1} more lines`];
  return `${home}${shown.map((line) => `${line}${eraseLine}\n`).join("")}${eraseBelow}`;
}
