import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import type { Labels } from "../cluster/selector.ts";
import type { LoadBalancerClass, Service } from "../cluster/service.ts";
import { catchUp } from "../kube/catch-up.ts";
import type { KubeApi, KubeObject, Scope } from "../kube/client.ts";
import { Comeback } from "../kube/comeback.ts";
import { connectKubeApi } from "../kube/connect.ts";
import { EventRecorder } from "../kube/events.ts";
import {
  type ConfigMap,
  projectConfigMap,
  projectNamespace,
  projectService,
} from "../kube/project.ts";
import { Reflector, type ReflectorOptions } from "../kube/reflector.ts";
import { type Resource, resources } from "../kube/resource.ts";
import { Store } from "../kube/store.ts";
import { type Clock, systemClock } from "../runtime/clock.ts";
import { startHttpServer } from "../runtime/http.ts";
import type { Logger } from "../runtime/logger.ts";
import { MetricsRegistry } from "../runtime/metrics.ts";
import { type Loop, runLoops } from "../runtime/run.ts";
import { readRequest } from "./request.ts";
import { Configuration } from "./shell/configuration.ts";
import { Controller } from "./shell/controller.ts";
import { Election, type ElectionOptions } from "./shell/election.ts";
import { ControllerMetrics } from "./shell/metrics.ts";
import { MissingServices } from "./shell/missing-services.ts";
import { ServiceWriter } from "./shell/service-writer.ts";
import { writeLimitMs } from "./shell/status-writes.ts";

export interface ControllerOptions {
  /** Of the program. */
  readonly version: string;
  /** Absent: the service account of the pod. */
  readonly kubeconfigPath?: string;
  readonly namespace: string;
  /** The name of the user's ConfigMap. */
  readonly configName: string;
  readonly loadBalancerClass: LoadBalancerClass;
  /** 0: one that is free. */
  readonly port: number;
  /** Absent: all addresses. */
  readonly host?: string;
  readonly servesState: boolean;
  /** Absent: it acts without a Lease, so it must be the only one. */
  readonly leaderElection?: { readonly durationMs: number; readonly renewMs: number };
}

/** What of the world a controller uses; tests hand in their own. */
export interface ControllerWorld {
  readonly api: KubeApi;
  readonly clock: Clock;
  /** 0 to 1. */
  readonly random: () => number;
  /** The machine or Pod that Events come from. */
  readonly hostName: string;
  /** Of this process, among all controllers that ever are. */
  readonly identity: string;
  /** Called once HTTP is served. */
  readonly onListening: (port: number) => void;
}

const fieldManager = "routelb-controller";

/**
 * Gives Services their addresses until `signal` aborts, and resolves when the writes that were on
 * their way have ended.
 *
 * @throws Error if HTTP cannot be served or the API server's address is not known
 */
export async function runController(
  options: ControllerOptions,
  logger: Logger,
  signal: AbortSignal,
  world: ControllerWorld = processWorld(options),
): Promise<void> {
  const { api, clock, random } = world;
  const registry = new MetricsRegistry();
  registry.addProcessMetrics();
  const metrics = new ControllerMetrics(registry);
  const stores = {
    services: new Store<Service>(),
    namespaces: new Store<Labels>(),
    user: new Store<ConfigMap>(),
    inForce: new Store<ConfigMap>(),
  };
  const wake = () => controller.wake();
  const leads = () => election?.leads() ?? true;
  const part = (component: string) => {
    return { api, clock, random, leads, wake, logger: logger.child({ component }) };
  };
  const recorder = new EventRecorder({
    ...part("events"),
    component: fieldManager,
    host: world.hostName,
  });
  const missing = new MissingServices({ ...part("missing"), store: stores.services });
  const configuration = new Configuration({
    ...part("config"),
    ...stores,
    namespace: options.namespace,
    name: options.configName,
    verdictOn: (candidate) => controller.verdictOn(candidate),
  });
  const writer = new ServiceWriter({
    ...part("status"),
    store: stores.services,
    recorder,
    onAssigned: (seconds) => metrics.showAssigned(seconds),
  });
  const { loadBalancerClass } = options;
  const parts = { configuration, missing, writer, recorder, metrics };
  const whyNeverLeads = () => election?.whyNotReady();
  const controller = new Controller({
    ...stores,
    ...parts,
    loadBalancerClass,
    clock,
    leads,
    whyNeverLeads,
  });
  const election = electionOf(options, world, logger.child({ component: "election" }), {
    onChange: wake,
    prepare: async (stop) => {
      await readNewest(api, stores, options, stop);
      controller.startAnew();
    },
  });
  stores.user.onChange(wake);
  stores.inForce.onChange(wake);

  logger.info({ version: options.version }, "controller starts");
  const http = await startHttpServer({
    ...(options.host === undefined ? {} : { host: options.host }),
    port: options.port,
    metrics: registry,
    whyNotReady: () => controller.whyNotReady(),
    ...(options.servesState ? { state: () => controller.state() } : {}),
    logger: logger.child({ component: "http" }),
  });
  world.onListening(http.port);
  try {
    await runLoops(
      [
        ...reflectorLoops(stores, options, { ...part("kube"), metrics: metrics.reflector }),
        { name: "configuration", run: (stop) => configuration.run(stop) },
        { name: "status", run: (stop) => writer.run(stop) },
        { name: "missing Services", run: (stop) => missing.run(stop) },
        { name: "events", run: (stop) => recorder.run(stop) },
        ...(election === undefined
          ? []
          : [{ name: "leader election", run: (stop: AbortSignal) => election.run(stop) }]),
      ],
      signal,
    );
    if (writer.mayStillBeWritten) {
      election?.end();
    } else {
      await election?.release();
    }
  } finally {
    await http.close();
  }
}

