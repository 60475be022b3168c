import { at, type Json, listAt, textAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { readKernelRoutes, routerLogged } from "../route-log.ts";
import { nodeAddress, type ScenarioNode, workerNodes } from "../scenario.ts";
import { manifestFile } from "../service-manifest.ts";
import { sessionFamily } from "../variant.ts";
import type { View } from "../view.ts";
import { allDone, waitFor } from "../wait.ts";
import { setHoldTime } from "./hold-time.ts";
import { gatewayChanged } from "./routes.ts";
import { formatSeconds, mustSee, type Show, type Sight } from "./sight.ts";
import { awaitRoutes, type Stream, startStreams } from "./streams.ts";
import { describeResults, formatFailures, unexcused } from "./traffic.ts";

const holdTimeSeconds = 3;
/** The time counts from the last message before the cut; the rest is the router at work. */
const marginMs = 1_000;
/** RetransTimer (RFC 4861 §10): between two tries of a node to find a neighbour. */
const neighbourRetryMs = 1_000;

/** What tells the router that a node is gone, and within what time. */
interface Detection {
  readonly name: string;
  /** In the router's log, after the peer's address. */
  readonly notification: string;
  readonly limitMs: number;
}

/** `externalTrafficPolicy` of the Service that is asked. */
type Policy = "Cluster" | "Local";

/** When things happened, in milliseconds since the epoch. */
interface Times {
  readonly cutMs: number;
  readonly endpointsLeftMs: number;
  readonly joinMs: number;
  /** The second hop of the node that came back is complete. */
  readonly settledMs: number;
}

/**
 * Sight 4, second way: the link is cut with no FIN, and only the Hold Time tells, or BFD. A second
 * Service, `Local`, shows requests to the dead node alone: with `Cluster` other nodes send requests
 * to its Pods, too, until Kubernetes takes them out.
 */
export const linkCut: Sight = {
  title: `a node's link is cut with no FIN (hold-time: ${holdTimeSeconds}s, or BFD) and comes back`,
  async see(lab, show) {
    const node = workerNodes[1] ?? workerNodes[0];
    if (node === undefined) throw new Error("no worker node");
    const detection = await prepareDetection(lab, show);
    const localViews = await createLocalService(lab);
    const [cluster, local] = await allDone([startStreams(lab), startStreams(lab, localViews)]);
    const { cutMs, detectedMs, endpointsLeftMs } = await cut(lab, node, detection, show);
    const joinMs = Date.now();
    await lab.topology.setSwitched(node.name, true);
    await awaitRoutes(lab, [...lab.views, ...localViews]);
    const settledMs = await secondHopSettled(lab, node, joinMs);
    const times = { cutMs, endpointsLeftMs, joinMs, settledMs };
    const see = (stream: Stream, policy: Policy): Promise<string> =>
      seeStream(lab, stream, policy, node, { ...times, ...detection });
    const seen = await allDone([
      ...cluster.map((stream) => see(stream, "Cluster")),
      ...local.map((stream) => see(stream, "Local")),
    ]);
    await lab.kubectl.run("delete", "service", "nginx-local");
    return (
      `${node.name}: ${detection.name} ${formatSeconds(detectedMs - cutMs)} after the cut, its ` +
      `endpoints left after ${formatSeconds(endpointsLeftMs - cutMs)}; no request that began after ` +
      `its next hop left went there: ${seen.join("; ")}`
    );
  },
};

/** Cuts the node off, and leaves it so unless what must follow is not seen. */
async function cut(lab: Lab, node: ScenarioNode, detection: Detection, show: Show) {
  const cutMs = Date.now();
  await lab.topology.setSwitched(node.name, false);
  try {
    const detectedMs = await detected(lab, node, detection, cutMs);
    const endpointsLeftMs = await endpointsLeft(lab, node);
    show(`kubectl get nodes, ${node.name} cut off`, await lab.kubectl.run("get", "nodes"));
    show("show bgp summary", await lab.topology.router.vtysh("show bgp summary"));
    return { cutMs, detectedMs, endpointsLeftMs };
  } catch (error) {
    await lab.topology.setSwitched(node.name, true);
    throw error;
  }
}

/** Without BFD, gives the sessions a short Hold Time. */
async function prepareDetection(lab: Lab, show: Show): Promise<Detection> {
  const { bfd } = lab.variant;
  if (bfd !== undefined) {
    return {
      name: "BFD said Down",
      notification: String.raw`6/10 \(Cease/BFD Down\)`,
      limitMs: bfd.intervalMs * bfd.multiplier,
    };
  }
  await setHoldTime(lab, holdTimeSeconds, show);
  return {
    name: "Hold timer expired",
    notification: String.raw`4/0 \(Hold Timer Expired\)`,
    limitMs: holdTimeSeconds * 1000,
  };
}

/** When the last of the routers knew; milliseconds since the epoch. */
async function detected(
  lab: Lab,
  node: ScenarioNode,
  { notification }: Detection,
  fromMs: number,
): Promise<number> {
  const peer = nodeAddress(node, sessionFamily(lab.variant));
  const pattern = new RegExp(`sent to neighbor ${peer} ${notification}`);
  const entries = await allDone(
    lab.topology.sites.map(({ router }) =>
      routerLogged(router, pattern, { fromMs, timeoutMs: 20_000 }),
    ),
  );
  return Math.max(...entries.map(({ atMs }) => atMs));
}

/** What became of the stream's route and requests. */
async function seeStream(
  lab: Lab,
  { view, probe }: Stream,
  policy: Policy,
  node: ScenarioNode,
  { cutMs, endpointsLeftMs, joinMs, settledMs, limitMs }: Times & Detection,
): Promise<string> {
  const { label, address, family, router } = view;
  const gateway = nodeAddress(node, family);
  const results = await probe.finish();
  const left = await gatewayChanged(lab, address, "left", { gateway, fromMs: cutMs }, router);
  const back = await gatewayChanged(lab, address, "came", { gateway, fromMs: joinMs }, router);
  const changes = await readKernelRoutes(router, address, cutMs);
  // The session that is back proves that neighbours of its own family are found; one of the other
  // family, asked for in vain while the link was cut, is found at the next try.
  const foundMs = back.atMs + (family === sessionFamily(lab.variant) ? 0 : neighbourRetryMs);
  const toMs = policy === "Local" ? left.atMs : Math.max(left.atMs, endpointsLeftMs);
  const lost = unexcused(
    results,
    [
      { fromMs: cutMs, toMs },
      { fromMs: joinMs, toMs: Math.max(settledMs, foundMs) },
    ],
    changes.map((change) => change.atMs),
  );
  const title = `${label} ${policy}`.trim();
  const took = formatSeconds(left.atMs - cutMs);
  mustSee(
    left.atMs - cutMs <= limitMs + marginMs,
    `${title}: ${gateway} left ${took} after the cut`,
  );
  mustSee(
    lost.length === 0,
    `${title}: ${formatFailures(results)}; unexcused: ${describeResults(lost, cutMs)}`,
  );
  return (
    `${title}: ${gateway} out of the kernel after ${took}, back ` +
    `${formatSeconds(back.atMs - joinMs)} after the link, ${formatFailures(results)}`
  );
}

/** Resolves with the views of the Service `nginx-local` when all nodes advertise it. */
async function createLocalService(lab: Lab): Promise<readonly View[]> {
  await lab.kubectl.run("create", "-f", await manifestFile(lab, "nginx-local"));
  const addresses = await waitFor(
    async () => {
      const service = await lab.kubectl.json("get", "svc", "nginx-local");
      const ingress = listAt(service, "status", "loadBalancer", "ingress");
      const ips = ingress.flatMap((entry) => textAt(entry, "ip") ?? []);
      return ips.length === lab.variant.families.length ? ips : undefined;
    },
    { what: "nginx-local has an address of each family", timeoutMs: 15_000 },
  );
  const views = lab.views.map((view) => {
    const isOfFamily = (ip: string): boolean => ip.includes(":") === (view.family === "ipv6");
    return { ...view, address: addresses.find(isOfFamily) ?? "" };
  });
  await awaitRoutes(lab, views);
  return views;
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
