import { textAt } from "../../../lab/kube/json.ts";
import type { Lab } from "../../../lab/lab.ts";
import { scenario, workerNodes } from "../../../lab/scenario.ts";
import { awaitGateways, gatewayChanged } from "../../../lab/sights/routes.ts";
import { formatSeconds, mustSee } from "../../../lab/sights/sight.ts";
import { pause, waitFor } from "../../../lab/wait.ts";
import type { Cluster } from "../cluster.ts";
import { allFollow, followers, sumOfMetric } from "../faults.ts";
import { makeReachableService, removeService } from "../services.ts";
import { controllerRolledOut, nginxPods, nginxRolledOut, speakersRolledOut } from "./rollouts.ts";
import {
  nextHopsLeftAndCame,
  noNextHopChanged,
  type Scenario,
  sessionsRestarted,
} from "./scenario.ts";

const { serviceAddress } = scenario;
const everyGateway = workerNodes.map(({ address }) => address);
const services = "/api/v1/namespaces/default/services";
const nginxPath = "/apis/apps/v1/namespaces/default/deployments/nginx";
const configPath = "/api/v1/namespaces/routelb-system/configmaps/config";
const apiOutageMs = 120_000;

export async function setPolicy(lab: Lab, policy: "Cluster" | "Local"): Promise<void> {
  await lab.api.patch(`${services}/nginx`, { spec: { externalTrafficPolicy: policy } });
  await awaitGateways(lab, serviceAddress, everyGateway);
  await lab.secondHopFollows();
}

export const rollingUpdate: Scenario = {
  title: "rolling update of a `Local` Deployment",
  promise: "nothing-new",
  async prepare({ lab }) {
    // The old Pod goes first: with a surge a node has one of the two at any time.
    const rollingUpdate = { maxSurge: 0, maxUnavailable: 1 };
    const strategy = { type: "RollingUpdate", rollingUpdate };
    await lab.api.patch(nginxPath, { spec: { strategy } });
    await setPolicy(lab, "Local");
  },
  async happen({ lab }) {
    const before = (await nginxPods(lab)).map(({ name }) => name);
    await lab.kubectl.run("rollout", "restart", "deployment/nginx");
    await nginxRolledOut(lab);
    const after = await nginxPods(lab);
    mustSee(
      after.every(({ name }) => !before.includes(name)),
      "a Pod of before is left",
    );
    const nodes = new Set(after.map(({ node }) => node));
    const gateways = workerNodes.filter(({ name }) => nodes.has(name));
    await awaitGateways(
      lab,
      serviceAddress,
      gateways.map(({ address }) => address),
    );
    await lab.secondHopFollows();
    return "3 Pods replaced";
  },
  seenBy({ nextHops }) {
    mustSee(nextHops.length > 1, "the kernel's route never changed");
    mustSee(
      nextHops.every(({ gateways }) => gateways.length > 0),
      "the route was gone for a moment",
    );
  },
  restore: ({ lab }) => setPolicy(lab, "Cluster"),
};

export const speakerUpdate: Scenario = {
  title: "rolling update of the speakers",
  promise: "nothing-new",
  async happen({ lab }) {
    await lab.kubectl.run("-n", "routelb-system", "rollout", "restart", "daemonset/speaker");
    await speakersRolledOut(lab);
    await lab.awaitSessions(workerNodes.length);
    return "3 speakers replaced";
  },
  seenBy(watched) {
    sessionsRestarted(watched, workerNodes);
    noNextHopChanged(watched);
  },
};

/** The new controller shows itself by a Service that it gives an address. */
export const controllerRestart: Scenario = {
  title: "controller restart",
  promise: "nothing-new",
  async happen(cluster) {
    const { lab } = cluster;
    await lab.kubectl.run("-n", "routelb-system", "rollout", "restart", "deployment/controller");
    await controllerRolledOut(lab);
    const reached = await reachesRouter(cluster, "after-controller");
    return `a Service made then reached the kernel ${reached}`;
  },
  seenBy: noNextHopChanged,
};

/**
 * The control plane's machine is away, as a whole: controllers that hold a Lease end when they
 * cannot renew it, and begin anew.
 */
