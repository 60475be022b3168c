import { listAt, textAt } from "../../lab/kube/json.ts";
import type { Lab } from "../../lab/lab.ts";
import { readKernelRoutes } from "../../lab/route-log.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import { mustSee, type Sight } from "../../lab/sights/sight.ts";
import { describeResults, formatFailures, unexcused } from "../../lab/sights/traffic.ts";
import { scenario, workerNodes } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";

const { serviceAddress } = scenario;

/** `externalTrafficPolicy: Local` while every Pod of the Deployment is replaced. */
export const rollingUpdate: Sight = {
  title: "externalTrafficPolicy: Local under a rolling update: the routes follow the Pods",
  async see(lab) {
    await setPolicy(lab, "Local");
    await awaitGateways(lab, serviceAddress, await podGateways(lab));
    await lab.secondHopFollows();
    const before = await podNames(lab);
    const probe = await lab.probe({
      url: `http://${serviceAddress}/`,
      concurrency: 4,
      intervalMs: 20,
    });
    const startMs = Date.now();
    await lab.kubectl.run("rollout", "restart", "deployment/nginx");
    await lab.kubectl.run("rollout", "status", "deployment/nginx", "--timeout=90s");
    await waitFor(
      async () => {
        const now = await podNames(lab);
        return now.length === 3 && now.every((name) => !before.includes(name)) ? true : undefined;
      },
      { what: "all Pods are new", timeoutMs: 30_000, intervalMs: 200 },
    );
    const gateways = await podGateways(lab);
    await awaitGateways(lab, serviceAddress, gateways);
    await lab.secondHopFollows();
    const results = await probe.finish();
    const changes = await readKernelRoutes(lab.topology.router, serviceAddress, startMs);
    const lost = unexcused(
      results,
      [],
      changes.map(({ atMs }) => atMs),
    );
    mustSee(
      lost.length === 0,
      `${formatFailures(results)}; unexcused: ${describeResults(lost, startMs)}`,
    );
    mustSee(
      changes.every((change) => change.gateways.length > 0),
      "the route was gone for a moment",
    );
    await setPolicy(lab, "Cluster");
    await awaitGateways(
      lab,
      serviceAddress,
      workerNodes.map(({ address }) => address),
    );
    return (
      `3 Pods replaced; the route changed ${changes.length} times and never went; next hops at ` +
      `the end ${gateways.join(", ")}; ${formatFailures(results)}`
    );
  },
};

async function setPolicy(lab: Lab, externalTrafficPolicy: "Cluster" | "Local"): Promise<void> {
  await lab.api.patch("/api/v1/namespaces/default/services/nginx", {
    spec: { externalTrafficPolicy },
  });
}

async function pods(lab: Lab) {
  const list = await lab.api.get("/api/v1/namespaces/default/pods?labelSelector=app%3Dnginx");
  return listAt(list, "items");
}

async function podNames(lab: Lab): Promise<readonly string[]> {
  return (await pods(lab)).map((pod) => textAt(pod, "metadata", "name") ?? "");
}

/** The nodes with a Pod of the Deployment, which are the next hops under `Local`. */
async function podGateways(lab: Lab): Promise<readonly string[]> {
  const nodes = new Set((await pods(lab)).map((pod) => textAt(pod, "spec", "nodeName")));
  return workerNodes.filter(({ name }) => nodes.has(name)).map(({ address }) => address);
}
