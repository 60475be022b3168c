/**
 * Plays the kubelet of one node, and kube-proxy too unless told otherwise: runs in the node's
 * network namespace and knows only the Kubernetes API, whichever server answers there.
 *
 * SIGTERM is the machine going down (graceful node shutdown): the Node and its Pods are not ready
 * any more, nothing is started again, and the kubelet ends after the grace period and after the
 * last of our own programs; the rest dies with it. On SIGHUP every
 * Pod gets a new token of its ServiceAccount.
 *
 *     node kubelet.ts --node=node1 --address=172.16.7.11 ... (lab/kubelet/settings.ts)
 */
import { ApiClient } from "./api-client.ts";
import { type JsonObject, textAt } from "./kube/json.ts";
import { readKubeconfig } from "./kubeconfig.ts";
import { NodeNetwork } from "./kubelet/network.ts";
import { NodeKeeper } from "./kubelet/node.ts";
import { imageName } from "./kubelet/pod.ts";
import { PodWorker } from "./kubelet/pod-worker.ts";
import { parseKubeletSettings } from "./kubelet/settings.ts";
import { Mirror } from "./mirror.ts";
import { runSecondHop } from "./second-hop.ts";
import { serialPass } from "./serial.ts";
import { pause, waitFor } from "./wait.ts";

/** Kubernetes' shutdownGracePeriod: Pods that do not end by themselves serve on for so long. */
const shutDownGraceMs = 2_000;

const settings = parseKubeletSettings(process.argv.slice(2));
const access = await readKubeconfig(settings.kubeconfig);
const client = new ApiClient(access);
const network = new NodeNetwork(settings);
const keeper = new NodeKeeper(client, settings, log);
const stopping = new AbortController();
/** By uid: a Pod of the same name is another Pod. */
const workers = new Map<string, PodWorker>();

function log(message: string, error?: unknown): void {
  const reason = error instanceof Error ? `: ${error.message}` : "";
  process.stderr.write(`${new Date().toISOString()} ${message}${reason}\n`);
}

const pods = new Mirror({
  client,
  path: "/api/v1/pods",
  fieldSelector: `spec.nodeName=${settings.nodeName}`,
  onChange: () => assignPods(pods.objects.values()),
  onTrouble: (error) => log("watch pods", error),
});

const followNodes = serialPass(
  async () => {
    await network.routeTo(nodes.objects.values());
    await keeper.correct(nodes.objects.get(`/${settings.nodeName}`));
  },
  (error) => log("nodes", error),
);

const nodes = new Mirror({
  client,
  path: "/api/v1/nodes",
  onChange: followNodes,
  onTrouble: (error) => log("watch nodes", error),
});

function assignPods(objects: Iterable<JsonObject>): void {
  if (stopping.signal.aborted) return;
  const present = new Set<string>();
  for (const object of objects) {
    const uid = textAt(object, "metadata", "uid") ?? "";
    present.add(uid);
    const worker = workers.get(uid);
    if (worker === undefined) workers.set(uid, startWorker(object, uid));
    else worker.update(object);
  }
  for (const [uid, worker] of workers) if (!present.has(uid)) worker.remove();
}

function startWorker(object: JsonObject, uid: string): PodWorker {
  const onGone = (): void => {
    workers.delete(uid);
  };
  return new PodWorker(object, { client, access, network, settings, log, onGone });
}

async function shutDown(): Promise<void> {
  stopping.abort();
  const graceOver = pause(shutDownGraceMs);
  const programs = [...workers.values()].flatMap((worker) => worker.running);
  for (const worker of workers.values()) worker.leave();
  await keeper.shutDown().catch((error: unknown) => log("shut down", error));
  const ours = programs.filter((container) => imageName(container.spec.image) === "routelb");
  await waitFor(() => (ours.some((container) => container.running) ? undefined : true), {
    what: "end of our programs",
    timeoutMs: 60_000,
  });
  await graceOver;
  process.exit(0);
}

async function renewTokens(): Promise<void> {
  const renewals = await Promise.allSettled([...workers.values()].map((one) => one.renewToken()));
  for (const renewal of renewals) if (renewal.status === "rejected") log("token", renewal.reason);
}

process.once("SIGTERM", () => void shutDown());
process.on("SIGHUP", () => void renewTokens());
await network.prepare();
const loops = [keeper.run(stopping.signal), pods.run(stopping.signal), nodes.run(stopping.signal)];
if (settings.secondHop) {
  const podNetworks = { ip: "10.244.0.0/16", ip6: "fd00:10:244::/56" };
  const { nodeName } = settings;
  loops.push(runSecondHop({ client, nodeName, podNetworks, log }, stopping.signal));
}
await Promise.all(loops);
