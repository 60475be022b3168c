/**
 * What a field holds. `int` and `bool` are always on the wire, and mean nothing when they are zero;
 * `int?` and `bool?` are there when they were set, and then zero counts.
 */
export type FieldKind =
  | "text"
  | "texts"
  | "int"
  | "int?"
  | "bool"
  | "bool?"
  | "text-map"
  | "bytes-map"
  | "int-or-string"
  | "time"
  | { readonly message: MessageName }
  | { readonly list: MessageName };

export type MessageFields = Readonly<Record<number, readonly [name: string, kind: FieldKind]>>;

export type MessageName = keyof typeof messages;

/** Field numbers of Kubernetes' messages: those that kubectl's `create` commands fill in. */
const messages = {
  ObjectMeta: {
    1: ["name", "text"],
    2: ["generateName", "text"],
    3: ["namespace", "text"],
    5: ["uid", "text"],
    6: ["resourceVersion", "text"],
    7: ["generation", "int"],
    8: ["creationTimestamp", "time"],
    9: ["deletionTimestamp", "time"],
    10: ["deletionGracePeriodSeconds", "int?"],
    11: ["labels", "text-map"],
    12: ["annotations", "text-map"],
    13: ["ownerReferences", { list: "OwnerReference" }],
    14: ["finalizers", "texts"],
  },
  OwnerReference: {
    1: ["kind", "text"],
    3: ["name", "text"],
    4: ["uid", "text"],
    5: ["apiVersion", "text"],
    6: ["controller", "bool?"],
    7: ["blockOwnerDeletion", "bool?"],
  },
  ConfigMap: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["data", "text-map"],
    3: ["binaryData", "bytes-map"],
    4: ["immutable", "bool?"],
  },
  Secret: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["data", "bytes-map"],
    3: ["type", "text"],
    4: ["stringData", "text-map"],
    5: ["immutable", "bool?"],
  },
  Namespace: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["spec", { message: "NamespaceSpec" }],
    3: ["status", { message: "NamespaceStatus" }],
  },
  NamespaceSpec: { 1: ["finalizers", "texts"] },
  NamespaceStatus: { 1: ["phase", "text"] },
  ServiceAccount: {
    1: ["metadata", { message: "ObjectMeta" }],
    4: ["automountServiceAccountToken", "bool?"],
  },
  Service: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["spec", { message: "ServiceSpec" }],
    3: ["status", { message: "ServiceStatus" }],
  },
  ServiceSpec: {
    1: ["ports", { list: "ServicePort" }],
    2: ["selector", "text-map"],
    3: ["clusterIP", "text"],
    4: ["type", "text"],
    5: ["externalIPs", "texts"],
    7: ["sessionAffinity", "text"],
    8: ["loadBalancerIP", "text"],
    9: ["loadBalancerSourceRanges", "texts"],
    10: ["externalName", "text"],
    11: ["externalTrafficPolicy", "text"],
    12: ["healthCheckNodePort", "int"],
    13: ["publishNotReadyAddresses", "bool"],
    17: ["ipFamilyPolicy", "text"],
    18: ["clusterIPs", "texts"],
    19: ["ipFamilies", "texts"],
    20: ["allocateLoadBalancerNodePorts", "bool?"],
    21: ["loadBalancerClass", "text"],
    22: ["internalTrafficPolicy", "text"],
    23: ["trafficDistribution", "text"],
  },
  ServicePort: {
    1: ["name", "text"],
    2: ["protocol", "text"],
    3: ["port", "int"],
    4: ["targetPort", "int-or-string"],
    5: ["nodePort", "int"],
    6: ["appProtocol", "text"],
  },
  ServiceStatus: { 1: ["loadBalancer", { message: "LoadBalancerStatus" }] },
  LoadBalancerStatus: { 1: ["ingress", { list: "LoadBalancerIngress" }] },
  LoadBalancerIngress: { 1: ["ip", "text"], 2: ["hostname", "text"], 3: ["ipMode", "text"] },
  Deployment: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["spec", { message: "DeploymentSpec" }],
    3: ["status", { message: "DeploymentStatus" }],
  },
  DeploymentSpec: {
    1: ["replicas", "int?"],
    2: ["selector", { message: "LabelSelector" }],
    3: ["template", { message: "PodTemplateSpec" }],
    4: ["strategy", { message: "DeploymentStrategy" }],
    5: ["minReadySeconds", "int"],
    6: ["revisionHistoryLimit", "int?"],
    7: ["paused", "bool"],
    9: ["progressDeadlineSeconds", "int?"],
  },
  DeploymentStrategy: {
    1: ["type", "text"],
    2: ["rollingUpdate", { message: "RollingUpdateDeployment" }],
  },
  RollingUpdateDeployment: {
    1: ["maxUnavailable", "int-or-string"],
    2: ["maxSurge", "int-or-string"],
  },
  DeploymentStatus: {
    1: ["observedGeneration", "int"],
    2: ["replicas", "int"],
    3: ["updatedReplicas", "int"],
    4: ["availableReplicas", "int"],
    5: ["unavailableReplicas", "int"],
    7: ["readyReplicas", "int"],
  },
  LabelSelector: {
    1: ["matchLabels", "text-map"],
    2: ["matchExpressions", { list: "LabelSelectorRequirement" }],
  },
  LabelSelectorRequirement: { 1: ["key", "text"], 2: ["operator", "text"], 3: ["values", "texts"] },
  PodTemplateSpec: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["spec", { message: "PodSpec" }],
  },
  PodSpec: {
    2: ["containers", { list: "Container" }],
    3: ["restartPolicy", "text"],
    4: ["terminationGracePeriodSeconds", "int?"],
    6: ["dnsPolicy", "text"],
    7: ["nodeSelector", "text-map"],
    8: ["serviceAccountName", "text"],
    9: ["serviceAccount", "text"],
    10: ["nodeName", "text"],
    11: ["hostNetwork", "bool"],
    12: ["hostPID", "bool"],
    13: ["hostIPC", "bool"],
    16: ["hostname", "text"],
    17: ["subdomain", "text"],
    19: ["schedulerName", "text"],
    24: ["priorityClassName", "text"],
  },
  Container: {
    1: ["name", "text"],
    2: ["image", "text"],
    3: ["command", "texts"],
    4: ["args", "texts"],
    5: ["workingDir", "text"],
    6: ["ports", { list: "ContainerPort" }],
    7: ["env", { list: "EnvVar" }],
    8: ["resources", { message: "ResourceRequirements" }],
    13: ["terminationMessagePath", "text"],
    14: ["imagePullPolicy", "text"],
    16: ["stdin", "bool"],
    17: ["stdinOnce", "bool"],
    18: ["tty", "bool"],
    20: ["terminationMessagePolicy", "text"],
  },
  ContainerPort: {
    1: ["name", "text"],
    2: ["hostPort", "int"],
    3: ["containerPort", "int"],
    4: ["protocol", "text"],
    5: ["hostIP", "text"],
  },
  EnvVar: { 1: ["name", "text"], 2: ["value", "text"] },
  ResourceRequirements: {},
  Eviction: {
    1: ["metadata", { message: "ObjectMeta" }],
    2: ["deleteOptions", { message: "DeleteOptions" }],
  },
  DeleteOptions: {
    1: ["gracePeriodSeconds", "int?"],
    2: ["preconditions", { message: "Preconditions" }],
    3: ["orphanDependents", "bool?"],
    4: ["propagationPolicy", "text"],
    5: ["dryRun", "texts"],
  },
  Preconditions: { 1: ["uid", "text"], 2: ["resourceVersion", "text"] },
} as const;

/** The fields of a message; undefined if it is none of ours. */
export function fieldsOf(message: string): MessageFields | undefined {
  return isMessageName(message) ? messages[message] : undefined;
}

function isMessageName(name: string): name is MessageName {
  return Object.hasOwn(messages, name);
}
