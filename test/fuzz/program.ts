import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/**
 * A program of `programs/` in a process of its own. It gets its options as JSON in its argument,
 * prints one report a line as JSON, and ends when its standard input does.
 */
export class Program<Report> implements AsyncDisposable {
  readonly pid: number;
  /** Resolves with how it ended: 0, another status, or the name of a signal. */
  readonly exited: Promise<number | string>;
  #exit: number | string | undefined;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, onReport: (report: Report) => void) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    this.exited = new Promise((resolve) => {
      child.once("exit", (status, signal) => {
        this.#exit = signal ?? status ?? "unknown";
        resolve(this.#exit);
      });
    });
    child.stdin?.on("error", () => undefined);
    if (child.stdout !== null) {
      createInterface(child.stdout).on("line", (line) => onReport(JSON.parse(line)));
    }
  }

  /** How it ended; undefined while it runs. */
  get exit(): number | string | undefined {
    return this.#exit;
  }

  static start<Report>(
    name: string,
    options: object,
    onReport: (report: Report) => void,
    nodeFlags: readonly string[] = [],
    /** What, put before a command, runs it somewhere else. */
    where: readonly string[] = [],
  ): Program<Report> {
    const file = fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
    const command = [...where, process.execPath, ...nodeFlags, file, JSON.stringify(options)];
    const [program = process.execPath, ...args] = command;
    const child = spawn(program, args, {
      stdio: ["pipe", "pipe", "inherit"],
    });
    return new Program(child, onReport);
  }

  /** Asks it to end, and kills it when it has not after 2 s. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.stdin?.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 2_000);
    await this.exited;
    clearTimeout(timer);
  }
}

/** In the program: its options as JSON, and an end as soon as the one who started it ends. */
export function programOptions(): string {
  process.stdin.on("end", () => process.exit(0)).resume();
  return process.argv[2] ?? "{}";
}

export function report(fields: object): void {
  process.stdout.write(`${JSON.stringify(fields)}\n`);
}
