import type { EndpointSlice } from "../../cluster/endpoint.ts";
import type { Node } from "../../cluster/node.ts";
import type { Pod } from "../../cluster/pod.ts";
import type { Service } from "../../cluster/service.ts";
import { type KubeApi, listAll, objectKey, type Scope } from "../../kube/client.ts";
import { projectEndpointSlice, projectNode } from "../../kube/project.ts";
import {
  projectDaemonSet,
  projectNodePlacement,
  projectPod,
} from "../../kube/project-placement.ts";
import { type Resource, resources } from "../../kube/resource.ts";
import type { Store } from "../../kube/store.ts";
import type { RestartEvidence } from "../restart.ts";
import type { SliceList } from "./slice-keeper.ts";

/** What is read of the cluster beyond what is always followed, while something here leaves. */
export interface ClusterReads {
  /** Follows all Nodes until `signal` aborts. */
  readonly followNodes: (store: Store<Node>, signal: AbortSignal) => Promise<void>;
  /** Follows the speakers' Pods until `signal` aborts. */
  readonly followSpeakers: (store: Store<Pod>, signal: AbortSignal) => Promise<void>;
  readonly readNode: (name: string, signal: AbortSignal) => Promise<Node>;
  readonly readSpeakers: (signal: AbortSignal) => Promise<readonly Pod[]>;
  /** Which of `keys` the server has, by a list of the newest state. */
  readonly findPresent: (
    kind: "services" | "endpointSlices",
    keys: ReadonlySet<string>,
    signal: AbortSignal,
  ) => Promise<ReadonlySet<string>>;
  /** Rejects where a part is missing, too. */
  readonly readRestartEvidence: (signal: AbortSignal) => Promise<RestartEvidence>;
}

export interface SpeakerIdentity {
  readonly nodeName: string;
  /** Absent: nobody said, so nothing about our own Pod can be read. */
  readonly podName?: string;
  readonly namespace: string;
}

/** The speakers' Pods of a namespace, by the labels that the manifests give them. */
export function speakerPods(namespace: string): Scope {
  const labelSelector = "app.kubernetes.io/name=routelb,app.kubernetes.io/component=speaker";
  return { namespace, labelSelector };
}

export async function readSpeakerPods(
  api: KubeApi,
  namespace: string,
  signal: AbortSignal,
): Promise<readonly Pod[]> {
  const objects = await listAll(api, resources.pods, { ...speakerPods(namespace), signal });
  return objects.map(projectPod);
}

export async function readNode(api: KubeApi, name: string, signal: AbortSignal): Promise<Node> {
  return projectNode(await api.get({ resource: resources.nodes, name }, { signal }));
}

export async function findPresent(
  api: KubeApi,
  resource: Resource,
  keys: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const present = new Set<string>();
  let continueToken: string | undefined;
  do {
    const page = {
      limit: 500,
      signal,
      ...(continueToken === undefined ? {} : { continueToken }),
    };
    ({ continueToken } = await api.list(resource, page, (object) => {
      const key = objectKey(object);
      if (keys.has(key)) {
        present.add(key);
      }
    }));
  } while (continueToken !== undefined);
  return present;
}

/** The EndpointSlices of one Service, as they are now. */
export async function readSlices(
  api: KubeApi,
  { namespace, name }: Service,
  signal: AbortSignal,
): Promise<SliceList> {
  const slices: EndpointSlice[] = [];
  const scope = { namespace, labelSelector: `kubernetes.io/service-name=${name}` };
  const { resourceVersion } = await api.list(
    resources.endpointSlices,
    { ...scope, signal },
    (object) => {
      const slice = projectEndpointSlice(object);
      if (slice !== undefined) {
        slices.push(slice);
      }
    },
  );
  return { slices, resourceVersion };
}

/** Reads our own Pod, then its DaemonSet and the Node: `get` on each. */
export async function readRestartEvidence(
  api: KubeApi,
  { nodeName, podName, namespace }: SpeakerIdentity,
  signal: AbortSignal,
): Promise<RestartEvidence> {
  if (podName === undefined) {
    throw new Error("the name of our Pod is not known (--pod-name)");
  }
  const nodeRead = api.get({ resource: resources.nodes, name: nodeName }, { signal });
  const podRead = api.get({ resource: resources.pods, namespace, name: podName }, { signal });
  const [node, pod] = await Promise.all([nodeRead, podRead]);
  const ownPod = projectPod(pod);
  if (ownPod.daemonSet === undefined) {
    throw new Error("our Pod belongs to no DaemonSet");
  }
  const { name } = ownPod.daemonSet;
  const daemonSet = await api.get({ resource: resources.daemonSets, namespace, name }, { signal });
  return {
    ownPod,
    daemonSet: projectDaemonSet(daemonSet),
    node: projectNode(node),
    placement: projectNodePlacement(node),
  };
}
