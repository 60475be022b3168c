import type { Service } from "../../cluster/service.ts";
import type { KubeApi, KubeObject, Scope } from "../../kube/client.ts";
import { Comeback } from "../../kube/comeback.ts";
import {
  projectConfigMap,
  projectEndpointSlice,
  projectNode,
  projectService,
} from "../../kube/project.ts";
import { projectPod } from "../../kube/project-placement.ts";
import { Reflector } from "../../kube/reflector.ts";
import { type Resource, resources } from "../../kube/resource.ts";
import type { Store } from "../../kube/store.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Loop } from "../../runtime/run.ts";
import { parseIngress } from "../candidate.ts";
import { essentialsOf } from "../essentials.ts";
import {
  type ClusterReads,
  findPresent,
  readNode,
  readRestartEvidence,
  readSlices,
  readSpeakerPods,
  speakerPods,
} from "./cluster-reads.ts";
import type { SpeakerMetrics } from "./metrics.ts";
import { SliceKeeper } from "./slice-keeper.ts";
import type { SpeakerStores } from "./stores.ts";

/** What keeps a Store equal to a resource, or to one object of it. */
export type Follow = <T>(
  resource: Resource,
  store: Store<T>,
  project: (object: KubeObject) => T | undefined,
  scope?: Scope,
  title?: string,
) => Loop;

/** How the API server is reached, and what is told of it. */
export interface ApiSources {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly random: () => number;
  readonly logger: Logger;
  readonly metrics: SpeakerMetrics;
}

/** Whose speaker it is. */
export interface SpeakerNames {
  readonly nodeName: string;
  readonly podName?: string;
  readonly namespace: string;
  readonly configName: string;
}

/** One for all that a process follows. */
export function followerOf({ api, clock, random, logger, metrics }: ApiSources): Follow {
  const comeback = new Comeback();
  return (resource, store, project, scope = {}, title) => {
    const what =
      title ??
      (scope.namespace === undefined ? resource.plural : `${resource.plural}/${scope.name}`);
    const reflector = new Reflector({
      ...scope,
      api,
      resource,
      store,
      project,
      clock,
      random,
      logger: logger.child({ component: "kube" }),
      metrics: metrics.follow(what),
      comeback,
    });
    return { name: `watch of ${what}`, run: (stop) => reflector.run(stop) };
  };
}

export function clusterReads(api: KubeApi, names: SpeakerNames, follow: Follow): ClusterReads {
  const { nodes, pods } = resources;
  const { namespace } = names;
  return {
    followNodes: (store, stop) => follow(nodes, store, projectNode, {}, "all nodes").run(stop),
    followSpeakers: (store, stop) =>
      follow(pods, store, projectPod, speakerPods(namespace), "speaker pods").run(stop),
    readNode: (name, stop) => readNode(api, name, stop),
    readSpeakers: (stop) => readSpeakerPods(api, namespace, stop),
    findPresent: (kind, keys, stop) => findPresent(api, resources[kind], keys, stop),
    readRestartEvidence: (stop) => readRestartEvidence(api, names, stop),
  };
}

/** Fills the Stores; EndpointSlices once it is known which Services need them. */
export function storeLoops(
  stores: SpeakerStores,
  { namespace, configName, nodeName }: SpeakerNames,
  sources: ApiSources,
  follow: Follow,
): readonly Loop[] {
  const { configMaps, nodes, services, endpointSlices } = resources;
  const inForceName = `${configName}-in-force`;
  const keeper = new SliceKeeper({
    ...sources,
    logger: sources.logger.child({ component: "slices" }),
    services: stores.services,
    serviceOf: (key) => stores.service(key),
    slices: stores.slices,
    nodeName,
    readSlices: (service, stop) => readSlices(sources.api, service, stop),
  });
  const slices = follow(endpointSlices, stores.slices, (object) => {
    const slice = projectEndpointSlice(object);
    return slice && keeper.take(slice);
  });
  return [
    follow(configMaps, stores.userConfig, projectConfigMap, { namespace, name: configName }),
    follow(configMaps, stores.inForceConfig, projectConfigMap, { namespace, name: inForceName }),
    follow(nodes, stores.nodes, projectNode, { name: nodeName }),
    follow(services, stores.services, projectLoadBalancer),
    {
      ...slices,
      run: async (stop) => {
        await synced(stores.services, stop);
        await slices.run(stop);
      },
    },
    { name: "EndpointSlices by Service", run: (stop) => keeper.run(stop) },
  ];
}

/**
 * No other Service matters here. Parses addresses as the list comes in, so that the first decision
 * is short.
 */
function projectLoadBalancer(object: KubeObject): Service | undefined {
  const service = essentialsOf(projectService(object));
  if (service.type !== "LoadBalancer") {
    return undefined;
  }
  parseIngress(service);
  return service;
}

/** Resolves once the Store has been filled, or `signal` aborts. */
function synced<T>(store: Store<T>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stopListening = store.onChange(() => settle());
    const settle = () => {
      if (store.isSynced || signal.aborted) {
        stopListening();
        signal.removeEventListener("abort", settle);
        resolve();
      }
    };
    signal.addEventListener("abort", settle);
    settle();
  });
}
