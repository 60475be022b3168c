import { readFile } from "node:fs/promises";
import { findDaemons } from "../../lab/daemons.ts";
import type { Cluster } from "./cluster.ts";

/** The resident memory of every controller and speaker: `controller 84 MB, speaker 79 MB`. */
export async function residentMemory({ lab }: Cluster): Promise<string> {
  const daemons = await findDaemons(lab);
  const found = await Promise.all(
    daemons.map(async ({ role, pid }) => {
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      const kilobytes = Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0);
      return `${role} ${Math.round(kilobytes / 1024)} MB`;
    }),
  );
  return found.toSorted((a, b) => a.localeCompare(b)).join(", ");
}
