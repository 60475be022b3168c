import { access, constants } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { type Json, parseJson } from "./kube/json.ts";

/**
 * The kubectl to use: the one in PATH, else Debian's, unpacked into a cache.
 *
 * @param wanted a path; "debian" for Debian's even where PATH has one
 */
export async function findKubectl(wanted: string | undefined): Promise<string> {
  if (wanted !== undefined && wanted !== "debian") return wanted;
  const found = wanted === "debian" ? undefined : await inPath("kubectl");
  if (found !== undefined) return found;
  const script = fileURLToPath(new URL("../scripts/debian-kubectl.sh", import.meta.url));
  return (await run("bash", [script], { timeoutMs: 300_000 })).trim();
}

/** A stock kubectl with one kubeconfig file; its caches stay in the state directory. */
export class Kubectl {
  readonly path: string;
  readonly kubeconfig: string;
  readonly #home: string;

  constructor(path: string, kubeconfig: string, home: string) {
    this.path = path;
    this.kubeconfig = kubeconfig;
    this.#home = home;
  }

  /** What kubectl prints; rejects with what it says if it fails. */
  async run(...args: readonly string[]): Promise<string> {
    return this.runWith("", ...args);
  }

  /** As `run`, with `input` for `-f -`. */
  async runWith(input: string, ...args: readonly string[]): Promise<string> {
    const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = process.env;
    const env = { PATH, HOME: this.#home, KUBECONFIG: this.kubeconfig };
    return run(this.path, args, { env, input });
  }

  /** `kubectl ... -o json`. */
  async json(...args: readonly string[]): Promise<Json> {
    return parseJson(await this.run(...args, "-o", "json"));
  }
}

async function inPath(name: string): Promise<string | undefined> {
  for (const directory of (process.env["PATH"] ?? "").split(delimiter)) {
    const path = join(directory, name);
    const isThere = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  return undefined;
}
