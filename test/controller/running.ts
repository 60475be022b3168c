import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { JsonObject } from "../../lab/kube/json.ts";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { runController } from "../../src/controller/main.ts";
import type { KubeApi } from "../../src/kube/client.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { listOf, recordOf, textOf } from "../../src/kube/json.ts";
import type { Clock } from "../../src/runtime/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type LogLine, recordingLogger } from "../support/recording-logger.ts";

/** A controller that runs in this process, against the embedded API server over HTTP. */
export interface Running {
  readonly server: ApiServer;
  readonly clock: ManualClock;
  readonly lines: readonly LogLine[];
  /** Ends the controller and starts another one. */
  readonly restart: () => Promise<void>;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  /** What HTTP answers on its port. */
  readonly fetch: (path: string) => Promise<string>;
  /** Its clock stands still, or goes on; no timer of it fires meanwhile. */
  readonly setClock: (goes: boolean) => void;
}

/** Its clock goes fifty times as fast as ours, so that backoffs are short. */
const fastStepMs = 50;
const stepEveryMs = 1;

export const namespace = "routelb-system";

export interface RunOptions {
  /** Puts something between the controller and the API. */
  readonly wrap?: (api: KubeApi) => KubeApi;
  /** With it the controller needs the Lease; absent: it acts without. */
  readonly leaderElection?: { readonly durationMs: number; readonly renewMs: number };
  /** Of its Pod; d: node0. */
  readonly hostName?: string;
  /** How far its clock goes in a millisecond of ours. */
  readonly stepMs?: number;
  /** 0 to 1; d: always 0.5. */
  readonly random?: () => number;
  /** Each look at its clock takes so long; d: none. With more than a slice, it works in slices. */
  readonly lookMs?: number;
}

/** One controller and its server, which are closed after the test. */
export async function run(
  t: TestContext,
  server: ApiServer,
  options: RunOptions = {},
): Promise<Running> {
  const running = await runReplica(t, server, options);
  t.after(() => server.close());
  return running;
}

/** A controller that is stopped after the test; the server is left to the caller. */
export async function runReplica(
  t: TestContext,
  server: ApiServer,
  options: RunOptions = {},
): Promise<Running> {
  const { wrap = (api) => api, hostName = "node0", stepMs = fastStepMs, leaderElection } = options;
  const folder = await mkdtemp(join(tmpdir(), "routelb-test-"));
  const kubeconfigPath = join(folder, "kubeconfig");
  const kubeconfig = {
    "current-context": "lab",
    contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
    clusters: [{ name: "lab", cluster: { server: server.url } }],
    users: [{ name: "lab", user: {} }],
  };
  await writeFile(kubeconfigPath, JSON.stringify(kubeconfig));
  const clock = new ManualClock();
  let looksMs = 0;
  const { lookMs = 0 } = options;
  const seenClock: Clock = {
    now: () => clock.now() + (looksMs += lookMs),
    wallTime: () => clock.wallTime(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
  let clockGoes = true;
  const pump = setInterval(() => {
    if (clockGoes) {
      clock.advance(stepMs);
    }
  }, stepEveryMs);
  const lines: LogLine[] = [];
  let port = 0;
  let starts = 0;
  let ended: Promise<void> | undefined;
  let stopper = new AbortController();
  const start = () =>
    new Promise<void>((resolve, reject) => {
      stopper = new AbortController();
      ended = runController(
        {
          version: "test",
          namespace,
          configName: "config",
          loadBalancerClass: { isDefault: false },
          host: "127.0.0.1",
          port: 0,
          servesState: true,
          ...(leaderElection === undefined ? {} : { leaderElection }),
        },
        recordingLogger(lines),
        stopper.signal,
        {
          api: wrap(
            connectKubeApi({
              kubeconfigPath,
              fieldManager: "routelb-controller",
              clock: seenClock,
            }),
          ),
          clock: seenClock,
          random: options.random ?? (() => 0.5),
          hostName,
          identity: `${hostName}_${(starts += 1)}`,
          onListening: (listening) => {
            port = listening;
            resolve();
          },
        },
      );
      ended.catch(reject);
    });
  const stop = async () => {
    stopper.abort();
    await ended;
  };
  await start();
  t.after(async () => {
    await stop();
    clearInterval(pump);
    await rm(folder, { recursive: true });
  });
  return {
    server,
    clock,
    lines,
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    setClock: (goes) => {
      clockGoes = goes;
    },
    fetch: async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).text(),
  };
}

/** A server that sends bookmarks often enough for the fast clock. */
export function startServer(): Promise<ApiServer> {
  return startApiServer({ bookmarkIntervalMs: 500 });
}

export function applyConfig(server: ApiServer, text: string, annotations: JsonObject = {}): void {
  server.objects.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config", namespace, annotations },
    data: { config: text },
  });
}

export function poolsText(...pools: readonly (readonly [name: string, range: string])[]): string {
  const lines = pools.flatMap(([name, range]) => [
    `- name: ${name}`,
    "  protocol: bgp",
    `  addresses: [${range}]`,
  ]);
  return ["address-pools:", ...lines, ""].join("\n");
}

export function createService(server: ApiServer, name: string, spec: JsonObject = {}): void {
  server.objects.create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], selector: { app: name }, ...spec },
  });
}

/** The addresses in the status of a Service, joined. */
export function addressOf(server: ApiServer, name: string): string {
  const status = recordOf(server.objects.get("services", `default/${name}`)?.["status"]);
  return listOf(recordOf(status["loadBalancer"])["ingress"])
    .map((entry) => textOf(recordOf(entry)["ip"]) ?? textOf(recordOf(entry)["hostname"]) ?? "?")
    .join(",");
}

/** `Reason: message` of the Events about an object, whoever wrote them. */
export function eventsAbout(server: ApiServer, name: string): readonly string[] {
  return server.objects
    .list("events")
    .filter((event) => recordOf(event["involvedObject"])["name"] === name)
    .map((event) => `${textOf(event["reason"])}: ${textOf(event["message"])}`);
}

/** Resolves when `isSo`; the test's own time limit is the limit. */
export function until(isSo: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (isSo()) {
        clearInterval(timer);
        resolve();
      }
    };
    const timer = setInterval(look, 2).unref();
    look();
  });
}

/** Resolves when the Service has this address. */
export async function untilAddress(server: ApiServer, name: string, ip: string): Promise<void> {
  await until(() => addressOf(server, name) === ip);
}

/** Resolves when there is an Event about `name` that matches. */
export async function untilEvent(server: ApiServer, name: string, like: RegExp): Promise<void> {
  await until(() => eventsAbout(server, name).some((event) => like.test(event)));
}

export function inForceText(server: ApiServer): string | undefined {
  const data = server.objects.get("configmaps", `${namespace}/config-in-force`)?.["data"];
  return textOf(recordOf(data)["config"]);
}

export function assertMetric(metrics: string, series: string, value: number): void {
  const line = metrics.split("\n").find((each) => each.startsWith(`${series} `));
  assert.equal(line, `${series} ${value}`);
}

/** How many status patches of Services reached the server. */
export function statusWrites(server: ApiServer): number {
  return server.requests.filter(
    ({ verb, target }) => verb === "patch" && target?.subresource === "status",
  ).length;
}
