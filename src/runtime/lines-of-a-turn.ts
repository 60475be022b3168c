import { pino } from "pino";

/** More is written before the turn ends; in characters. */
const heldLimit = 8 * 1024;

/** Of pino's levels: warnings and what is graver are written at once. */
const urgentLevel = 40;

/**
 * Writes the lines of a turn of the event loop at its end, in one call of the system, for a call wakes
 * who reads, and where there are few processors that one takes ours. In a turn of a storm there are 16
 * lines and more.
 *
 * The process's exit writes what is left, that by an exception included. One that is killed, or that
 * V8 ends for want of memory, loses what its last turn said before a warning or an error.
 */
export class LinesOfATurn {
  /** Has pino tell the level of a line before it writes it. */
  readonly [pino.symbols.needsMetadataGsym] = true;
  lastLevel = 0;
  readonly #file: ReturnType<typeof pino.destination>;
  #held = "";

  /** @param fd stays open */
  constructor(fd: number) {
    this.#file = pino.destination({ dest: fd, sync: true });
    process.on("exit", () => this.#writeHeld());
  }

  write(line: string): void {
    if (this.#held === "") {
      setImmediate(() => this.#writeHeld());
    }
    this.#held += line;
    if (this.lastLevel >= urgentLevel || this.#held.length > heldLimit) {
      this.#writeHeld();
    }
  }

  #writeHeld(): void {
    if (this.#held !== "") {
      const held = this.#held;
      this.#held = "";
      this.#file.write(held);
    }
  }
}
