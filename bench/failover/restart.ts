import { readFile } from "node:fs/promises";
import type { Lab } from "../../lab/lab.ts";
import { namespaceProcesses, sendSignal } from "../../lab/namespaces.ts";
import { failed } from "../../lab/probe.ts";
import { readKernelRoutes, routerLogged } from "../../lab/route-log.ts";
import { workerNodes } from "../../lab/scenario.ts";
import { urlOf } from "../../lab/view.ts";
import { pause } from "../../lab/wait.ts";

/** What a speaker's death and return did to requests through all nodes. */
export interface Restart {
  readonly requests: number;
  readonly lost: number;
  /** In the router's kernel. */
  readonly routeChanges: number;
  /** From the kill until the router has the session again. */
  readonly awayMs: number;
}

const beforeMs = 1_000;
/** The router forgets stale routes when the speaker has said that it is done. */
const afterMs = 3_000;

/** Kills one speaker after another with SIGKILL while its node goes on; the kubelet restarts it. */
export async function measureRestart(lab: Lab, repeat: number): Promise<readonly Restart[]> {
  await lab.secondHopFollows();
  const [{ address, router }] = lab.views;
  const restarts: Restart[] = [];
  for (let kill = 0; kill < repeat; kill += 1) {
    const node = workerNodes[kill % workerNodes.length];
    if (node === undefined) throw new Error("no worker node");
    const probe = await lab.probe({ url: urlOf(address), concurrency: 8, intervalMs: 10 });
    await pause(beforeMs);
    const fromMs = Date.now();
    sendSignal(await speakerPid(lab.topology.node(node.name)), "SIGKILL");
    const neighbor = String.raw`%ADJCHANGE: neighbor ${node.address}\S* in vrf \S+ `;
    const down = await routerLogged(router, new RegExp(`${neighbor}Down`), {
      fromMs,
      timeoutMs: 30_000,
    });
    const up = await routerLogged(router, new RegExp(`${neighbor}Up`), {
      fromMs: down.atMs,
      timeoutMs: 60_000,
    });
    await pause(afterMs);
    const results = await probe.finish();
    const changes = await readKernelRoutes(router, address, fromMs);
    restarts.push({
      requests: results.length,
      lost: failed(results).length,
      routeChanges: changes.length,
      awayMs: up.atMs - fromMs,
    });
  }
  return restarts;
}

/** The process of our program in a node's own namespace. */
async function speakerPid(namespace: string): Promise<number> {
  for (const pid of await namespaceProcesses(namespace)) {
    const words = (await readFile(`/proc/${pid}/cmdline`, "utf8")).split("\0");
    if (words.some((word) => word.endsWith("/routelb.js")) && words.includes("speaker")) return pid;
  }
  throw new Error(`no speaker in ${namespace}`);
}
