import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const modules = join(import.meta.dirname, "../../test/cluster");

/**
 * The folder that holds kube-apiserver, kubectl and their like: built on the first call on a
 * machine (minutes, shown on stderr), looked up in a cache afterwards.
 *
 * @throws Error when it cannot be built; why, and what to install, is on stderr by then.
 */
export async function buildControlPlane(): Promise<string> {
  return builtFolder("kubernetes");
}

/** As `buildControlPlane`, what a module's build.sh makes: `metallb/v0.11` and so on. */
export async function builtFolder(module: string): Promise<string> {
  const script = join(modules, module, "build.sh");
  const build = spawn(script, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(build, "exit");
  const output = await text(build.stdout);
  const [code] = await exited;
  if (code !== 0) {
    throw new Error(`${module} was not built`);
  }
  return output.trim();
}
