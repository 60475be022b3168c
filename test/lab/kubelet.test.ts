import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { ApiClient, ApiError } from "../../lab/api-client.ts";
import { attempt } from "../../lab/command.ts";
import { EmbeddedKube } from "../../lab/embedded-kube.ts";
import { Instance } from "../../lab/instance.ts";
import { at, type JsonObject, listAt, numberAt, textAt } from "../../lab/kube/json.ts";
import { formatKubeletSettings } from "../../lab/kubelet/settings.ts";
import { inNamespace, namespacesUnder, signalProcesses } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { workerNodes } from "../../lab/scenario.ts";
import { Topology } from "../../lab/topology.ts";
import { waitFor } from "../../lab/wait.ts";

const program = fileURLToPath(new URL("../../lab/kubelet.ts", import.meta.url));
const resources = new AsyncDisposableStack();
let topology: Topology;
let kube: EmbeddedKube;
let api: ApiClient;
let instance: Instance;
let kubelet: LabProcess;

before(async () => {
  instance = resources.use(await Instance.open(`kubelet${process.pid.toString(36)}`));
  topology = resources.use(await Topology.build(instance));
  kube = await EmbeddedKube.start(instance, AbortSignal.timeout(30_000));
  resources.defer(() => kube.close());
  api = new ApiClient(kube.access);
  kubelet = await startKubelet();
});

after(async () => {
  await resources.disposeAsync();
});

async function startKubelet(): Promise<LabProcess> {
  const [node] = workerNodes;
  assert(node !== undefined);
  const directory = instance.path("nodes", node.name);
  await mkdir(directory, { recursive: true });
  const settings = formatKubeletSettings({
    nodeName: node.name,
    namespace: topology.node(node.name),
    address: node.address,
    podCidr: node.podCidr,
    kubeconfig: await kube.kubeletKubeconfig(),
    directory,
    program: "",
    images: {},
    labels: { rack: "a" },
    taints: [],
    secondHop: false,
    serviceAccountTokens: false,
    leaseSeconds: 1,
  });
  const started = await LabProcess.start({
    name: "kubelet",
    namespace: topology.node(node.name),
    command: [process.execPath, program, ...settings],
    logFile: instance.path("kubelet.log"),
  });
  await waitFor(async () => (await nodeReady()) || undefined, {
    what: "the Node is ready",
    timeoutMs: 20_000,
  });
  return started;
}

const podPath = (name: string): string => `/api/v1/namespaces/default/pods/${name}`;

function conditionOf(object: JsonObject, type: string): string | undefined {
  const conditions = listAt(object, "status", "conditions");
  return textAt(
    conditions.find((one) => textAt(one, "type") === type),
    "status",
  );
}

async function nodeReady(): Promise<boolean> {
  return conditionOf(await api.get("/api/v1/nodes/node1"), "Ready") === "True";
}

async function createPod(name: string, change: JsonObject = {}): Promise<void> {
  await api.create("/api/v1/namespaces/default/pods", {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: {
      nodeName: "node1",
      terminationGracePeriodSeconds: 2,
      containers: [
        {
          name: "nginx",
          image: "registry.example/library/nginx:1.27",
          ports: [{ containerPort: 8080 }],
          readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 },
          ...change,
        },
      ],
    },
  });
}

async function readyPod(name: string): Promise<JsonObject> {
  return waitFor(
    async () => {
      const pod = await api.get(podPath(name));
      return conditionOf(pod, "Ready") === "True" ? pod : undefined;
    },
    { what: `Pod ${name} is ready`, timeoutMs: 20_000 },
  );
}

async function answer(pod: JsonObject): Promise<string | undefined> {
  const [enter = "", ...rest] = inNamespace(topology.node("node1"));
  const url = `http://${textAt(pod, "status", "podIP") ?? ""}:8080/`;
  const { ok, text } = await attempt(enter, [...rest, "curl", "-sS", "-m", "1", url]);
  return ok ? text : undefined;
}

async function gone(name: string): Promise<true | undefined> {
  try {
    await api.get(podPath(name));
    return undefined;
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return true;
    throw error;
  }
}

