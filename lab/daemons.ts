import { readFile } from "node:fs/promises";
import type { Lab } from "./lab.ts";
import { namespaceProcesses, namespacesUnder } from "./namespaces.ts";
import { scenario } from "./scenario.ts";

/** A controller or speaker that runs in a lab. */
export interface LabDaemon {
  readonly role: "controller" | "speaker";
  /** Name of the node. */
  readonly node: string;
  readonly pid: number;
  /** The network namespace that it serves HTTP in. */
  readonly namespace: string;
}

/** Every controller and speaker, by node. */
export async function findDaemons({ topology }: Lab): Promise<readonly LabDaemon[]> {
  const found: LabDaemon[] = [];
  for (const { name: node } of scenario.nodes) {
    const own = topology.node(node);
    for (const namespace of [own, ...(await namespacesUnder(`${own}-controller-`))]) {
      for (const pid of await namespaceProcesses(namespace)) {
        const role = await roleOf(pid);
        if (role !== undefined) found.push({ role, node, pid, namespace });
      }
    }
  }
  return found;
}

/** Undefined: it is none of ours (what starts one names it further back), or has ended. */
async function roleOf(pid: number): Promise<LabDaemon["role"] | undefined> {
  const text = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
  const [, program = "", role] = text.split("\0");
  if (!program.endsWith("/routelb.js")) return undefined;
  return (["controller", "speaker"] as const).find((name) => name === role);
}
