const escape = "\x1b";

/** A control sequence, or one character. */
const pieces = new RegExp(`${escape}\\[[\\d;?]*[A-Za-z]|[\\s\\S]`, "gu");

/**
 * A terminal as it looks: what a user sees after a program has written. It knows what `--watch`
 * uses (home, erase to the end of line and below, colours) and throws at any other control sequence.
 */
export class Screen {
  readonly columns: number;
  readonly rows: number;
  #lines: string[][];
  #row = 0;
  #column = 0;
  /** Colour codes seen. */
  colours = 0;
  /** How often the cursor went home. */
  frames = 0;
  /** Lines that were pushed out at the top: what is redrawn in place pushes none. */
  scrolled = 0;

  constructor(columns: number, rows: number) {
    this.columns = columns;
    this.rows = rows;
    this.#lines = Array.from({ length: rows }, () => []);
  }

  write(text: string): void {
    for (const [piece] of text.matchAll(pieces)) {
      if (piece === "\x1b[H") {
        this.frames += 1;
        this.#row = 0;
        this.#column = 0;
      } else if (piece === "\x1b[K") {
        this.#line.length = Math.min(this.#line.length, this.#column);
      } else if (piece === "\x1b[J") {
        this.#line.length = Math.min(this.#line.length, this.#column);
        this.#lines = this.#lines.map((line, row) => (row > this.#row ? [] : line));
      } else if (piece.startsWith("\x1b[") && piece.endsWith("m")) {
        this.colours += 1;
      } else if (piece === "\r") {
        this.#column = 0;
      } else if (piece === "\n") {
        this.#newLine();
      } else if (piece.startsWith("\x1b")) {
        throw new Error(`unknown control sequence ${JSON.stringify(piece)}`);
      } else {
        this.#put(piece);
      }
    }
  }

  /** Without blank lines at the end. */
  get text(): string {
    return this.#lines
      .map((line) => line.join("").trimEnd())
      .join("\n")
      .trimEnd();
  }

  get #line(): string[] {
    return this.#lines[this.#row] ?? [];
  }

  #put(character: string): void {
    if (this.#column === this.columns) {
      this.#column = 0;
      this.#newLine();
    }
    this.#line[this.#column] = character;
    this.#column += 1;
  }

  #newLine(): void {
    this.#row += 1;
    if (this.#row === this.rows) {
      this.#lines = [...this.#lines.slice(1), []];
      this.#row -= 1;
      this.scrolled += 1;
    }
  }
}
