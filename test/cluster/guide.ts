import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "../../lab/command.ts";
import { writeShellCommands } from "../../lab/shell-commands.ts";
import type { Cluster } from "./cluster.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

let guides = 0;

/** A document whose blocks of commands are run as a reader would run them. */
export class Guide {
  readonly #text: string;
  readonly #folder: string;
  readonly #environment: NodeJS.ProcessEnv;

  private constructor(text: string, folder: string, environment: NodeJS.ProcessEnv) {
    this.#text = text;
    this.#folder = folder;
    this.#environment = environment;
  }

  /**
   * @param document its path in the tree
   * @param section the heading, of the second level, of the part that is followed
   */
  static async open(document: string, section: string, { lab }: Cluster): Promise<Guide> {
    const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = process.env;
    guides += 1;
    const folder = lab.instance.path(`guide-${guides}`);
    await mkdir(folder);
    // A folder with all of the tree that the commands name, in which they may write.
    await symlink(join(root, "deploy"), join(folder, "deploy"));
    const text = await readFile(join(root, document), "utf8");
    return new Guide(partUnder(text, section, /\n## /), folder, {
      PATH: `${await writeShellCommands(lab)}:${PATH}`,
      HOME: folder,
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
    const own = partUnder(this.#text, heading, /\n##+ /);
    return [...own.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  }

  /** The lines of the block, of a router's configuration, that begins with `firstLine`. */
  configuration(firstLine: string): readonly string[] {
    const [, block] = this.#text.split(`\n\`\`\`\n${firstLine}\n`);
    if (block === undefined) throw new Error(`no block that begins with ${firstLine}`);
    return [firstLine, ...(block.split("\n```")[0] ?? "").split("\n")];
  }

  async #shell(script: string): Promise<string> {
    return run("bash", ["-euo", "pipefail", "-c", script], {
      cwd: this.#folder,
      env: this.#environment,
      timeoutMs: 180_000,
    });
  }
}

/** What stands under the one heading `heading`, up to the next that `end` finds. */
function partUnder(text: string, heading: string, end: RegExp): string {
  const [, part, another] = text.split(`\n${heading}\n`);
  if (part === undefined || another !== undefined) throw new Error(`not one heading ${heading}`);
  return part.split(end)[0] ?? "";
}
