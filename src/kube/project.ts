/**
 * API objects -> what decisions need of them. A field of the wrong type counts as absent, where
 * Kubernetes has a default for it; an object without what makes it one throws.
 */
import type { Endpoint, EndpointSlice } from "../cluster/endpoint.ts";
import type { Node } from "../cluster/node.ts";
import type { Labels } from "../cluster/selector.ts";
import type { Condition, Ingress, Service } from "../cluster/service.ts";
import { parseAddress } from "../net/address.ts";
import { type KubeObject, objectKey } from "./client.ts";
import { booleanOf, listOf, numberOf, recordOf, textOf, textRecordOf, textsOf } from "./json.ts";

const ourPrefixes = ["routelb.io/", "metallb.io/", "metallb.universe.tf/"];
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration";

export function projectService(object: KubeObject): Service {
  const { metadata } = object;
  const spec = recordOf(object["spec"]);
  const status = recordOf(object["status"]);
  const loadBalancerClass = filledText(spec["loadBalancerClass"]);
  const loadBalancerIP = filledText(spec["loadBalancerIP"]);
  const healthCheckNodePort = numberOf(spec["healthCheckNodePort"]);
  const ingressManager = managerOfIngress(metadata["managedFields"]);
  const policy = textOf(spec["ipFamilyPolicy"]);
  return {
    key: objectKey(object),
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    resourceVersion: metadata.resourceVersion,
    creationSeconds: secondsOf(metadata["creationTimestamp"]),
    deleting: metadata["deletionTimestamp"] !== undefined,
    labels: textRecordOf(metadata["labels"]),
    annotations: annotationsOf(object, (name) =>
      ourPrefixes.some((prefix) => name.startsWith(prefix)),
    ),
    type: textOf(spec["type"]) ?? "ClusterIP",
    ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }),
    ...(loadBalancerIP === undefined ? {} : { loadBalancerIP }),
    clusterIPs: clusterIpsOf(spec),
    ipFamilies: textsOf(spec["ipFamilies"]).flatMap((family) => {
      const known = { IPv4: "ipv4", IPv6: "ipv6" } as const;
      return family === "IPv4" || family === "IPv6" ? [known[family]] : [];
    }),
    ipFamilyPolicy:
      policy === "PreferDualStack" || policy === "RequireDualStack" ? policy : "SingleStack",
    externalTrafficPolicy: spec["externalTrafficPolicy"] === "Local" ? "Local" : "Cluster",
    ...(healthCheckNodePort === undefined || healthCheckNodePort === 0
      ? {}
      : { healthCheckNodePort }),
    ports: portsOf(spec["ports"]),
    selectorText: selectorTextOf(spec["selector"]),
    ingress: listOf(recordOf(status["loadBalancer"])["ingress"]).map(ingressOf),
    conditions: listOf(status["conditions"]).flatMap(conditionOf),
    ...(ingressManager === undefined ? {} : { ingressManager }),
  };
}

/** Servers before 1.20 have `clusterIP` only. */
function clusterIpsOf(spec: Readonly<Record<string, unknown>>): readonly string[] {
  const addresses = textsOf(spec["clusterIPs"]);
  if (addresses.length > 0) {
    return addresses;
  }
  const only = filledText(spec["clusterIP"]);
  return only === undefined ? [] : [only];
}

function portsOf(value: unknown): readonly string[] {
  return listOf(value)
    .map(recordOf)
    .map((port) => `${textOf(port["protocol"]) ?? "TCP"}:${numberOf(port["port"]) ?? 0}`)
    .sort();
}

function selectorTextOf(value: unknown): string {
  return Object.entries(textRecordOf(value))
    .map(([key, text]) => `${key}=${text}`)
    .sort()
    .join(",");
}

