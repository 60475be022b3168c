import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { BfdMonitor, type BfdMonitorOptions } from "../bfd/monitor.ts";
import { localInterfaces } from "../bgp/session/interfaces.ts";
import type { SessionPorts } from "../bgp/session/session.ts";
import { tcpTransport } from "../bgp/session/transport.ts";
import { warmUp } from "../bgp/session/warm-up.ts";
import type { LoadBalancerClass } from "../cluster/service.ts";
import type { KubeApi } from "../kube/client.ts";
import { connectKubeApi } from "../kube/connect.ts";
import { EventRecorder } from "../kube/events.ts";
import { projectSecret } from "../kube/project.ts";
import { resources } from "../kube/resource.ts";
import { type Prefix, parsePrefix } from "../net/prefix.ts";
import { type Clock, sleep, systemClock } from "../runtime/clock.ts";
import { startHttpServer } from "../runtime/http.ts";
import type { Logger } from "../runtime/logger.ts";
import { MetricsRegistry } from "../runtime/metrics.ts";
import { runLoops } from "../runtime/run.ts";
import { parseDefaultGateways } from "./default-gateway.ts";
import type { BfdPort } from "./shell/bfd.ts";
import type { DataplaneSettings } from "./shell/dataplane-check.ts";
import { leave } from "./shell/exit.ts";
import { type ListenAddress, listenerLoops } from "./shell/listening.ts";
import { SpeakerMetrics } from "./shell/metrics.ts";
import { clusterReads, followerOf, storeLoops } from "./shell/reflectors.ts";
import { Speaker } from "./shell/speaker.ts";
import { readStateQuery } from "./state.ts";

export interface SpeakerOptions {
  readonly nodeName: string;
  /** The Pod that we are, for `/state` and the log. */
  readonly podName?: string;
  /** Of the program. */
  readonly version: string;
  /** Absent: the service account of the pod. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
  /** The name of the user's ConfigMap. */
  readonly configName: string;
  readonly loadBalancerClass: LoadBalancerClass;
  readonly ignoreExcludeLabel: boolean;
  readonly drainOnCordon: boolean;
  /** Between GRACEFUL_SHUTDOWN and withdrawal. */
  readonly drainTimeMs: number;
  /** Of `--withdraw-guard`, 0 to 1; absent: off. */
  readonly withdrawShare?: number;
  /** Absent: kube-proxy is not asked. */
  readonly dataplane?: DataplaneSettings;
  /** 0: one that is free. */
  readonly port: number;
  /** Absent: all addresses. */
  readonly host?: string;
  readonly servesState: boolean;
  /** Absent: we dial, and take no connections. */
  readonly listen?: ListenAddress;
  /** Flags that were given and that nothing acts on yet. */
  readonly notActedOn: readonly string[];
}

/** What of the world a speaker uses; tests hand in their own. */
export interface SpeakerWorld extends Omit<SessionPorts, "logger"> {
  readonly clock: Clock;
  readonly api: KubeApi;
  /** The texts of /proc/net/route and /proc/net/ipv6_route. */
  readonly routeTables: () => readonly [ipv4: string, ipv6: string];
  /** Called once HTTP is served. */
  readonly onListening: (port: number) => void;
  readonly bfdMonitor: (options: Omit<BfdMonitorOptions, "workerUrl">) => BfdPort;
  /** The networks of this host's interfaces. */
  readonly localPrefixes: () => readonly Prefix[];
}

const gatewayIntervalMs = 5_000;

/**
 * Advertises from this node until `signal` aborts; then leaves (see `leave`) and resolves, within a
 * bounded time. Meanwhile it goes on to follow the cluster.
 *
 * A failure rejects with the routes where they are: the process ends, its connections break, and
 * routers with graceful restart keep forwarding until the next process is there (RFC 4724).
 *
 * @throws Error if HTTP cannot be served or the API server's address is not known
 */
