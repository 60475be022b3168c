/** Where a finding points to: a position in the text, and the path of the value. */
export interface Place {
  readonly at: Position;
  /** `peers[0].peer-asn`; empty for the document itself. */
  readonly path: string;
}

/** Both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Takes one finding; the place and the message are what a ConfigFinding shows. */
export type Report = (place: Place, message: string, severity?: "error" | "warning") => void;

/** What is shown of a value at most. */
const longestShown = 60;

/** `text` as findings show it: bare if it is one plain word, else quoted; cut if it is long. */
export function shown(text: string): string {
  if (text.length > longestShown) {
    return `${JSON.stringify(text.slice(0, longestShown))}...`;
  }
  return /^[\w.:/%+-]+$/.test(text) ? text : JSON.stringify(text);
}

/**
 * The path of the value that stands under `key` in the mapping at `parent`.
 *
 * A key that is no plain word is shown as `?`: it may be a password whose line lost its colon.
 */
export function keyPath(parent: string, key: string): string {
  if (!/^[\w./-]{1,100}$/.test(key)) {
    return `${parent}["?"]`;
  }
  if (!/^[\w-]+$/.test(key)) {
    return `${parent}["${key}"]`;
  }
  return parent === "" ? key : `${parent}.${key}`;
}
