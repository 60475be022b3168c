import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
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

/**
 * An API server, a router on loopback, speakers of node1 and node2 in this process and a controller
 * as one of its own. The speaker of node3 does not answer; node0 has none.
 */
export async function startCluster(
  t: TestContext,
  changes: Pick<SpeakerOptions, "dataplane"> = {},
): Promise<RunningCluster> {
  const server = await startApiServer();
  const router = new TestRouter({ asn: 64512 });
  const folder = mkdtempSync(join(tmpdir(), "routelb-cli-"));
  const kubeconfigPath = writeKubeconfig(folder, server);
  applyObjects(server, await router.listen());
  const controllerPort = await freePort();
  const controller = startController(kubeconfigPath, controllerPort);
  applyPod(server, "controller", "node0", controllerPort);
  const told = new AbortController();
  const ended: Promise<void>[] = [];
  for (const node of ["node1", "node2"]) {
    const port = await freePort();
    ended.push(speak({ nodeName: node, port, ...changes }, kubeconfigPath, told.signal));
    applyPod(server, "speaker", node, port);
  }
  applyPod(server, "speaker", "node3", await freePort());
  t.after(async () => {
    controller.kill("SIGKILL");
    told.abort(new Error("the test is over"));
    await Promise.all(ended);
    await router.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return { server, router, kubeconfigPath };
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

function applyObjects({ objects }: ApiServer, routerPort: number): void {
  for (const [index, name] of ["node0", "node1", "node2", "node3"].entries()) {
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
