import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { auditedRequests } from "../../lab/cluster/audit.ts";
import { builtFolder } from "../../lab/cluster/build.ts";
import { listAt, textAt } from "../../lab/kube/json.ts";
import { LabProcess } from "../../lab/processes.ts";
import { scenario } from "../../lab/scenario.ts";
import { manifestPath } from "../../lab/service-manifest.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import { formatFailures } from "../../lab/sights/traffic.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import { Cluster } from "./cluster.ts";
import { Guide } from "./guide.ts";
import { excludeControlPlane, routerOfEveryNode, workers } from "./migration.ts";
import { makeService } from "./services.ts";

const services = "/api/v1/namespaces/default/services";
const everyNode = scenario.nodes.map(({ address }) => address).join();
/** Whose a write of a status is, by account: the stand-in for K3s acts as the administrator. */
const serviceLbAccount = "admin";
const ourAccount = "system:serviceaccount:routelb-system:controller";
/** The class-less Service of the scenario, and the one of our class in front of the same Pods. */
const [theirs, ours] = ["nginx", "ours"] as const;
let started: { readonly cluster: Cluster; readonly serviceLb: LabProcess } | undefined;

function setting() {
  assert.ok(started, "the cluster did not start");
  return started;
}

async function startServiceLb({ lab, kube }: Cluster, ...flags: readonly string[]) {
  const program = join(await builtFolder("servicelb"), "servicelb");
  const [first] = scenario.nodes;
  assert.ok(first);
  return LabProcess.start({
    name: "servicelb",
    namespace: lab.topology.node(first.name),
    command: [program, "--kubeconfig", kube.controlPlane.kubeconfig("admin"), ...flags],
    logFile: lab.instance.path("cluster", "servicelb.log"),
  });
}

before(async () => {
  const cluster = await Cluster.start({ id: "servicelb", router: routerOfEveryNode });
  const { kubectl } = cluster.lab;
  await excludeControlPlane(cluster);
  // The cluster of somebody who has not installed RouteLB yet, but for its namespace and ConfigMap.
  await kubectl.run("-n", "routelb-system", "delete", "deployment,daemonset", "--all");
  started = { cluster, serviceLb: await startServiceLb(cluster) };
  await kubectl.run("create", "-f", manifestPath("nginx"));
});

after(async () => {
  await started?.serviceLb.stop();
  await started?.cluster[Symbol.asyncDispose]();
});

async function ingressOf(name: string): Promise<string> {
  const service = await setting().cluster.lab.api.get(`${services}/${name}`);
  const ingress = listAt(service, "status", "loadBalancer", "ingress");
  return ingress.map((one) => textAt(one, "ip") ?? "").join();
}

async function awaitIngress(name: string, wanted: (ingress: string) => boolean): Promise<string> {
  const found = async () => {
    const ingress = await ingressOf(name);
    return wanted(ingress) ? ingress : undefined;
  };
  return waitFor(found, { what: `the addresses of ${name}`, timeoutMs: 60_000, intervalMs: 100 });
}

const isOfPool = (ingress: string): boolean =>
  /^172\.16\.7\.\d+$/.test(ingress) && !everyNode.includes(ingress);

/** How often each account wrote the status of a Service up to now. */
async function statusWrites(name: string): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = { [serviceLbAccount]: 0, [ourAccount]: 0 };
  for await (const request of auditedRequests(setting().cluster.kube.auditLog)) {
    if (request.target !== "services/status" || request.name !== name) continue;
    counts[request.user] = (counts[request.user] ?? 0) + 1;
  }
  return counts;
}

async function daemonSets(): Promise<readonly string[]> {
  const list = await setting().cluster.lab.api.get(
    "/apis/apps/v1/namespaces/kube-system/daemonsets",
  );
  return listAt(list, "items").map((one) => textAt(one, "metadata", "name") ?? "");
}

test("beside ServiceLB, by class: each has its Services, and neither writes while nothing changes", async () => {
  const { cluster } = setting();
  await awaitIngress(theirs, (ingress) => ingress === everyNode);
  const guide = await Guide.open("docs/migrate.md", "## From K3s ServiceLB", cluster);
  await guide.follow("### Side by side, by class");
  const { address } = await makeService(cluster, ours, { loadBalancerClass: "routelb.io/bgp" });
  assert.ok(isOfPool(address), address);
  await awaitGateways(cluster.lab, address, workers);
  assert.deepEqual(
    (await daemonSets()).map((name) => name.slice(0, -8)),
    ["svclb-nginx-"],
  );
  const writes = () => Promise.all([theirs, ours].map(statusWrites));
  const [ofTheirs] = await waitFor(
    async () => {
      const before = await writes();
      await pause(5_000);
      return isDeepStrictEqual(await writes(), before) ? before : undefined;
    },
    { what: "five seconds in which nobody writes a status", timeoutMs: 120_000 },
  );
  assert.equal(ofTheirs?.[ourAccount], 0, "a Service of ServiceLB was touched");
  assert.equal(await ingressOf(theirs), everyNode);
});

test("ServiceLB takes our address out when endpoints change, and finds it there again each time", async (context) => {
  const { cluster } = setting();
  await cluster.look(context, async () => {
    const address = await ingressOf(ours);
    const before = await statusWrites(ours);
    const probe = await cluster.lab.probe({
      url: `http://${address}/`,
      concurrency: 1,
      intervalMs: 20,
    });
    let [emptied, restored] = [0, 0];
    // Three within a minute are a quarrel; how many a rollout makes is a matter of its speed.
    while (emptied < 3) {
      await cluster.lab.kubectl.run("rollout", "restart", "deployment/nginx");
      await cluster.lab.kubectl.run("rollout", "status", "deployment/nginx", "--timeout=120s");
      await pause(2_000);
      await awaitIngress(ours, (ingress) => ingress === address);
      await awaitGateways(cluster.lab, address, workers);
      const after = await statusWrites(ours);
      [emptied = 0, restored = 0] = [serviceLbAccount, ourAccount].map(
        (account) => (after[account] ?? 0) - (before[account] ?? 0),
      );
    }
    const results = await probe.finish();
    assert.equal(await ingressOf(theirs), everyNode);
    return `taken out ${emptied} times, written again ${restored} times; ${formatFailures(results)}`;
  });
});

test("ServiceLB switched off: its Services get addresses of the pool, and can be deleted", async () => {
  const { cluster, serviceLb } = setting();
  const { api } = cluster.lab;
  const address = await ingressOf(ours);
  await serviceLb.stop();
  const disabling = await startServiceLb(cluster, "--disable");
  await disabling.exited;
  assert.equal(disabling.exit?.code, 0);
  assert.deepEqual(await daemonSets(), []);
  assert.equal(await ingressOf(theirs), everyNode, "what ServiceLB wrote is left over");
  const guide = await Guide.open("docs/migrate.md", "## From K3s ServiceLB", cluster);
  await guide.follow("### ServiceLB switched off");
  const given = await awaitIngress(theirs, isOfPool);
  assert.notEqual(given, address);
  await awaitGateways(cluster.lab, given, workers);
  assert.equal(await ingressOf(ours), address);
  await awaitGateways(cluster.lab, address, workers);
  await cluster.lab.kubectl.run("delete", "service", theirs, "--timeout=20s");
  const left = listAt(await api.get(services), "items").map((one) =>
    textAt(one, "metadata", "name"),
  );
  assert.ok(!left.includes(theirs));
});
