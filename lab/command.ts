import { spawn } from "node:child_process";

/** A command that ended with a status other than 0, was killed, or could not be started. */
export class CommandError extends Error {
  readonly status: number | undefined;
  readonly stderr: string;

  constructor(command: string, status: number | undefined, stderr: string, cause?: unknown) {
    const end = status === undefined ? "did not run to its end" : `ended with ${status}`;
    super(`${command}: ${end}${stderr === "" ? "" : `: ${stderr.trim()}`}`, { cause });
    this.name = "CommandError";
    this.status = status;
    this.stderr = stderr;
  }
}

export interface CommandOptions {
  /** Written to the command's standard input; without it, that is empty. */
  readonly input?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** The command is killed when this is aborted; the promise then rejects. */
  readonly signal?: AbortSignal;
  /** The command is killed after this time; 30 s unless said. */
  readonly timeoutMs?: number;
}

/** Runs a command without a shell and resolves with its standard output; rejects with CommandError. */
export function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const line = [command, ...args].join(" ");
  const child = spawn(command, args, {
    stdio: ["pipe", "pipe", "pipe"],
    timeout: options.timeoutMs ?? 30_000,
    killSignal: "SIGKILL",
    ...(options.env && { env: options.env }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
    ...(options.signal && { signal: options.signal }),
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  // A command that ends without reading its input closes the pipe; its exit status tells the story.
  child.stdin.on("error", () => undefined);
  child.on("error", (cause) => reject(new CommandError(line, undefined, cause.message, cause)));
  child.on("close", (status) => {
    if (status === 0) resolve(Buffer.concat(stdout).toString());
    else reject(new CommandError(line, status ?? undefined, said(stderr, stdout)));
  });
  child.stdin.end(options.input ?? "");
  return promise;
}

/** Its complaint; some programs, such as vtysh, complain on standard output. */
function said(stderr: readonly Buffer[], stdout: readonly Buffer[]): string {
  const complaint = Buffer.concat(stderr).toString();
  return complaint.trim() === "" ? Buffer.concat(stdout).toString().slice(-2_000) : complaint;
}

/** As `run`, but a failure is an outcome: the message that explains it. */
export async function attempt(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<{ readonly ok: boolean; readonly text: string }> {
  try {
    return { ok: true, text: await run(command, args, options) };
  } catch (error) {
    if (error instanceof CommandError) return { ok: false, text: error.message };
    throw error;
  }
}