function electionOf(
  { namespace, configName, leaderElection }: ControllerOptions,
  { api, clock, identity }: ControllerWorld,
  logger: Logger,
  calls: Pick<ElectionOptions, "onChange" | "prepare">,
): Election | undefined {
  if (leaderElection === undefined) {
    return undefined;
  }
  const name = leaseName(configName);
  const terms = { ...leaderElection, identity, writeLimitMs };
  return new Election({ ...calls, api, namespace, name, terms, clock, logger });
}

/** Controllers that act on different ConfigMaps do not hold each other up. */
function leaseName(configName: string): string {
  return configName === "config" ? "routelb-controller" : `routelb-controller-${configName}`;
}

/** What a leader before us wrote may not have reached our watches. */
async function readNewest(
  api: KubeApi,
  { services, user, inForce }: Stores,
  { namespace, configName }: ControllerOptions,
  signal: AbortSignal,
): Promise<void> {
  const configMap = (store: Store<ConfigMap>, name: string) =>
    catchUp(api, {
      resource: resources.configMaps,
      namespace,
      name,
      store,
      project: projectConfigMap,
      signal,
    });
  await Promise.all([
    catchUp(api, {
      resource: resources.services,
      store: services,
      project: projectAndParse,
      signal,
    }),
    configMap(user, configName),
    configMap(inForce, `${configName}-in-force`),
  ]);
}

interface Stores {
  readonly services: Store<Service>;
  readonly namespaces: Store<Labels>;
  /** The user's ConfigMap, and the accepted one. */
  readonly user: Store<ConfigMap>;
  readonly inForce: Store<ConfigMap>;
}

function reflectorLoops(
  stores: Stores,
  { namespace, configName }: ControllerOptions,
  sources: Omit<ReflectorOptions<never>, "resource" | "store" | "project" | "comeback">,
): readonly Loop[] {
  const { services, namespaces, user, inForce } = stores;
  const { configMaps } = resources;
  const shared = { ...sources, comeback: new Comeback() };
  const reflect = <T>(
    resource: Resource,
    store: Store<T>,
    project: (object: KubeObject) => T,
    scope: Scope = {},
  ): Loop => {
    const { plural } = resource;
    const title = scope.name === undefined ? plural : `${plural}/${scope.name}`;
    const reflector = new Reflector({ ...shared, ...scope, resource, title, store, project });
    const name = `watch of ${title}`;
    return { name, run: (stop) => reflector.run(stop) };
  };
  return [
    reflect(resources.services, services, projectAndParse),
    reflect(resources.namespaces, namespaces, projectNamespace),
    reflect(configMaps, user, projectConfigMap, { namespace, name: configName }),
    reflect(configMaps, inForce, projectConfigMap, { namespace, name: `${configName}-in-force` }),
  ];
}

/** Parses addresses as the list comes in, so that the first pass over all Services is short. */
function projectAndParse(object: KubeObject): Service {
  const service = projectService(object);
  readRequest(service);
  return service;
}

function processWorld({ kubeconfigPath }: ControllerOptions): ControllerWorld {
  return {
    api: connectKubeApi({
      ...(kubeconfigPath === undefined ? {} : { kubeconfigPath }),
      fieldManager,
      clock: systemClock,
    }),
    clock: systemClock,
    random: Math.random,
    hostName: hostname(),
    identity: `${hostname()}_${randomUUID()}`,
    onListening: () => undefined,
  };
}
