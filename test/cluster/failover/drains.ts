import type { Lab } from "../../../lab/lab.ts";
import { scenario, workerNode, workerNodes } from "../../../lab/scenario.ts";
import { awaitGateways, bgpPaths } from "../../../lab/sights/routes.ts";
import { mustSee } from "../../../lab/sights/sight.ts";
import { waitFor } from "../../../lab/wait.ts";
import { setPolicy } from "./planned.ts";
import { nginxPods, nginxRolledOut } from "./rollouts.ts";
import { nextHopsLeftAndCame, type Scenario } from "./scenario.ts";

const { serviceAddress } = scenario;
const everyGateway = workerNodes.map(({ address }) => address);
const prefix = `${serviceAddress}/32`;

export const annotatedNode: Scenario = {
  title: "drain: the annotation",
  promise: "nothing-new",
  async happen({ lab }) {
    const { name } = workerNode(1);
    await lab.kubectl.run("annotate", "node", name, "routelb.io/drain=true");
    await awaitPaths(lab, 2);
    await lab.kubectl.run("annotate", "node", name, "routelb.io/drain-");
    await awaitPaths(lab, 3);
    await awaitGateways(lab, serviceAddress, everyGateway);
    return `${name} annotated, withdrawn, and back`;
  },
  seenBy: (watched) => nextHopsLeftAndCame(watched, [workerNode(1)]),
};

/** As a cluster autoscaler does before it removes a machine: its taint, then every Pod is evicted. */
export const removedNode: Scenario = {
  title: "drain: the autoscaler's taint, then `kubectl drain`",
  promise: "nothing-new",
  async happen({ lab }) {
    const { name } = workerNode(2);
    await lab.kubectl.run("taint", "node", name, "ToBeDeletedByClusterAutoscaler=1:NoSchedule");
    await awaitPaths(lab, 2);
    await lab.kubectl.run("drain", name, "--ignore-daemonsets", "--timeout=25s");
    await nginxRolledOut(lab);
    const left = (await nginxPods(lab)).every(({ node }) => node !== name);
    mustSee(left, `a Pod of nginx is still on ${name}`);
    await lab.kubectl.run("uncordon", name);
    await lab.kubectl.run("taint", "node", name, "ToBeDeletedByClusterAutoscaler-");
    await awaitGateways(lab, serviceAddress, everyGateway);
    await spreadAgain(lab);
    return `${name} tainted, its Pod evicted, and back`;
  },
  seenBy: (watched) => nextHopsLeftAndCame(watched, [workerNode(2)]),
};

/**
 * An upgrade of the node's kubelet, say. Nobody tells the node's speaker of it, and a cordon means
 * nothing to it: it sees the one endpoint that the node has terminate.
 */
export const drainedEndpoint: Scenario = {
  title: "drain: `kubectl drain` evicts a node's last endpoint of a `Local` Service; another comes",
  promise: "nothing-new",
  prepare: ({ lab }) => setPolicy(lab, "Local"),
  async happen({ lab }) {
    const { name, address } = workerNode(1);
    const here = (await nginxPods(lab)).filter(({ node }) => node === name);
    mustSee(here.length === 1, `${name} has ${here.length} Pods of nginx`);
    await lab.kubectl.run("drain", name, "--ignore-daemonsets", "--timeout=25s");
    await nginxRolledOut(lab);
    const others = everyGateway.filter((gateway) => gateway !== address);
    await awaitGateways(lab, serviceAddress, others);
    await lab.kubectl.run("uncordon", name);
    await spreadAgain(lab);
    return `${name} drained, its Pod evicted, and a new one there`;
  },
  seenBy: (watched) => nextHopsLeftAndCame(watched, [workerNode(1)]),
  restore: ({ lab }) => setPolicy(lab, "Cluster"),
};

/** One Pod per node again, for what follows. */
async function spreadAgain(lab: Lab): Promise<void> {
  await lab.kubectl.run("rollout", "restart", "deployment/nginx");
  await nginxRolledOut(lab);
  await awaitGateways(lab, serviceAddress, everyGateway);
  await lab.secondHopFollows();
}

/** Resolves when the router has exactly so many paths. */
async function awaitPaths(lab: Lab, count: number): Promise<void> {
  await waitFor(async () => (await bgpPaths(lab, prefix)).length === count || undefined, {
    what: `${count} paths of ${prefix}`,
    timeoutMs: 60_000,
    intervalMs: 250,
  });
}