export async function runSpeaker(
  options: SpeakerOptions,
  logger: Logger,
  signal: AbortSignal,
  world: SpeakerWorld = processWorld(options),
): Promise<void> {
  const { clock, random, api } = world;
  warmUp(world.interfaces);
  const registry = new MetricsRegistry();
  registry.addProcessMetrics();
  const metrics = new SpeakerMetrics(registry, options.nodeName);
  const events = new EventRecorder({
    api,
    component: "routelb-speaker",
    host: options.nodeName,
    clock,
    random,
    logger: logger.child({ component: "events" }),
  });
  const sources = { api, clock, random, logger, metrics };
  const follow = followerOf(sources);
  const reads = clusterReads(api, options, follow);
  const ended = new AbortController();
  const bfdDeath = Promise.withResolvers<never>();
  const speaker = new Speaker(options, {
    ...world,
    logger: logger.child({ component: "speaker" }),
    metrics,
    reads,
    recordEvent: (note) => events.record(note),
    defaultGateways: () => parseDefaultGateways(...world.routeTables()),
    bfdMonitor: (onChange, onFailure) =>
      world.bfdMonitor({ onChange, onFailure, onDeath: bfdDeath.reject }),
    followSecret: (name, store, stop) => {
      const scope = { namespace: options.namespace, name };
      return follow(resources.secrets, store, projectSecret, scope).run(stop);
    },
  });
  const { nodeName: node, podName: pod, version } = options;
  logger.info({ node, pod, version }, "speaker starts");
  if (options.notActedOn.length > 0) {
    logger.warn({ flags: options.notActedOn }, "flags are set that nothing acts on yet");
  }
  const http = await startHttpServer({
    ...(options.host === undefined ? {} : { host: options.host }),
    port: options.port,
    metrics: registry,
    beforeMetrics: () => speaker.showSessions(),
    whyNotReady: () => speaker.whyNotReady(),
    ...(options.servesState
      ? {
          state: (query) => speaker.state(readStateQuery(query)),
          capture: (peer) => speaker.capture(peer),
        }
      : {}),
    logger: logger.child({ component: "http" }),
  });
  world.onListening(http.port);
  try {
    await runLoops(
      [
        ...storeLoops(speaker.stores, options, sources, follow),
        ...listenerLoops(options.listen, (remote) => speaker.acceptorFor(remote), logger),
        { name: "events", run: (stop) => events.run(stop) },
        {
          name: "bfd",
          run: async (stop) => void (await Promise.race([bfdDeath.promise, once(stop, "abort")])),
        },
        ...(options.dataplane === undefined
          ? []
          : [{ name: "data plane", run: (stop: AbortSignal) => speaker.watchDataplane(stop) }]),
        { name: "gateways", run: (stop) => watchGateways(speaker, clock, stop) },
        {
          name: "exit",
          run: async (stop) => {
            await aborted(AbortSignal.any([signal, stop]));
            if (!stop.aborted) {
              await leave(speaker, { ...options, ...reads, clock, logger, signal: stop });
              ended.abort(signal.reason);
            }
          },
        },
      ],
      ended.signal,
    );
  } finally {
    await http.close();
  }
}

/** The world as the process finds it. */
function processWorld(options: SpeakerOptions): SpeakerWorld {
  const uptimeFile = process.env["ROUTELB_UPTIME_FILE"] ?? "/proc/uptime";
  return {
    clock: systemClock,
    random: Math.random,
    transport: tcpTransport,
    interfaces: localInterfaces,
    uptimeSeconds: () => Number.parseFloat(readFileSync(uptimeFile, "utf8")),
    api: connectKubeApi({
      ...(options.kubeconfigPath === undefined ? {} : { kubeconfigPath: options.kubeconfigPath }),
      fieldManager: "routelb-speaker",
      clock: systemClock,
    }),
    routeTables: () => [readTable("/proc/net/route"), readTable("/proc/net/ipv6_route")],
    onListening: () => undefined,
    bfdMonitor: (bfdOptions) => new BfdMonitor({ ...bfdOptions, workerUrl: bfdWorkerUrl }),
    localPrefixes: () =>
      Object.values(networkInterfaces()).flatMap((entries = []) =>
        entries.flatMap(({ cidr }) => parsePrefix(cidr ?? "") ?? []),
      ),
  };
}

/** Beside the bundle, which names it when it is built, or in the source tree. */
const bfdWorkerUrl = new URL(
  process.env["ROUTELB_BFD_WORKER"] ?? "../bfd/worker.ts",
  import.meta.url,
);

/** A kernel without the family has no table of it. */
function readTable(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return signal.aborted ? Promise.resolve() : once(signal, "abort");
}

/** The kernel tells nobody here when a default route changes, so it is looked up now and then. */
async function watchGateways(speaker: Speaker, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(clock, gatewayIntervalMs, signal);
    speaker.lookAtGateways();
  }
}
