import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { numberAt, parseJson, textAt } from "../../lab/kube/json.ts";
import { runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { scenario, workerNode, workerNodes } from "../../lab/scenario.ts";
import { podAnswers } from "../../lab/sights/local.ts";
import { awaitGateways, kernelGateways } from "../../lab/sights/routes.ts";
import { serviceHasAddress } from "../../lab/sights/service.ts";
import { formatSeconds } from "../../lab/sights/sight.ts";
import { pause, waitFor } from "../../lab/wait.ts";
import { judgeProxyAnswer, judgeServiceAnswer } from "../../src/speaker/dataplane.ts";
import { Cluster } from "./cluster.ts";
import { endpointKinds } from "./endpoint-kinds.ts";
import { speakersRolledOut } from "./failover/rollouts.ts";
import { sumOfMetric } from "./faults.ts";
import { endPod, makePod } from "./pods.ts";
import { makeService, patchService, removeService } from "./services.ts";
import { weightedRoutes } from "./weights.ts";

const { serviceAddress } = scenario;
const everyGateway = workerNodes.map(({ address }) => address);
const first = workerNode(1);
const otherGateways = everyGateway.filter((address) => address !== first.address);
/** Three bad answers, 2 s apart, and as much again. */
const fallMs = 12_000;

let cluster: Cluster;

before(async () => {
  // A kube-proxy that cannot write its rules says so after 4 s, not 60.
  cluster = await Cluster.start({ id: "plane", syncPeriodSeconds: 2 });
  await serviceHasAddress.see(cluster.lab, () => undefined);
  await awaitGateways(cluster.lab, serviceAddress, everyGateway);
});

after(() => cluster?.[Symbol.asyncDispose]());

async function setCheck(mode: "warn" | "enforce"): Promise<void> {
  const variable = `ROUTELB_DATAPLANE_CHECK=${mode}`;
  await cluster.lab.kubectl.run(
    "-n",
    "routelb-system",
    "set",
    "env",
    "daemonset/speaker",
    variable,
  );
  await speakersRolledOut(cluster.lab);
  await cluster.lab.awaitSessions(workerNodes.length);
}

async function metric(name: string): Promise<number> {
  const url = `http://${first.address}:7472/metrics`;
  return sumOfMetric(await onFirst("curl", "-sS", "-m", "5", url), name);
}

function onFirst(command: string, ...args: readonly string[]): Promise<string> {
  return runIn(cluster.lab.topology.node(first.name), command, args);
}

async function awaitMetric(name: string, value: number): Promise<void> {
  await waitFor(async () => (await metric(name)) === value || undefined, {
    what: `${name} is ${value} on ${first.name}`,
    timeoutMs: 60_000,
    intervalMs: 250,
  });
}

/** What is asked, as kube-proxy on the first worker node answers it now. */
async function answerOf(port: number, path = "/"): Promise<{ status: number; body: string }> {
  const url = `http://${first.address}:${port}${path}`;
  const text = await onFirst("curl", "-sS", "-m", "5", "-w", "\n%{http_code}", url);
  const end = text.lastIndexOf("\n");
  return { status: Number(text.slice(end + 1)), body: text.slice(0, end) };
}

/** Another program owns kube-proxy's table: whatever kube-proxy writes is refused, until it ends. */
async function seizeTable(): Promise<LabProcess> {
  const seize = [
    'echo "delete table ip kube-proxy"',
    'echo "add table ip kube-proxy { flags owner; }"',
    "cat",
  ].join("; ");
  const owner = await LabProcess.start({
    name: "owner of kube-proxy's table",
    namespace: cluster.lab.topology.node(first.name),
    command: ["sh", "-c", `{ ${seize}; } | nft -i`],
    logFile: cluster.lab.instance.path("owner.log"),
    stdin: "pipe",
  });
  await waitFor(
    async () => {
      const table = await onFirst("nft", "list", "table", "ip", "kube-proxy");
      return table.includes("flags owner") || undefined;
    },
    { what: "the table has another owner", timeoutMs: 10_000 },
  );
  return owner;
}

endpointKinds(() => cluster);
weightedRoutes(() => cluster);

suite("a kube-proxy that cannot write its rules", () => {
  test("warn: it is told, and nothing is withdrawn", (context) =>
    cluster.look(context, async () => {
      assert.equal(judgeProxyAnswer(await answerOf(10_256, "/livez")), "good");
      await awaitMetric("routelb_speaker_dataplane_unhealthy_bool", 0);
      const owner = await seizeTable();
      await makeService(cluster, "unwritten");
      await awaitMetric("routelb_speaker_dataplane_unhealthy_bool", 1);
      const answer = await answerOf(10_256, "/livez");
      assert.equal(judgeProxyAnswer(answer), "bad", answer.body);
      await pause(2_000);
      const gateways = await kernelGateways(cluster.lab, serviceAddress);
      owner.endInput();
      await awaitMetric("routelb_speaker_dataplane_unhealthy_bool", 0);
      await removeService(cluster, "unwritten");
      assert.deepEqual(gateways?.toSorted(), everyGateway);
      return `kube-proxy says ${answer.status}: ${answer.body.slice(0, 120)}`;
    }));

  test("warn: what comes is announced after 5 s to a kube-proxy that has not heard of it", (context) =>
    cluster.look(context, async () => {
      const { lab } = cluster;
      const { address } = await makeLocalService("late", { app: "nobody" });
      await lab.secondHopFollows();
      const hear = await deafenKubeProxy();
      let waitedMs = 0;
      try {
        await patchService(cluster, "late", { selector: { app: "nginx" } });
        await awaitGateways(lab, address, otherGateways);
        const othersMs = performance.now();
        await awaitGateways(lab, address, everyGateway);
        waitedMs = performance.now() - othersMs;
      } finally {
        await hear();
      }
      await removeService(cluster, "late");
      assert.ok(waitedMs > 3_000, `after ${waitedMs} ms already`);
      return `${first.name} came ${formatSeconds(waitedMs)} after the others`;
    }));

  test("enforce: the node's routes leave after three bad answers, and are back after two good", (context) =>
    cluster.look(context, async () => {
      await setCheck("enforce");
      const owner = await seizeTable();
      await makeService(cluster, "unwritten-too");
      const seizedMs = performance.now();
      await awaitGateways(cluster.lab, serviceAddress, otherGateways);
      const leftMs = performance.now() - seizedMs;
      owner.endInput();
      const healedMs = performance.now();
      await awaitGateways(cluster.lab, serviceAddress, everyGateway);
      const backMs = performance.now() - healedMs;
      await removeService(cluster, "unwritten-too");
      return `left after ${formatSeconds(leftMs)}, back ${formatSeconds(backMs)} after it could write`;
    }));
});

test("enforce: a kube-proxy that is killed, and one that starts, withdraws nothing", (context) =>
  cluster.look(context, async () => {
    const { kube, lab } = cluster;
    const changes: string[] = [];
    const watching = new AbortController();
    const watched = watchGateways(watching.signal, changes);
    await kube.killKubeProxy(first.name);
    await pause(fallMs);
    await kube.startNode(first);
    await lab.secondHopFollows();
    await pause(fallMs);
    watching.abort();
    await watched;
    assert.deepEqual(changes, []);
    assert.equal(await metric("routelb_speaker_dataplane_unhealthy_bool"), 0);
    return `away for ${fallMs / 1_000} s`;
  }));

/** Notes each set of next hops that is not all of them. */
async function watchGateways(signal: AbortSignal, changes: string[]): Promise<void> {
  while (!signal.aborted) {
    const gateways = (await kernelGateways(cluster.lab, serviceAddress)) ?? [];
    if (gateways.length !== everyGateway.length) changes.push(gateways.join());
    await pause(100);
  }
}

/**
 * Nothing passes over kube-proxy's connections to the API server any more, which it takes for silence
 * for the better part of a minute; until the answer is called.
 */
async function deafenKubeProxy(): Promise<() => Promise<void>> {
  const sockets = (await onFirst("ss", "-Htnp", "dport", "=", ":6443")).split("\n");
  const ports = sockets
    .filter((line) => line.includes('"kube-proxy"'))
    .map((line) => /:(\d+)\s/.exec(line)?.[1]);
  assert.ok(ports.length > 0, sockets.join("\n"));
  const chain = (hook: string) => `{ type filter hook ${hook} priority -300; }`;
  await onFirst(
    "nft",
    `add table inet deaf; add chain inet deaf in ${chain("input")}; ` +
      `add chain inet deaf out ${chain("output")}; ` +
      `add rule inet deaf in tcp dport { ${ports.join(", ")} } drop; ` +
      `add rule inet deaf out tcp sport { ${ports.join(", ")} } drop`,
  );
  return async () => {
    await onFirst("nft", "delete table inet deaf");
  };
}

suite("the healthCheckNodePort of a `Local` Service", () => {
  test("kube-proxy names the Service, and says 503 while it knows of no endpoint here", (context) =>
    cluster.look(context, async () => {
      const { address, port } = await makeLocalService("local", { app: "nginx" });
      await awaitGateways(cluster.lab, address, everyGateway);
      const good = await waitFor(
        async () => {
          const answer = await answerOf(port);
          return answer.status === 200 ? answer : undefined;
        },
        { what: "kube-proxy answers 200", timeoutMs: 30_000 },
      );
      assert.equal(judgeServiceAnswer(good, "default/local"), "good");
      assert.equal(judgeServiceAnswer(good, "default/nginx"), "none");
      assert.ok((numberAt(parseJson(good.body), "localEndpoints") ?? 0) > 0, good.body);
      await patchService(cluster, "local", { selector: { app: "nobody" } });
      const bad = await waitFor(
        async () => {
          const answer = await answerOf(port);
          return answer.status === 503 ? answer : undefined;
        },
        { what: "kube-proxy answers 503", timeoutMs: 30_000 },
      );
      assert.equal(judgeServiceAnswer(bad, "default/local"), "bad");
      await removeService(cluster, "local");
      return `${good.body} / ${bad.body}`.replaceAll(/\s+/g, " ");
    }));

  test("enforce: a kube-proxy that has not heard of the endpoints keeps this node's route back", (context) =>
    cluster.look(context, async () => {
      const { lab } = cluster;
      const { address } = await makeLocalService("unheard", { app: "nobody" });
      await lab.secondHopFollows();
      const hear = await deafenKubeProxy();
      try {
        await patchService(cluster, "unheard", { selector: { app: "nginx" } });
        await awaitGateways(lab, address, otherGateways);
        await awaitMetric("routelb_speaker_dataplane_unhealthy_services", 1);
        assert.deepEqual((await kernelGateways(lab, address))?.toSorted(), otherGateways);
      } finally {
        await hear();
      }
      await awaitGateways(lab, address, everyGateway);
      await removeService(cluster, "unheard");
      return "only the other nodes', for three answers of 503 and more, until kube-proxy had caught up";
    }));

  test("enforce: it is not asked while the last endpoint serves and terminates", (context) =>
    cluster.look(context, async () => {
      const { lab } = cluster;
      const graceSeconds = 14;
      await makePod(cluster, { name: "alone", node: first.name, graceSeconds });
      const { address, port } = await makeLocalService("alone", { app: "alone" });
      await awaitGateways(lab, address, [first.address]);
      const pod = await lab.api.get("/api/v1/namespaces/default/pods/alone");
      const endingMs = performance.now();
      await endPod(cluster, "alone");
      await waitFor(async () => (await answerOf(port)).status === 503 || undefined, {
        what: "kube-proxy fails the port",
        timeoutMs: 10_000,
      });
      const withdrawnMs: number[] = [];
      await waitFor(
        async () => {
          const gateways = await kernelGateways(lab, address);
          if (!(await podAnswers(lab, first.name, textAt(pod, "status", "podIP") ?? "")))
            return true;
          if (gateways?.[0] !== first.address) withdrawnMs.push(performance.now() - endingMs);
          return undefined;
        },
        { what: "the Pod ends", timeoutMs: 40_000, intervalMs: 100 },
      );
      const servedMs = performance.now() - endingMs;
      assert.deepEqual(withdrawnMs, [], "withdrawn while the Pod served");
      assert.ok(servedMs > 3 * 2_000, "too short for three answers");
      await removeService(cluster, "alone");
      return `the route stayed for the ${formatSeconds(servedMs)} that the last Pod served on`;
    }));
});

async function makeLocalService(name: string, selector: Readonly<Record<string, string>>) {
  const { address } = await makeService(cluster, name, {
    externalTrafficPolicy: "Local",
    selector,
  });
  const service = await cluster.lab.api.get(`/api/v1/namespaces/default/services/${name}`);
  const port = numberAt(service, "spec", "healthCheckNodePort");
  assert.ok(port !== undefined);
  return { address, port };
}