test("the Node has its address, its Pods' network and its labels", async () => {
  const node = await api.get("/api/v1/nodes/node1");
  const addresses = listAt(node, "status", "addresses").map((one) => textAt(one, "address"));
  assert.deepEqual(addresses, ["172.16.7.11", "node1"]);
  assert.equal(textAt(node, "spec", "podCIDR"), "10.244.1.0/24");
  assert.equal(textAt(node, "metadata", "labels", "rack"), "a");
});

test("a Pod gets an address of its node's network and answers there", async () => {
  await createPod("answers");
  const pod = await readyPod("answers");
  assert.match(textAt(pod, "status", "podIP") ?? "", /^10\.244\.1\.\d+$/);
  assert.equal(await answer(pod), "answers on node1; the client it sees is 10.244.1.1\n");
});

test("a Pod whose probe fails runs and is not ready", async () => {
  await createPod("unready", { readinessProbe: { httpGet: { path: "/", port: 8081 } } });
  const pod = await waitFor(
    async () => {
      const found = await api.get(podPath("unready"));
      return textAt(found, "status", "phase") === "Running" ? found : undefined;
    },
    { what: "the Pod runs", timeoutMs: 20_000 },
  );
  assert.equal(conditionOf(pod, "Ready"), "False");
});

test("a container that ends is started again, and the Pod counts it", async () => {
  await createPod("restarts");
  await readyPod("restarts");
  const [namespace = ""] = await namespacesUnder(`${topology.node("node1")}-restarts`);
  await signalProcesses(namespace, "SIGKILL");
  const pod = await waitFor(
    async () => {
      const found = await api.get(podPath("restarts"));
      const [status] = listAt(found, "status", "containerStatuses");
      return numberAt(status, "restartCount") === 1 && at(status, "ready") === true
        ? found
        : undefined;
    },
    { what: "the container was started again", timeoutMs: 20_000 },
  );
  assert.notEqual(await answer(pod), undefined);
});

test("a deleted Pod serves on for its grace period, then it is gone with its namespace", async () => {
  await createPod("deleted");
  const pod = await readyPod("deleted");
  const startMs = performance.now();
  await api.remove(podPath("deleted"));
  assert.notEqual(await answer(pod), undefined);
  assert.equal(await gone("deleted"), undefined);
  await waitFor(() => gone("deleted"), { what: "the Pod is gone", timeoutMs: 20_000 });
  assert.equal(performance.now() - startMs >= 1_900, true);
  assert.equal(await answer(pod), undefined);
  await waitFor(
    async () =>
      (await namespacesUnder(`${topology.node("node1")}-deleted`)).length === 0 || undefined,
    { what: "the Pod's namespace is gone", timeoutMs: 5_000 },
  );
});

test("a Pod deleted without grace is gone at once", async () => {
  await createPod("forced");
  await readyPod("forced");
  await api.remove(podPath("forced"), { gracePeriodSeconds: 0 });
  await waitFor(
    async () =>
      (await namespacesUnder(`${topology.node("node1")}-forced`)).length === 0 || undefined,
    { what: "the Pod's namespace is gone", timeoutMs: 5_000 },
  );
  assert.equal(await gone("forced"), true);
});

test("an image that the lab does not have is said in the Pod's status", async () => {
  await createPod("unknown", { image: "redis:7" });
  const message = await waitFor(
    async () => {
      const [status] = listAt(await api.get(podPath("unknown")), "status", "containerStatuses");
      return textAt(status, "state", "waiting", "message");
    },
    { what: "a reason in the status", timeoutMs: 20_000 },
  );
  assert.equal(message, "the lab has the images nginx, routelb, not redis:7");
});

test("SIGTERM makes the Node and its Pods not ready; they come back with the kubelet", async () => {
  await createPod("survives");
  await readyPod("survives");
  kubelet.signal("SIGTERM");
  await waitFor(async () => !(await nodeReady()) || undefined, {
    what: "the Node is not ready",
    timeoutMs: 10_000,
  });
  await waitFor(
    async () => conditionOf(await api.get(podPath("survives")), "Ready") === "False" || undefined,
    { what: "the Pod is not ready", timeoutMs: 10_000 },
  );
  await kubelet.exited;
  kubelet = await startKubelet();
  assert.notEqual(await answer(await readyPod("survives")), undefined);
});