function ingressOf(value: unknown): Ingress {
  const entry = recordOf(value);
  const ip = textOf(entry["ip"]);
  const hostname = textOf(entry["hostname"]);
  const ipMode = textOf(entry["ipMode"]);
  return {
    ...(ip === undefined ? {} : { ip }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(ipMode === undefined ? {} : { ipMode }),
  };
}

function conditionOf(value: unknown): readonly Condition[] {
  const entry = recordOf(value);
  const type = textOf(entry["type"]);
  const status = textOf(entry["status"]);
  const observedGeneration = numberOf(entry["observedGeneration"]);
  if (type === undefined) {
    return [];
  }
  return [
    {
      type,
      status: status === "True" || status === "False" ? status : "Unknown",
      reason: textOf(entry["reason"]) ?? "",
      message: textOf(entry["message"]) ?? "",
      ...(observedGeneration === undefined ? {} : { observedGeneration }),
      lastTransitionTime: textOf(entry["lastTransitionTime"]) ?? "",
    },
  ];
}

/** The last writer that manages status.loadBalancer (metadata.managedFields, since 1.18). */
function managerOfIngress(managedFields: unknown): string | undefined {
  let newest: { readonly manager: string; readonly time: string } | undefined;
  for (const entry of listOf(managedFields).map(recordOf)) {
    const manager = textOf(entry["manager"]);
    const time = textOf(entry["time"]) ?? "";
    const status = recordOf(recordOf(entry["fieldsV1"])["f:status"]);
    const isNewest = newest === undefined || time >= newest.time;
    if (manager !== undefined && Object.hasOwn(status, "f:loadBalancer") && isNewest) {
      newest = { manager, time };
    }
  }
  return newest?.manager;
}

export function projectNode(object: KubeObject): Node {
  const { metadata } = object;
  const spec = recordOf(object["spec"]);
  const status = recordOf(object["status"]);
  const drainAnnotation = textRecordOf(metadata["annotations"])["routelb.io/drain"];
  return {
    name: metadata.name,
    uid: metadata.uid,
    labels: textRecordOf(metadata["labels"]),
    internalAddresses: listOf(status["addresses"])
      .map(recordOf)
      .filter((entry) => entry["type"] === "InternalIP")
      .flatMap((entry) => parseAddress(textOf(entry["address"]) ?? "") ?? []),
    ...(drainAnnotation === undefined ? {} : { drainAnnotation }),
    unschedulable: booleanOf(spec["unschedulable"]) ?? false,
    taints: listOf(spec["taints"]).flatMap((taint) => textOf(recordOf(taint)["key"]) ?? []),
    networkUnavailable: listOf(status["conditions"])
      .map(recordOf)
      .some((entry) => entry["type"] === "NetworkUnavailable" && entry["status"] === "True"),
  };
}

/** undefined: a slice of no Service, or of host names. */
export function projectEndpointSlice(object: KubeObject): EndpointSlice | undefined {
  const { metadata } = object;
  const service = textRecordOf(metadata["labels"])["kubernetes.io/service-name"];
  const addressType = object["addressType"];
  if (service === undefined || (addressType !== "IPv4" && addressType !== "IPv6")) {
    return undefined;
  }
  return {
    key: objectKey(object),
    serviceKey: `${metadata.namespace}/${service}`,
    family: addressType === "IPv4" ? "ipv4" : "ipv6",
    endpoints: listOf(object["endpoints"]).flatMap(endpointOf),
  };
}

function endpointOf(value: unknown): readonly Endpoint[] {
  const entry = recordOf(value);
  const [address] = textsOf(entry["addresses"]);
  const nodeName = textOf(entry["nodeName"]);
  const conditions = recordOf(entry["conditions"]);
  const ready = booleanOf(conditions["ready"]) ?? true;
  if (address === undefined) {
    return [];
  }
  return [
    {
      address,
      ...(nodeName === undefined ? {} : { nodeName }),
      ready,
      serving: booleanOf(conditions["serving"]) ?? ready,
      terminating: booleanOf(conditions["terminating"]) ?? false,
    },
  ];
}

/** The labels of a Namespace. */
export function projectNamespace(object: KubeObject): Labels {
  return textRecordOf(object.metadata["labels"]);
}

/** A ConfigMap that is watched by name; only what is text. */
export interface ConfigMap {
  /** `namespace/name`. */
  readonly key: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly data: Readonly<Record<string, string>>;
}

export function projectConfigMap(object: KubeObject): ConfigMap {
  return {
    key: objectKey(object),
    uid: object.metadata.uid,
    resourceVersion: object.metadata.resourceVersion,
    annotations: annotationsOf(object, (name) => name !== lastApplied),
    data: textRecordOf(object["data"]),
  };
}

/** A Secret that is watched by name. Never logged or shown. */
export interface Secret {
  /** `namespace/name`. */
  readonly key: string;
  /** Decoded, and read as UTF-8. */
  readonly data: ReadonlyMap<string, string>;
}

export function projectSecret(object: KubeObject): Secret {
  return {
    key: objectKey(object),
    data: new Map(
      Object.entries(textRecordOf(object["data"])).map(([name, base64]) => [
        name,
        Buffer.from(base64, "base64").toString("utf8"),
      ]),
    ),
  };
}

function annotationsOf(
  object: KubeObject,
  isWanted: (name: string) => boolean,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(textRecordOf(object.metadata["annotations"])).filter(([name]) => isWanted(name)),
  );
}

function filledText(value: unknown): string | undefined {
  const text = textOf(value);
  return text === "" ? undefined : text;
}

/** Seconds since the Unix epoch of an RFC 3339 time; 0 if there is none. */
function secondsOf(value: unknown): number {
  const milliseconds = Date.parse(textOf(value) ?? "");
  return Number.isNaN(milliseconds) ? 0 : Math.floor(milliseconds / 1_000);
}
