import { runCommandLine } from "../../src/cli/command-line.ts";
import type { Terminal } from "../../src/cli/io.ts";

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** Runs a command line without a process. */
export async function runCommand(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  terminal?: Terminal,
): Promise<CommandResult> {
  const written = { out: "", error: "" };
  const code = await runCommandLine(args, {
    stdin: (async function* () {})(),
    environment,
    terminal,
    write: (text) => {
      written.out += text;
    },
    writeError: (text) => {
      written.error += text;
    },
  });
  return { code, ...written };
}