export const apiOutage: Scenario = {
  title: `API server away for ${apiOutageMs / 1000} s`,
  promise: "nothing-new",
  async happen(cluster) {
    const { controlPlane } = cluster.kube;
    const those = await followers(cluster);
    await controlPlane.stopControllers();
    await controlPlane.stopApiServer();
    const ends = pause(apiOutageMs);
    for (const { name, metrics } of those) {
      await waitFor(async () => (await notFollowing(metrics)) || undefined, {
        what: `${name} says that it does not follow`,
        timeoutMs: 60_000,
        intervalMs: 1_000,
      });
    }
    await ends;
    await controlPlane.startApiServer();
    await controlPlane.startControllers();
    await allFollow(await followers(cluster));
    const reached = await reachesRouter(cluster, "after-outage");
    return `all said that they do not follow; a Service made then reached the kernel ${reached}`;
  },
  seenBy: noNextHopChanged,
};

async function notFollowing(metrics: () => Promise<string>): Promise<boolean> {
  const lines = (await metrics()).split("\n");
  return lines.some((line) => /^routelb_k8s_client_following\{.* 0$/.test(line));
}

export const nodesOneByOne: Scenario = {
  title: "all nodes restarted, one by one",
  promise: "nothing-new",
  async happen({ lab }) {
    for (const { name, address } of workerNodes) {
      const { termMs } = await lab.halt(name);
      const gateway = { gateway: address, fromMs: termMs };
      await gatewayChanged(lab, serviceAddress, "left", gateway);
      await lab.boot(name);
      await awaitGateways(lab, serviceAddress, everyGateway);
      await nginxRolledOut(lab);
      await speakersRolledOut(lab);
      await lab.secondHopFollows();
    }
    return "SIGTERM to every process, link down, link up, three times";
  },
  seenBy(watched) {
    sessionsRestarted(watched, workerNodes);
    nextHopsLeftAndCame(watched, workerNodes);
  },
};

export const brokenConfig: Scenario = {
  title: "broken ConfigMap, then everything restarts",
  promise: "nothing-new",
  async happen(cluster) {
    const { lab, kube } = cluster;
    const good = textAt(await lab.api.get(configPath), "data", "config") ?? "";
    await lab.api.patch(configPath, { data: { config: good.replace(/my-asn: .*/, "my-asn: 0") } });
    await everybodyStale(cluster);
    await kube.controlPlane.stopApiServer();
    await kube.controlPlane.startApiServer();
    await allFollow(await followers(cluster));
    const pods = ["-n", "routelb-system", "delete", "pods", "--all", "--wait=false"];
    await lab.kubectl.run(...pods);
    await controllerRolledOut(lab);
    await speakersRolledOut(lab);
    await lab.awaitSessions(workerNodes.length);
    await everybodyStale(cluster);
    await lab.api.patch(configPath, { data: { config: good } });
    const reached = await reachesRouter(cluster, "after-mending");
    return `API server, controller and all speakers at once; mended, a Service reached the kernel ${reached}`;
  },
  seenBy(watched) {
    sessionsRestarted(watched, workerNodes);
    noNextHopChanged(watched);
  },
};

/** Resolves when controller and speakers say that they run on an older configuration. */
async function everybodyStale(cluster: Cluster): Promise<void> {
  await waitFor(
    async () => {
      const those = await followers(cluster);
      const texts = await Promise.all(those.map(({ metrics }) => metrics()));
      const stale = texts.map((text) => sumOfMetric(text, "routelb_k8s_client_config_stale_bool"));
      return stale.every((value) => value === 1) || undefined;
    },
    { what: "all say that their configuration is stale", timeoutMs: 60_000, intervalMs: 500 },
  );
}

/** Makes a Service, awaits its route in the monitor, and deletes it: `after 0.50 s`. */
async function reachesRouter(cluster: Cluster, name: string): Promise<string> {
  const { tookMs } = await makeReachableService(cluster, name);
  await removeService(cluster, name);
  return `after ${formatSeconds(tookMs)}`;
}
