import { chmod, mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../lab/command.ts";
import type { Cluster } from "./cluster.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A document whose blocks of commands are run as a reader would run them. */
export class Guide {
  readonly #text: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(text: string, environment: NodeJS.ProcessEnv) {
    this.#text = text;
    this.#environment = environment;
  }

  /** @param document its path in the tree */
  static async open(document: string, { lab }: Cluster): Promise<Guide> {
    const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = process.env;
    const folder = lab.instance.path("guide");
    await mkdir(folder, { recursive: true });
    await symlink(lab.kubectl.path, join(folder, "kubectl"));
    const command = `exec "${process.execPath}" "${lab.instance.path("program", "routelb.js")}" "$@"`;
    await writeFile(join(folder, "routelb"), `#!/bin/sh\n${command}\n`);
    await chmod(join(folder, "routelb"), 0o755);
    return new Guide(await readFile(join(root, document), "utf8"), {
      PATH: `${folder}:${PATH}`,
      HOME: lab.instance.directory,
      KUBECONFIG: lab.kubectl.kubeconfig,
    });
  }

  /**
   * Runs the commands under a heading; the first that fails rejects.
   *
   * @param change what the reader writes in place of an example, such as another node's name
   * @returns what they printed
   */
  async follow(
    heading: string,
    change: (text: string) => string = (text) => text,
  ): Promise<string> {
    const printed: string[] = [];
    for (const block of this.blocks(heading)) {
      printed.push(await this.#shell(change(block)));
    }
    return printed.join("");
  }

  /** The blocks of commands under a heading. */
  blocks(heading: string): readonly string[] {
    const [, section] = this.#text.split(`\n${heading}\n`);
    if (section === undefined) throw new Error(`no heading ${heading}`);
    const own = section.split(/\n#+ /)[0] ?? "";
    return [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  }

  async #shell(script: string): Promise<string> {
    return run("bash", ["-euo", "pipefail", "-c", script], {
      cwd: root,
      env: this.#environment,
      timeoutMs: 180_000,
    });
  }
}
