import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { inNamespace } from "./namespaces.ts";

export interface ProcessOptions {
  /** For messages. */
  readonly name: string;
  readonly command: readonly string[];
  /** The network namespace to run in; without it, the caller's. */
  readonly namespace?: string;
  /** Standard output and error are appended here. */
  readonly logFile: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Keeps standard input open until `endInput`; without it, there is none. */
  readonly stdin?: "pipe";
}

export interface Exit {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

/**
 * A process of the lab, in its own session, so that a Ctrl-C in the terminal reaches only the lab.
 *
 * The kernel kills it when the process that started it ends, however that happens, unless it
 * changes its user by itself; such a one is found by its namespace.
 */
export class LabProcess implements AsyncDisposable {
  readonly name: string;
  readonly pid: number;
  /** Resolves when the process has ended. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #exit: Exit | undefined;

  private constructor(name: string, pid: number, child: ChildProcess, exited: Promise<Exit>) {
    this.name = name;
    this.pid = pid;
    this.#child = child;
    this.exited = exited;
    child.once("exit", (code, signal) => {
      this.#exit = { code: code ?? undefined, signal: signal ?? undefined };
    });
  }

  /** Resolves when the process runs; rejects if the command cannot be started. */
  static async start(options: ProcessOptions): Promise<LabProcess> {
    const inside = options.namespace === undefined ? [] : inNamespace(options.namespace);
    const args = ["--pdeathsig", "KILL", "--", ...inside, ...options.command];
    await mkdir(dirname(options.logFile), { recursive: true });
    await using log = await open(options.logFile, "a");
    const child = spawn("setpriv", args, {
      detached: true,
      stdio: [options.stdin ?? "ignore", log.fd, log.fd],
      ...(options.env && { env: options.env }),
      ...(options.cwd !== undefined && { cwd: options.cwd }),
    });
    // A process that ends by itself closes the pipe; `exited` tells it.
    child.stdin?.on("error", () => undefined);
    const exited = new Promise<Exit>((resolve) => {
      child.once("exit", (code, signal) =>
        resolve({ code: code ?? undefined, signal: signal ?? undefined }),
      );
    });
    await new Promise((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    if (child.pid === undefined) throw new Error(`${options.name}: no process id`);
    return new LabProcess(options.name, child.pid, child, exited);
  }

  get running(): boolean {
    return this.#exit === undefined;
  }

  /** How it ended; undefined while it runs. */
  get exit(): Exit | undefined {
    return this.#exit;
  }

  /** Ends its standard input; only with `stdin: "pipe"`. */
  endInput(): void {
    this.#child.stdin?.end();
  }

  /** Does nothing once the process has ended. */
  signal(signal: NodeJS.Signals): void {
    if (this.running) this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL when it still runs after `graceMs`; resolves when it has ended. */
  async stop(graceMs = 3_000): Promise<Exit> {
    this.signal("SIGTERM");
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
