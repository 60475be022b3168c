import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { text } from "node:stream/consumers";

const script = join(import.meta.dirname, "../../test/cluster/kubernetes/build.sh");

/**
 * The folder that holds kube-apiserver, kubectl and their like: built on the first call on a
 * machine (minutes, shown on stderr), looked up in a cache afterwards.
 *
 * @throws Error when it cannot be built; why, and what to install, is on stderr by then.
 */
export async function buildControlPlane(): Promise<string> {
  const build = spawn(script, { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(build, "exit");
  const output = await text(build.stdout);
  const [code] = await exited;
  if (code !== 0) {
    throw new Error("the real control plane was not built");
  }
  return output.trim();
}
