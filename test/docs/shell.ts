import { spawn } from "node:child_process";
import { mkdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Lab } from "../../lab/lab.ts";
import { scenario } from "../../lab/scenario.ts";
import { writeShellCommands } from "../../lab/shell-commands.ts";

const repository = join(import.meta.dirname, "../..");

export interface Said {
  /** Both streams, as a terminal shows them. */
  readonly output: string;
  readonly exitCode: number | null;
}

/**
 * The shells of somebody who reads the pages beside a lab: the operator's, with `kubectl`, `routelb`
 * and the checkout's folders; those of the router, the client and the nodes.
 */
export class Shells {
  readonly #directory: string;
  readonly #lab: Lab;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(lab: Lab, directory: string, environment: NodeJS.ProcessEnv) {
    this.#lab = lab;
    this.#directory = directory;
    this.#environment = environment;
  }

  static async open(lab: Lab): Promise<Shells> {
    const directory = lab.instance.path("reader");
    await mkdir(directory, { recursive: true });
    for (const folder of ["deploy", "lab", "docs", "test"]) {
      await symlink(join(repository, folder), join(directory, folder));
    }
    const commands = await writeShellCommands(lab);
    return new Shells(lab, directory, {
      PATH: `${commands}:${dirname(process.execPath)}:${process.env["PATH"] ?? ""}`,
      HOME: directory,
      TERM: "dumb",
    });
  }

  /** Runs a command line; one that does not end is ended after `limitMs`. */
  async run(place: string, line: string, limitMs = 120_000): Promise<Said> {
    const enter = this.#namespaceOf(place);
    const [program, ...args] = [...enter, "bash", "-o", "pipefail", "-c", line];
    const child = spawn(program, args, {
      cwd: this.#directory,
      env: this.#environment,
      stdio: ["ignore", "pipe", "pipe"],
      timeout: limitMs,
      killSignal: "SIGKILL",
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
    }
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.on("error", reject).on("close", resolve);
    });
    return { output, exitCode };
  }

  #namespaceOf(place: string): readonly string[] {
    const { topology } = this.#lab;
    const namespaces = new Map([
      ["router", topology.router.namespace],
      ["client", topology.client],
      ...scenario.nodes.map(({ name }) => [name, topology.node(name)] as const),
    ]);
    const namespace = namespaces.get(place);
    if (place !== "" && namespace === undefined) {
      throw new Error(`no place ${place}`);
    }
    return namespace === undefined ? [] : ["ip", "netns", "exec", namespace];
  }
}
