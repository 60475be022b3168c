import { readFile } from "node:fs/promises";

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

/**
 * The text of a file, or of the standard input if `name` is `-`.
 *
 * @throws Error if it cannot be read, or is no UTF-8
 */
export async function readText(name: string, { stdin }: CommandIo): Promise<string> {
  const bytes = name === "-" ? await readAll(stdin) : await readFile(name);
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

async function readAll(stream: CommandIo["stdin"]): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) {
    chunks.push(typeof chunk === "string" ? new TextEncoder().encode(chunk) : chunk);
  }
  return Buffer.concat(chunks);
}
