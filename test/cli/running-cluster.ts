import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { tcpTransport } from "../../src/bgp/session/transport.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { systemClock } from "../../src/runtime/clock.ts";
import { runSpeaker, type SpeakerOptions } from "../../src/speaker/main.ts";
import { address, silentBfd } from "../speaker/fixtures.ts";
import { TestRouter } from "../speaker/test-router.ts";
import { freePort } from "../support/free-port.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const namespace = "routelb-system";
const program = join(import.meta.dirname, "../../src/cli/main.ts");

export interface RunningCluster {
  readonly server: ApiServer;
  readonly router: TestRouter;
  readonly kubeconfigPath: string;
}

/** Which nodes have a speaker's Pod besides node0, which has none; by name. */
export interface ClusterNodes {
  /** Those whose speaker runs. */
  readonly speaking: readonly string[];
  /** Those whose port nobody listens on. */
  readonly refusing: readonly string[];
  /** Those that take a connection and say nothing. */
  readonly silent: readonly string[];
}

/**
 * An API server, a router on loopback, speakers of node1 and node2 in this process and a controller
 * as one of its own. The speaker of node3 does not answer; node0 has none.
 */
export async function startCluster(
  t: TestContext,
  changes: Pick<SpeakerOptions, "dataplane"> = {},
): Promise<RunningCluster> {
  const nodes = { speaking: ["node1", "node2"], refusing: ["node3"], silent: [] };
  const cluster = await openCluster(nodes, changes);
  t.after(() => cluster[Symbol.asyncDispose]());
  return cluster;
}

/** The same, with these nodes. */
export async function openCluster(
  { speaking, refusing, silent }: ClusterNodes,
  changes: Pick<SpeakerOptions, "dataplane"> = {},
): Promise<RunningCluster & AsyncDisposable> {
  await using resources = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "routelb-cli-"));
  resources.defer(() => rmSync(folder, { recursive: true }));
  const server = await startApiServer();
  resources.defer(() => server.close());
  const router = new TestRouter({ asn: 64512 });
  resources.defer(() => router.close());
  const kubeconfigPath = writeKubeconfig(folder, server);
  applyObjects(server, ["node0", ...speaking, ...refusing, ...silent], await router.listen());
  const controllerPort = await freePort();
  const controller = startController(kubeconfigPath, controllerPort);
  applyPod(server, "controller", "node0", controllerPort);
  const told = new AbortController();
  const ended: Promise<void>[] = [];
  resources.defer(async () => {
    controller.kill("SIGKILL");
    told.abort(new Error("the cluster is closed"));
    await Promise.all(ended);
  });
  for (const node of speaking) {
    const port = await freePort();
    ended.push(speak({ nodeName: node, port, ...changes }, kubeconfigPath, told.signal));
    applyPod(server, "speaker", node, port);
  }
  for (const node of refusing) applyPod(server, "speaker", node, await freePort());
  for (const node of silent) {
    applyPod(server, "speaker", node, resources.use(await SilentServer.listen()).port);
  }
  const parts = resources.move();
  return { server, router, kubeconfigPath, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

/** Takes connections and never says anything. */
class SilentServer implements AsyncDisposable {
  readonly #server = createServer((socket) => this.#sockets.add(socket.resume()));
  readonly #sockets = new Set<Socket>();

  static async listen(): Promise<SilentServer> {
    const silent = new SilentServer();
    silent.#server.listen(0, "127.0.0.1");
    await once(silent.#server, "listening");
    return silent;
  }

  get port(): number {
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

function startController(kubeconfigPath: string, port: number): ChildProcess {
  const flags = ["--kubeconfig", kubeconfigPath, "--host", "127.0.0.1", "--port", String(port)];
  return spawn(process.execPath, [program, "controller", "--no-leader-election", ...flags], {
    stdio: "ignore",
  });
}

function speak(
  given: Pick<SpeakerOptions, "nodeName" | "port" | "dataplane">,
  kubeconfigPath: string,
  signal: AbortSignal,
): Promise<void> {
  const options = {
    ...given,
    version: "0.1.0",
    namespace,
    configName: "config",
    loadBalancerClass: { isDefault: false },
    ignoreExcludeLabel: false,
    drainOnCordon: false,
    drainTimeMs: 0,
    host: "127.0.0.1",
    servesState: true,
    notActedOn: [],
  };
  const addresses = ["172.16.7.11", "172.16.7.12"].map(address);
  return runSpeaker(options, recordingLogger(), signal, {
    clock: systemClock,
    random: () => 0,
    transport: tcpTransport,
    interfaces: () => [{ name: "eth0", addresses }],
    bfdMonitor: () => silentBfd,
    localPrefixes: () => [],
    uptimeSeconds: () => 100_000,
    api: connectKubeApi({ kubeconfigPath, fieldManager: "routelb-speaker", clock: systemClock }),
    routeTables: () => ["", ""],
    onListening: () => undefined,
  });
}

function writeKubeconfig(folder: string, { url }: ApiServer): string {
  const path = join(folder, "kubeconfig");
  const named = (content: object) => [{ name: "lab", ...content }];
  const config = {
    apiVersion: "v1",
    kind: "Config",
    clusters: named({ cluster: { server: url } }),
    users: named({ user: {} }),
    contexts: named({ context: { cluster: "lab", user: "lab" } }),
    "current-context": "lab",
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

function applyObjects({ objects }: ApiServer, nodes: readonly string[], routerPort: number): void {
  for (const [index, name] of nodes.entries()) {
    const addresses = [{ type: "InternalIP", address: `172.16.7.${10 + index}` }];
    objects.apply({ apiVersion: "v1", kind: "Node", metadata: { name }, status: { addresses } });
  }
  objects.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "default" } });
  const config = `
peers:
- {my-asn: 64522, peer-asn: 64512, peer-address: 127.0.0.1, peer-port: ${routerPort}, name: router}
address-pools:
- {name: my-ip-space, protocol: bgp, addresses: [172.16.7.192/26]}
`;
  objects.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config", namespace },
    data: { config },
  });
  objects.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "nginx-abcde",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "nginx" },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.2"], nodeName: "node1", conditions: { ready: true } }],
    ports: [{ port: 80, protocol: "TCP" }],
  });
}

export function applyService({ objects }: ApiServer, name: string, spec: object = {}): void {
  objects.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], selector: { app: name }, ...spec },
  });
}

function applyPod({ objects }: ApiServer, component: string, nodeName: string, port: number): void {
  objects.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${component}-${nodeName}`,
      namespace,
      labels: { "app.kubernetes.io/name": "routelb", "app.kubernetes.io/component": component },
    },
    spec: {
      nodeName,
      containers: [
        {
          name: component,
          image: "routelb",
          ports: [{ name: "monitoring", containerPort: port, protocol: "TCP" }],
        },
      ],
    },
    status: {
      phase: "Running",
      podIP: "127.0.0.1",
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
}
