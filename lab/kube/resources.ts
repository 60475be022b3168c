export type Verb =
  | "create"
  | "delete"
  | "deletecollection"
  | "get"
  | "list"
  | "patch"
  | "update"
  | "watch";

export interface Subresource {
  readonly name: "status" | "scale" | "proxy" | "binding" | "eviction";
  /** What it speaks, where that is not the resource's own kind. */
  readonly group?: string;
  readonly version?: string;
  readonly kind: string;
  readonly verbs: readonly ("get" | "patch" | "update" | "create")[];
}

/** One kind of object under one API group and version. */
export interface ResourceType {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly Subresource[];
  /** metadata.generation counts changes of what the user asks for. */
  readonly countsGenerations: boolean;
  /** A PUT must name the resourceVersion that it replaces. */
  readonly needsVersionOnUpdate: boolean;
  /** A PUT of an object that is not there creates it. */
  readonly createsOnUpdate: boolean;
  /** Where objects are kept, if another group serves the same ones. */
  readonly storage: string;
}

const allVerbs: readonly Verb[] = [
  "create",
  "delete",
  "deletecollection",
  "get",
  "list",
  "patch",
  "update",
  "watch",
];

type Options = Partial<Omit<ResourceType, "group" | "version" | "plural" | "kind">>;

function define(
  groupVersion: string,
  plural: string,
  kind: string,
  options: Options = {},
): ResourceType {
  const [first = "", second] = groupVersion.split("/");
  return {
    group: second === undefined ? "" : first,
    version: second ?? first,
    plural,
    kind,
    singular: kind.toLowerCase(),
    shortNames: [],
    categories: [],
    namespaced: true,
    verbs: allVerbs,
    subresources: [],
    countsGenerations: false,
    needsVersionOnUpdate: false,
    createsOnUpdate: false,
    storage: plural,
    ...options,
  };
}

function status(kind: string): Subresource {
  return { name: "status", kind, verbs: ["get", "patch", "update"] };
}

const scale: Subresource = {
  name: "scale",
  group: "autoscaling",
  version: "v1",
  kind: "Scale",
  verbs: ["get", "patch", "update"],
};

/** All that is served; what RouteLB and the lab use, and what kubectl needs to show it. */
export const resourceTypes: readonly ResourceType[] = [
  define("v1", "configmaps", "ConfigMap", { shortNames: ["cm"] }),
  define("v1", "endpoints", "Endpoints", { shortNames: ["ep"], createsOnUpdate: true }),
  define("v1", "events", "Event", { shortNames: ["ev"], createsOnUpdate: true }),
  define("v1", "namespaces", "Namespace", {
    shortNames: ["ns"],
    namespaced: false,
    verbs: allVerbs.filter((verb) => verb !== "deletecollection"),
    subresources: [status("Namespace")],
  }),
  define("v1", "nodes", "Node", {
    shortNames: ["no"],
    namespaced: false,
    subresources: [status("Node")],
  }),
  define("v1", "pods", "Pod", {
    shortNames: ["po"],
    categories: ["all"],
    countsGenerations: true,
    subresources: [
      status("Pod"),
      { name: "binding", kind: "Binding", verbs: ["create"] },
      {
        name: "eviction",
        group: "policy",
        version: "v1",
        kind: "Eviction",
        verbs: ["create"],
      },
      { name: "proxy", kind: "PodProxyOptions", verbs: ["create", "get", "patch", "update"] },
    ],
  }),
  define("v1", "secrets", "Secret"),
  define("v1", "serviceaccounts", "ServiceAccount", { shortNames: ["sa"] }),
  define("v1", "services", "Service", {
    shortNames: ["svc"],
    categories: ["all"],
    subresources: [status("Service")],
  }),
  define("apps/v1", "daemonsets", "DaemonSet", {
    shortNames: ["ds"],
    categories: ["all"],
    countsGenerations: true,
    subresources: [status("DaemonSet")],
  }),
  define("apps/v1", "deployments", "Deployment", {
    shortNames: ["deploy"],
    categories: ["all"],
    countsGenerations: true,
    subresources: [scale, status("Deployment")],
  }),
  define("apps/v1", "replicasets", "ReplicaSet", {
    shortNames: ["rs"],
    categories: ["all"],
    countsGenerations: true,
    subresources: [scale, status("ReplicaSet")],
  }),
  define("coordination.k8s.io/v1", "leases", "Lease", {
    needsVersionOnUpdate: true,
    createsOnUpdate: true,
  }),
  define("discovery.k8s.io/v1", "endpointslices", "EndpointSlice", {
    countsGenerations: true,
    needsVersionOnUpdate: true,
  }),
  define("events.k8s.io/v1", "events", "Event", {
    shortNames: ["ev"],
    createsOnUpdate: true,
  }),
  // Kept and shown, so that our manifests can be created here too; nothing is ever refused by them.
  define("rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", {
    namespaced: false,
  }),
  define("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", { namespaced: false }),
  define("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding"),
  define("rbac.authorization.k8s.io/v1", "roles", "Role"),
];

export function groupVersion(resource: Pick<ResourceType, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

export function findResource(
  group: string,
  version: string,
  plural: string,
): ResourceType | undefined {
  return resourceTypes.find(
    (type) => type.group === group && type.version === version && type.plural === plural,
  );
}

export function findKind(apiVersion: string, kind: string): ResourceType | undefined {
  return resourceTypes.find((type) => groupVersion(type) === apiVersion && type.kind === kind);
}

/** The resource under which the objects of `storage` are kept. */
export function storedResource(storage: string): ResourceType {
  const found = resourceTypes.find((type) => type.plural === storage);
  if (found === undefined) {
    throw new Error(`no resource is called ${storage}`);
  }
  return found;
}
