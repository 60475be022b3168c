import { fileURLToPath } from "node:url";
import { at, type Json, listAt, numberAt, textAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { readKernelRoutes, routerLogged } from "../route-log.ts";
import { type ScenarioNode, scenario, workerNodes } from "../topology.ts";
import { waitFor } from "../wait.ts";
import { awaitGateways, gatewayChanged } from "./routes.ts";
import { formatSeconds, mustSee, type Show, type Sight } from "./sight.ts";
import { describeResults, formatFailures, unexcused } from "./traffic.ts";

const { serviceAddress } = scenario;
const holdTimeSeconds = 3;
/** The Hold Time counts from the last message before the cut; the rest is the router at work. */
const marginMs = 1_000;
const localManifest = fileURLToPath(new URL("../manifests/nginx-local.yaml", import.meta.url));
const allGateways = workerNodes.map(({ address }) => address);

/**
 * Sight 4, second way: the link is cut with no FIN, and only the Hold Time tells. A second Service,
 * `Local`, shows requests to the dead node alone: with `Cluster` other nodes send requests to its
 * Pods, too, until Kubernetes takes them out.
 */
export const linkCut: Sight = {
  title: `a node's link is cut with no FIN (hold-time: ${holdTimeSeconds}s) and comes back`,
  async see(lab, show) {
    const node = workerNodes[1] ?? workerNodes[0];
    if (node === undefined) throw new Error("no worker node");
    await setHoldTime(lab, show);
    const localAddress = await createLocalService(lab);
    const [cluster, local] = await Promise.all(
      [serviceAddress, localAddress].map((address) =>
        lab.probe({ url: `http://${address}/`, concurrency: 4, intervalMs: 20 }),
      ),
    );
    if (cluster === undefined || local === undefined) throw new Error("no probes");
    const cutMs = Date.now();
    await lab.topology.setSwitched(node.name, false);
    const options = { gateway: node.address, fromMs: cutMs };
    const left = await gatewayChanged(lab, serviceAddress, "left", options);
    const localLeft = await gatewayChanged(lab, localAddress, "left", options);
    const expired = await routerLogged(
      lab.topology.router,
      new RegExp(String.raw`sent to neighbor ${node.address} 4/0 \(Hold Timer Expired\)`),
      { fromMs: cutMs, timeoutMs: 5_000 },
    );
    const endpointsLeftMs = await endpointsLeft(lab, node);
    show(`kubectl get nodes, ${node.name} cut off`, await lab.kubectl.run("get", "nodes"));
    show("show ip bgp summary", await lab.topology.router.vtysh("show ip bgp summary"));
    const joinMs = Date.now();
    await lab.topology.setSwitched(node.name, true);
    const back = await gatewayChanged(lab, serviceAddress, "came", {
      gateway: node.address,
      fromMs: joinMs,
    });
    await awaitGateways(lab, serviceAddress, allGateways);
    await awaitGateways(lab, localAddress, allGateways);
    const settledMs = await secondHopSettled(lab, node, joinMs);
    const [clusterResults, localResults] = [await cluster.finish(), await local.finish()];

    const changes = await readKernelRoutes(lab.topology.router, serviceAddress, cutMs);
    const localChanges = await readKernelRoutes(lab.topology.router, localAddress, cutMs);
    const rejoin = { fromMs: joinMs, toMs: settledMs };
    const lostLocal = unexcused(
      localResults,
      [{ fromMs: cutMs, toMs: localLeft.atMs }, rejoin],
      localChanges.map((change) => change.atMs),
    );
    const lostCluster = unexcused(
      clusterResults,
      [{ fromMs: cutMs, toMs: Math.max(left.atMs, endpointsLeftMs) }, rejoin],
      changes.map((change) => change.atMs),
    );
    const latest = Math.max(left.atMs, localLeft.atMs) - cutMs;
    mustSee(
      latest <= holdTimeSeconds * 1000 + marginMs,
      `next hop ${node.address} left ${formatSeconds(latest)} after the cut`,
    );
    mustSee(
      lostLocal.length === 0,
      `Local: ${formatFailures(localResults)}; after the next hop left: ${describeResults(lostLocal, cutMs)}`,
    );
    mustSee(
      lostCluster.length === 0,
      `Cluster: ${formatFailures(clusterResults)}; after the endpoints left: ${describeResults(lostCluster, cutMs)}`,
    );
    await lab.kubectl.run("delete", "-f", localManifest);
    return (
      `${node.name}: Hold timer expired ${formatSeconds(expired.atMs - cutMs)} after the cut, ` +
      `next hop ${node.address} out of the kernel after ${formatSeconds(latest)}; ` +
      `no request that began later went there (Local: ${formatFailures(localResults)}); ` +
      `its endpoints left after ${formatSeconds(endpointsLeftMs - cutMs)} ` +
      `(Cluster: ${formatFailures(clusterResults)}); ` +
      `back ${formatSeconds(back.atMs - joinMs)} after the link`
    );
  },
};

/** Changes the ConfigMap as a user would, and waits until every session has the new Hold Time. */
async function setHoldTime(lab: Lab, show: Show): Promise<void> {
  const map = await lab.kubectl.json("-n", "routelb-system", "get", "configmap", "config");
  const text = textAt(map, "data", "config") ?? "";
  const config = text.replace(/^(- my-asn: .*)$/m, `$1\n  hold-time: ${holdTimeSeconds}s`);
  mustSee(config !== text, `the ConfigMap holds no peer: ${text}`);
  const patch = JSON.stringify({ data: { config } });
  const command = ["-n", "routelb-system", "patch", "configmap", "config", "--type=merge", "-p"];
  show(
    `kubectl -n routelb-system patch configmap config ... hold-time: ${holdTimeSeconds}s`,
    await lab.kubectl.run(...command, patch),
  );
  await waitFor(async () => ((await sessionsWithHoldTime(lab)) === 3 ? true : undefined), {
    what: `three sessions with a Hold Time of ${holdTimeSeconds} s`,
    timeoutMs: 30_000,
    intervalMs: 100,
  });
  await awaitGateways(lab, serviceAddress, allGateways);
}

async function sessionsWithHoldTime(lab: Lab): Promise<number> {
  const neighbors = await lab.topology.router.vtyshJson("show bgp neighbors json");
  return workerNodes.filter(
    ({ address }) =>
      textAt(neighbors, address, "bgpState") === "Established" &&
      numberAt(neighbors, address, "bgpTimerHoldTimeMsecs") === holdTimeSeconds * 1000,
  ).length;
}

/** Resolves with the address of the Service `nginx-local` when all nodes advertise it. */
async function createLocalService(lab: Lab): Promise<string> {
  await lab.kubectl.run("create", "-f", localManifest);
  const address = await waitFor(
    async () => {
      const service = await lab.kubectl.json("get", "svc", "nginx-local");
      return textAt(listAt(service, "status", "loadBalancer", "ingress")[0], "ip");
    },
    { what: "nginx-local has an address", timeoutMs: 15_000 },
  );
  await awaitGateways(lab, address, allGateways);
  return address;
}

/** When every endpoint on the node that came back is ready, and the second hop knows. */
async function secondHopSettled(lab: Lab, node: ScenarioNode, joinMs: number): Promise<number> {
  if (lab.kube.secondHopPeriodMs === 0) return joinMs;
  await waitFor(
    async () => {
      const here = await endpointsOn(lab, node);
      const areReady = here.every((endpoint) => at(endpoint, "conditions", "ready") === true);
      return here.length > 0 && areReady ? true : undefined;
    },
    { what: `ready endpoints on ${node.name}`, timeoutMs: 30_000 },
  );
  await lab.secondHopFollows();
  return Date.now();
}

async function endpointsOn(lab: Lab, node: ScenarioNode): Promise<readonly Json[]> {
  const slices = await lab.api.get("/apis/discovery.k8s.io/v1/endpointslices");
  return listAt(slices, "items")
    .flatMap((slice) => listAt(slice, "endpoints"))
    .filter((endpoint) => textAt(endpoint, "nodeName") === node.name);
}

/** When no endpoint on the node was ready any more, with the time that the second hop takes. */
async function endpointsLeft(lab: Lab, node: ScenarioNode): Promise<number> {
  const secondHopMs = 500;
  await waitFor(
    async () => {
      const here = await endpointsOn(lab, node);
      return here.some((endpoint) => at(endpoint, "conditions", "ready") === true)
        ? undefined
        : true;
    },
    { what: `no ready endpoint on ${node.name}`, timeoutMs: 30_000 },
  );
  return Date.now() + secondHopMs;
}
