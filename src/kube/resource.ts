/** A kind of object that the API serves. */
export interface Resource {
  /** `v1`, or `group/version`. */
  readonly apiVersion: string;
  readonly kind: string;
  /** As in the path: lower case, plural. */
  readonly plural: string;
  readonly isNamespaced: boolean;
}

/** The resources that RouteLB uses. */
export const resources = {
  services: { apiVersion: "v1", kind: "Service", plural: "services", isNamespaced: true },
  endpointSlices: {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    plural: "endpointslices",
    isNamespaced: true,
  },
  nodes: { apiVersion: "v1", kind: "Node", plural: "nodes", isNamespaced: false },
  namespaces: { apiVersion: "v1", kind: "Namespace", plural: "namespaces", isNamespaced: false },
  configMaps: { apiVersion: "v1", kind: "ConfigMap", plural: "configmaps", isNamespaced: true },
  secrets: { apiVersion: "v1", kind: "Secret", plural: "secrets", isNamespaced: true },
  events: { apiVersion: "v1", kind: "Event", plural: "events", isNamespaced: true },
  pods: { apiVersion: "v1", kind: "Pod", plural: "pods", isNamespaced: true },
  leases: {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    plural: "leases",
    isNamespaced: true,
  },
  daemonSets: {
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    plural: "daemonsets",
    isNamespaced: true,
  },
} as const satisfies Record<string, Resource>;

/** The path of a whole resource, or of one namespace of it. */
export function collectionPath(resource: Resource, namespace: string | undefined): string {
  const root = resource.apiVersion.includes("/")
    ? `/apis/${resource.apiVersion}`
    : `/api/${resource.apiVersion}`;
  return namespace === undefined
    ? `${root}/${resource.plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${resource.plural}`;
}
