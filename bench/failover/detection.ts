import { textAt } from "../../lab/kube/json.ts";
import type { Lab } from "../../lab/lab.ts";
import { workerNodes } from "../../lab/scenario.ts";
import { setHoldTime } from "../../lab/sights/hold-time.ts";
import { gatewayChanged } from "../../lab/sights/routes.ts";
import { awaitRoutes } from "../../lab/sights/streams.ts";
import { pause, waitFor } from "../../lab/wait.ts";

export interface DetectionOptions {
  readonly repeat: number;
  /** Without it, the lab's own. */
  readonly holdTimeSeconds: number | undefined;
}

/** Between two cuts: longer than any of the intervals that count. */
const restMs = 2_000;

/**
 * Cuts the link of one node after another where neither end sees it. Resolves with the milliseconds
 * from each cut until the node was no next hop in the router's kernel any more.
 */
export async function measureDetection(
  lab: Lab,
  { repeat, holdTimeSeconds }: DetectionOptions,
): Promise<readonly number[]> {
  if (holdTimeSeconds !== undefined) await setHoldTime(lab, holdTimeSeconds, () => undefined);
  const [{ address }] = lab.views;
  const tookMs: number[] = [];
  for (let cut = 0; cut < repeat; cut += 1) {
    const node = workerNodes[cut % workerNodes.length];
    if (node === undefined) throw new Error("no worker node");
    await awaitBfd(lab);
    // The cut falls anywhere between two packets.
    await pause(restMs + Math.random() * 1_000);
    const fromMs = Date.now();
    await lab.topology.setSwitched(node.name, false);
    const left = await gatewayChanged(lab, address, "left", { gateway: node.address, fromMs });
    tookMs.push(left.atMs - fromMs);
    await lab.topology.setSwitched(node.name, true);
    await lab.awaitSessions(workerNodes.length);
    await awaitRoutes(lab);
  }
  return tookMs;
}

/** Where BFD watches, waits until it has every session up. */
async function awaitBfd(lab: Lab): Promise<void> {
  if (lab.variant.bfd === undefined) return;
  await waitFor(
    async () => {
      const peers = await lab.topology.router.vtyshJson("show bfd peers json");
      const states = Array.isArray(peers) ? peers.map((peer) => textAt(peer, "status")) : [];
      const areUp = states.filter((state) => state === "up").length === workerNodes.length;
      return areUp || undefined;
    },
    { what: "BFD has all sessions up", timeoutMs: 60_000, intervalMs: 100 },
  );
}
