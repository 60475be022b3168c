import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import type { EndpointSlice } from "../../cluster/endpoint.ts";
import type { Node } from "../../cluster/node.ts";
import type { Labels } from "../../cluster/selector.ts";
import type { Service } from "../../cluster/service.ts";
import { readObjects } from "../../config/manifest-objects.ts";
import {
  isNotFound,
  type KubeApi,
  KubeError,
  type KubeObject,
  listAll,
} from "../../kube/client.ts";
import { isRecord, listOf, recordOf, textOf, textsOf } from "../../kube/json.ts";
import {
  type ConfigMap,
  projectConfigMap,
  projectEndpointSlice,
  projectNamespace,
  projectNode,
  projectSecret,
  projectService,
  type Secret,
} from "../../kube/project.ts";
import { type Resource, resources } from "../../kube/resource.ts";
import { type AddressRange, parseRange } from "../../net/range.ts";

/** What of a cluster a change of the configuration can concern, at one moment. */
export interface ClusterFacts {
  readonly services: readonly Service[];
  readonly namespaces: ReadonlyMap<string, Labels>;
  readonly nodes: readonly Node[];
  readonly slices: readonly EndpointSlice[];
  /** Of the Pods, as the Nodes say (spec.podCIDRs). */
  readonly podRanges: readonly AddressRange[];
  /** By `namespace/name`; those of the namespace of RouteLB that matter, where they exist. */
  readonly configMaps: ReadonlyMap<string, ConfigMap>;
  /** Those of manifests by `namespace/name`; those of a cluster are read by name (`readSecrets`). */
  readonly secrets: ReadonlyMap<string, Secret>;
}

export interface ConfigPlace {
  readonly namespace: string;
  /** Of the user's ConfigMap. */
  readonly name: string;
}

/**
 * Reads each resource once.
 *
 * @throws KubeError if one of them cannot be listed
 */
export async function readCluster(api: KubeApi, place: ConfigPlace): Promise<ClusterFacts> {
  const { namespace, name } = place;
  const configMap = (which: string) =>
    listAll(api, resources.configMaps, { namespace, name: which });
  const [services, namespaces, nodes, slices, user, inForce] = await Promise.all([
    listAll(api, resources.services),
    listAll(api, resources.namespaces),
    listAll(api, resources.nodes),
    listAll(api, resources.endpointSlices),
    configMap(name),
    configMap(`${name}-in-force`),
  ]);
  const configMaps = [...user, ...inForce];
  return factsOf({ services, namespaces, nodes, slices, configMaps, secrets: [] });
}

/** The Secrets of these names by `namespace/name`, as far as they exist and may be read. */
export async function readSecrets(
  api: KubeApi,
  namespace: string,
  names: Iterable<string>,
): Promise<{ readonly secrets: ReadonlyMap<string, Secret>; readonly forbidden: Set<string> }> {
  const secrets = new Map<string, Secret>();
  const forbidden = new Set<string>();
  for (const name of names) {
    try {
      const secret = projectSecret(await api.get({ resource: resources.secrets, namespace, name }));
      secrets.set(secret.key, secret);
    } catch (error) {
      if (error instanceof KubeError && error.status === 403) {
        forbidden.add(name);
      } else if (!isNotFound(error)) {
        throw error;
      }
    }
  }
  return { secrets, forbidden };
}

/** A manifest that cannot be read; the message names its file. */
export class ManifestError extends Error {
  override readonly name = "ManifestError";
}

const extensions: ReadonlySet<string> = new Set([".yaml", ".yml", ".json"]);

/**
 * Takes the cluster to be what the manifests in a folder say: `kubectl get -o yaml` of Services,
 * Namespaces, Nodes, EndpointSlices and ConfigMaps.
 *
 * @throws ManifestError
 */
export async function readManifests(folder: string): Promise<ClusterFacts> {
  const objects: KubeObject[] = [];
  for (const file of await filesOf(folder)) {
    try {
      for (const object of readObjects(await readFile(join(folder, file), "utf8"))) {
        objects.push(kubeObject(object));
      }
    } catch (error) {
      throw new ManifestError(`${file}: ${messageOf(error)}`, { cause: error });
    }
  }
  const of = ({ kind }: Resource) => objects.filter((object) => object["kind"] === kind);
  return factsOf({
    services: of(resources.services),
    namespaces: of(resources.namespaces),
    nodes: of(resources.nodes),
    slices: of(resources.endpointSlices),
    configMaps: of(resources.configMaps),
    secrets: of(resources.secrets),
  });
}

async function filesOf(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((file) => extensions.has(extname(file))).toSorted();
  } catch (error) {
    throw new ManifestError(messageOf(error), { cause: error });
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** A manifest of a namespaced object without a namespace is of `default`, as for kubectl. */
function kubeObject(object: Readonly<Record<string, unknown>>): KubeObject {
  const metadata = recordOf(object["metadata"]);
  const name = textOf(metadata["name"]);
  if (name === undefined) {
    throw new Error("an object has no metadata.name");
  }
  const isNamespaced = !["Node", "Namespace"].includes(textOf(object["kind"]) ?? "");
  const namespace = textOf(metadata["namespace"]) ?? (isNamespaced ? "default" : "");
  return {
    ...object,
    metadata: {
      ...metadata,
      name,
      namespace,
      uid: textOf(metadata["uid"]) ?? `${namespace}/${name}`,
      resourceVersion: textOf(metadata["resourceVersion"]) ?? "0",
    },
  };
}

function factsOf(objects: {
  readonly services: readonly KubeObject[];
  readonly namespaces: readonly KubeObject[];
  readonly nodes: readonly KubeObject[];
  readonly slices: readonly KubeObject[];
  readonly configMaps: readonly KubeObject[];
  readonly secrets: readonly KubeObject[];
}): ClusterFacts {
  const secrets = objects.secrets.map(projectSecret);
  const configMaps = objects.configMaps.map(projectConfigMap);
  return {
    services: objects.services.map(withFamilies).map(projectService),
    namespaces: new Map(
      objects.namespaces.map((object) => [object.metadata.name, projectNamespace(object)]),
    ),
    nodes: objects.nodes.map(projectNode),
    podRanges: objects.nodes
      .flatMap((node) => textsOf(recordOf(node["spec"])["podCIDRs"]))
      .flatMap((text) => parseRange(text) ?? []),
    slices: objects.slices.flatMap((object) => projectEndpointSlice(object) ?? []),
    configMaps: new Map(configMaps.map((configMap) => [configMap.key, configMap])),
    secrets: new Map(secrets.map((secret) => [secret.key, secret])),
  };
}

/** What the server fills in when a Service is created, where a manifest was written by hand. */
function withFamilies(object: KubeObject): KubeObject {
  const spec = object["spec"];
  if (!isRecord(spec) || listOf(spec["ipFamilies"]).length > 0) {
    return object;
  }
  const clusterIPs = listOf(spec["clusterIPs"]).length > 0 ? {} : { clusterIPs: ["0.0.0.0"] };
  return { ...object, spec: { ...spec, ipFamilies: ["IPv4"], ...clusterIPs } };
}
