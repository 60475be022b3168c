import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { tcpTransport } from "../../src/bgp/session/transport.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { runSpeaker, type SpeakerOptions, type SpeakerWorld } from "../../src/speaker/main.ts";
import { type LogLine, recordingLogger } from "../support/recording-logger.ts";
import { address, silentBfd } from "./fixtures.ts";
import { TestRouter, type TestRouterOptions } from "./test-router.ts";

export function configText(port: number): string {
  return `
peers:
- {my-asn: 64522, peer-asn: 64512, peer-address: 127.0.0.1, peer-port: ${port}, name: router}
address-pools:
- {name: my-ip-space, protocol: bgp, addresses: [172.16.7.192/26]}
`;
}

/** An API server with a Node, a ConfigMap and a Service with an endpoint; a router; no speaker. */
export async function setUp(t: TestContext, options: Partial<TestRouterOptions> = {}) {
  const server = await startApiServer();
  const router = new TestRouter({ asn: 64512, ...options });
  const port = await router.listen();
  const folder = mkdtempSync(join(tmpdir(), "routelb-speaker-"));
  const kubeconfigPath = join(folder, "kubeconfig");
  const named = (name: string, content: object) => [{ name, ...content }];
  writeFileSync(
    kubeconfigPath,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: named("lab", { cluster: { server: server.url } }),
      users: named("lab", { user: {} }),
      contexts: named("lab", { context: { cluster: "lab", user: "lab" } }),
      "current-context": "lab",
    }),
  );
  server.objects.apply({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1" },
    status: { addresses: [{ type: "InternalIP", address: "172.16.7.11" }] },
  });
  applyService(server, "nginx", "172.16.7.192");
  applySlice(server, "nginx", true);
  t.after(async () => {
    await router.close();
    await server.close();
    rmSync(folder, { recursive: true });
  });
  return { server, router, port, kubeconfigPath };
}

export function applyService(server: ApiServer, name: string, ip: string): void {
  server.objects.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], selector: { app: name } },
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
}

export function applySlice(
  server: ApiServer,
  name: string,
  ready: boolean,
  labels: Readonly<Record<string, string>> = {},
): void {
  const conditions = { ready, serving: ready, terminating: !ready };
  server.objects.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${name}-abcde`,
      namespace: "default",
      labels: { ...labels, "kubernetes.io/service-name": name },
    },
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.244.1.2"], nodeName: "node1", conditions }],
    ports: [{ port: 80, protocol: "TCP" }],
  });
}

export function applyConfigMap(
  server: ApiServer,
  name: string,
  data: Record<string, string>,
): void {
  const metadata = { name, namespace: "routelb-system" };
  server.objects.apply({ apiVersion: "v1", kind: "ConfigMap", metadata, data });
}

/** What the leading controller would write. */
export function accept(server: ApiServer, text: string): void {
  const hash = createHash("sha256").update(text).digest("hex");
  const content = { config: text, previous: "", "source-sha256": hash };
  applyConfigMap(server, "config-in-force", content);
}

/** A speaker in this process; `stop` is what SIGTERM does. */
export async function startSpeaker(
  t: TestContext,
  kubeconfigPath: string,
  overrides: Partial<SpeakerOptions> = {},
  clock: Clock = systemClock,
  world: Partial<SpeakerWorld> = {},
) {
  const told = new AbortController();
  const lines: LogLine[] = [];
  const listening = Promise.withResolvers<number>();
  const options = {
    nodeName: "node1",
    version: "0.1.0",
    namespace: "routelb-system",
    configName: "config",
    loadBalancerClass: { isDefault: false },
    ignoreExcludeLabel: false,
    drainOnCordon: false,
    drainTimeMs: 0,
    port: 0,
    host: "127.0.0.1",
    servesState: true,
    notActedOn: ["listen"],
    ...overrides,
  };
  const ended = runSpeaker(options, recordingLogger(lines), told.signal, {
    clock,
    random: () => 0,
    transport: tcpTransport,
    interfaces: () => [{ name: "eth0", addresses: [address("172.16.7.11")] }],
    bfdMonitor: () => silentBfd,
    localPrefixes: () => [],
    uptimeSeconds: () => 100_000,
    api: connectKubeApi({ kubeconfigPath, fieldManager: "routelb-speaker", clock }),
    routeTables: () => ["", ""],
    onListening: listening.resolve,
    ...world,
  });
  const stop = async () => {
    told.abort(new Error("SIGTERM"));
    await ended;
  };
  t.after(stop);
  const port = await listening.promise;
  const get = async (path: string) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`);
    return { status: response.status, text: await response.text() };
  };
  return { get, stop, lines };
}
