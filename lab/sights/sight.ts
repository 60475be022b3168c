import type { Lab } from "../lab.ts";

/** Shows what a command printed; the tour prints it, the check does not. */
export type Show = (command: string, output: string) => void;

/** One thing that must be seen, looked at from outside: kubectl, vtysh, the kernel, HTTP answers. */
export interface Sight {
  readonly title: string;
  /**
   * Resolves with what was seen, in one line.
   *
   * @throws NotSeenError if what was seen is not what must be seen
   */
  readonly see: (lab: Lab, show: Show) => Promise<string>;
}

export class NotSeenError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "NotSeenError";
  }
}

/** @throws NotSeenError with `message` unless `condition` holds */
export function mustSee(condition: boolean, message: string): asserts condition {
  if (!condition) throw new NotSeenError(message);
}

/** `1.23 s`. */
export function formatSeconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(2)} s`;
}

/** `a 12, b 34`. */
export function formatCounts(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([name, count]) => `${name} ${count}`).join(", ");
}
