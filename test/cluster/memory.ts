import { readFile } from "node:fs/promises";
import { namespaceProcesses, namespacesUnder } from "../../lab/namespaces.ts";
import { scenario } from "../../lab/topology.ts";
import type { Cluster } from "./cluster.ts";

/** The resident memory of every controller and speaker: `controller 84 MB, speaker 79 MB`. */
export async function residentMemory({ lab }: Cluster): Promise<string> {
  const found: string[] = [];
  for (const { name } of scenario.nodes) {
    const node = lab.topology.node(name);
    const namespaces = [node, ...(await namespacesUnder(`${node}-controller-`))];
    const pids = (await Promise.all(namespaces.map(namespaceProcesses))).flat();
    for (const pid of pids) {
      const command = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
      const role = command.find((word) => word === "controller" || word === "speaker");
      if (!command.some((word) => word.endsWith("/routelb.js")) || role === undefined) continue;
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      found.push(`${role} ${Math.round(kilobytes / 1024)} MB`);
    }
  }
  return found.toSorted((a, b) => a.localeCompare(b)).join(", ");
}
