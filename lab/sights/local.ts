import { attempt } from "../command.ts";
import { listAt, textAt } from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { inNamespace } from "../namespaces.ts";
import { answered, countBy } from "../probe.ts";
import { readKernelRoutes } from "../route-log.ts";
import { nodeAddress, workerNodes } from "../scenario.ts";
import { eachView, urlOf, type View } from "../view.ts";
import { allDone, waitFor } from "../wait.ts";
import { gatewayChanged, kernelGateways } from "./routes.ts";
import { formatCounts, formatSeconds, mustSee, type Show, type Sight } from "./sight.ts";
import { awaitRoutes, startStreams } from "./streams.ts";
import { describeResults, formatFailures, unexcused } from "./traffic.ts";

/** Sight 5: `externalTrafficPolicy: Local`. */
export const localPolicy: Sight = {
  title: "externalTrafficPolicy: Local: the client's own address; scaling down withdraws in time",
  async see(lab, show) {
    try {
      await setPolicy(lab, "Local");
      return await seeLocal(lab, show);
    } finally {
      await lab.kubectl.run("scale", "deployment", "nginx", "--replicas=3");
      await awaitRoutes(lab);
      await setPolicy(lab, "Cluster");
    }
  },
};

async function seeLocal(lab: Lab, show: Show): Promise<string> {
  await awaitRoutes(lab);
  const answers = await eachView(lab.views, (view) => seeClientAddress(lab, view));
  show("clients that the Pods saw", answers);
  return `${answers}; ${await seeScaledDown(lab, show)}`;
}

/** All nodes have a Pod, and every Pod sees the client's own address. */
async function seeClientAddress(lab: Lab, view: View): Promise<string> {
  const { client, clientAddress } = view;
  const probe = await lab.probe({ url: urlOf(view.address), client, concurrency: 4, count: 200 });
  const results = await probe.results();
  const clients = countBy(answered(results), (result) => result.client);
  const pods = countBy(answered(results), (result) => result.pod);
  mustSee(answered(results).length === 200, formatFailures(results));
  mustSee(
    clients.size === 1 && clients.has(clientAddress),
    `Pods saw as client: ${formatCounts(clients)}`,
  );
  mustSee(pods.size === 3, `answers from ${formatCounts(pods)}`);
  return `200 of 200 answers name the client ${clientAddress}`;
}

/** With one Pod fewer, its node's route leaves while the Pod still serves. */
async function seeScaledDown(lab: Lab, show: Show): Promise<string> {
  const before = await nginxPods(lab);
  const streams = await startStreams(lab);
  const scaleMs = Date.now();
  const scaled = await lab.kubectl.run("scale", "deployment", "nginx", "--replicas=2");
  show("kubectl scale deployment nginx --replicas=2", scaled);
  const gone = await waitFor(async () => (await nginxPods(lab)).find((pod) => pod.isEnding), {
    what: "a Pod ends",
    timeoutMs: 10_000,
  });
  const pod = before.find(({ name }) => name === gone.name) ?? gone;
  const node = workerNodes.find(({ name }) => name === pod.node);
  mustSee(node !== undefined, `Pod ${pod.name} runs on ${pod.node}`);
  const withdrawn = await allDone(
    lab.views.map(({ address, family, router }) => {
      const gateway = nodeAddress(node, family);
      return gatewayChanged(lab, address, "left", { gateway, fromMs: scaleMs }, router);
    }),
  );
  const stillServes = await podAnswers(lab, node.name, pod.address);
  const hops = await allDone(
    lab.views.map(({ address, router }) => kernelGateways(lab, address, router)),
  );
  show("show ip bgp", await lab.topology.router.vtysh("show ip bgp"));
  const endMs = await waitFor(
    async () => ((await podAnswers(lab, node.name, pod.address)) ? undefined : Date.now()),
    { what: `end of Pod ${pod.name}`, timeoutMs: 30_000 },
  );
  const results = await allDone(streams.map(({ probe }) => probe.finish()));
  mustSee(stillServes, `the Pod ${pod.name} had stopped serving when its node's route was gone`);
  const seen = await eachView(lab.views, async (view) => {
    const index = lab.views.indexOf(view);
    const [own = [], hopsLeft, left] = [results[index], hops[index], withdrawn[index]];
    const changes = await readKernelRoutes(view.router, view.address, scaleMs);
    const changesMs = changes.map((change) => change.atMs);
    const lost = unexcused(own, [], changesMs);
    mustSee(hopsLeft?.length === 2, `kernel next hops: ${hopsLeft?.join(", ") ?? "not one route"}`);
    mustSee(
      lost.length === 0,
      `${formatFailures(own)}; unexcused: ${describeResults(lost, scaleMs)}`,
    );
    return (
      `${node.name}'s route left the kernel after ` +
      `${formatSeconds((left?.atMs ?? Number.NaN) - scaleMs)}, ` +
      `next hops then ${hopsLeft.join(", ")}; ${formatFailures(own)}`
    );
  });
  return `scaled to 2: the Pod on ${node.name} served on until ${formatSeconds(endMs - scaleMs)}; ${seen}`;
}

/** Resolves when the second hop of every node follows, which is not the speakers' part. */
async function setPolicy(lab: Lab, policy: "Cluster" | "Local"): Promise<void> {
  const patch = JSON.stringify({ spec: { externalTrafficPolicy: policy } });
  await lab.kubectl.run("patch", "svc", "nginx", "-p", patch);
  await allDone(
    lab.views.map(({ address, client, clientAddress }) =>
      waitFor(
        async () => {
          const url = urlOf(address);
          const probe = await lab.probe({ url, client, concurrency: 4, count: 60 });
          const clients = countBy(await probe.results(), (result) => result.client);
          const isFollowed =
            policy === "Local"
              ? [...clients.keys()].join() === clientAddress
              : !clients.has(clientAddress);
          return isFollowed && !clients.has("") ? true : undefined;
        },
        { what: `every node's second hop does ${policy}`, timeoutMs: 20_000, intervalMs: 200 },
      ),
    ),
  );
}

interface NginxPod {
  readonly name: string;
  readonly node: string;
  readonly address: string;
  readonly isEnding: boolean;
}

async function nginxPods(lab: Lab): Promise<readonly NginxPod[]> {
  const pods = await lab.api.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dnginx");
  return listAt(pods, "items").map((pod) => ({
    name: textAt(pod, "metadata", "name") ?? "",
    node: textAt(pod, "spec", "nodeName") ?? "",
    address: textAt(pod, "status", "podIP") ?? "",
    isEnding: textAt(pod, "metadata", "deletionTimestamp") !== undefined,
  }));
}

/** Whether the Pod answers its node, past any Service. */
export async function podAnswers(lab: Lab, node: string, address: string): Promise<boolean> {
  const [enter = "", ...rest] = inNamespace(lab.topology.node(node));
  const curl = ["curl", "-sS", "-m", "1", "-o", "/dev/null", `http://${address}/`];
  return (await attempt(enter, [...rest, ...curl])).ok;
}
