import { numberAt, textAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { nodeAddress, workerNodes } from "../scenario.ts";
import { sessionFamily } from "../variant.ts";
import { allDone, waitFor } from "../wait.ts";
import { mustSee, type Show } from "./sight.ts";
import { awaitRoutes } from "./streams.ts";

/**
 * Gives every peer in the ConfigMap this Hold Time, as a user would, and waits until all sessions
 * have it and every route is complete again.
 */
export async function setHoldTime(lab: Lab, seconds: number, show: Show): Promise<void> {
  const map = await lab.kubectl.json("-n", "routelb-system", "get", "configmap", "config");
  const text = textAt(map, "data", "config") ?? "";
  const without = text.replace(/^ {2}hold-time: .*\n/gm, "");
  const config = without.replace(/^(- my-asn: .*)$/gm, `$1\n  hold-time: ${seconds}s`);
  mustSee(config !== without, `the ConfigMap holds no peer: ${text}`);
  const patch = JSON.stringify({ data: { config } });
  const command = ["-n", "routelb-system", "patch", "configmap", "config", "--type=merge", "-p"];
  show(
    `kubectl -n routelb-system patch configmap config ... hold-time: ${seconds}s`,
    await lab.kubectl.run(...command, patch),
  );
  const count = workerNodes.length * lab.topology.sites.length;
  await waitFor(async () => ((await sessionsWith(lab, seconds)) === count ? true : undefined), {
    what: `${count} sessions with a Hold Time of ${seconds} s`,
    timeoutMs: 30_000,
    intervalMs: 100,
  });
  await awaitRoutes(lab);
}

async function sessionsWith(lab: Lab, seconds: number): Promise<number> {
  const counts = await allDone(
    lab.topology.sites.map(async ({ router }) => {
      const neighbors = await router.vtyshJson("show bgp neighbors json");
      return workerNodes.filter((node) => {
        const peer = nodeAddress(node, sessionFamily(lab.variant));
        return (
          textAt(neighbors, peer, "bgpState") === "Established" &&
          numberAt(neighbors, peer, "bgpTimerHoldTimeMsecs") === seconds * 1000
        );
      }).length;
    }),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
