/** What a command reads and writes, handed in so that tests need no process. */
export interface CommandIo {
  readonly stdin: AsyncIterable<Uint8Array | string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What `write` goes to, as it is now; absent: no terminal. */
  readonly terminal?: Terminal | undefined;
  write(text: string): void;
  writeError(text: string): void;
}

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
}
