import { type AddressFamily, parseAddress } from "../../../src/net/address.ts";
import {
  booleanAt,
  type Json,
  type JsonObject,
  listAt,
  numberAt,
  textAt,
  textMapAt,
  textsAt,
} from "../json.ts";
import { isDeleting } from "./owners.ts";
import { isPodOver, isPodReady } from "./pod-state.ts";

/** Endpoints of a Service that belong into the same slices: one family, the same ports. */
export interface EndpointGroup {
  readonly addressType: "IPv4" | "IPv6";
  readonly ports: readonly JsonObject[];
  readonly endpoints: readonly JsonObject[];
}

/** Whether the Service has endpoints that its selector finds. */
export function isSelecting(service: JsonObject): boolean {
  return (
    Object.keys(textMapAt(service, "spec", "selector")).length > 0 &&
    textAt(service, "spec", "type") !== "ExternalName"
  );
}

export function selects(service: JsonObject, pod: JsonObject): boolean {
  const labels = textMapAt(pod, "metadata", "labels");
  return Object.entries(textMapAt(service, "spec", "selector")).every(
    ([key, value]) => labels[key] === value,
  );
}

/**
 * What the EndpointSlices of a Service should hold; each of its families has at least one group,
 * which is empty if there are no Pods.
 */
export function endpointGroups(
  service: JsonObject,
  pods: readonly JsonObject[],
): readonly EndpointGroup[] {
  return textsAt(service, "spec", "ipFamilies").flatMap((family) => {
    const addressType = family === "IPv6" ? "IPv6" : "IPv4";
    const groups = new Map<string, { ports: readonly JsonObject[]; endpoints: JsonObject[] }>();
    for (const pod of pods.filter((candidate) => !isPodOver(candidate))) {
      const address = podAddress(pod, addressType === "IPv6" ? "ipv6" : "ipv4");
      if (address !== undefined) {
        const ports = resolvePorts(service, pod);
        const key = JSON.stringify(ports);
        const group = groups.get(key) ?? { ports, endpoints: [] };
        group.endpoints.push(endpointOf(service, pod, address));
        groups.set(key, group);
      }
    }
    return groups.size === 0
      ? [{ addressType, ports: [], endpoints: [] } satisfies EndpointGroup]
      : [...groups.values()].map((group): EndpointGroup => ({ addressType, ...group }));
  });
}

function podAddress(pod: JsonObject, family: AddressFamily): string | undefined {
  const all = listAt(pod, "status", "podIPs").map((entry) => textAt(entry, "ip") ?? "");
  return [...all, textAt(pod, "status", "podIP") ?? ""].find(
    (text) => parseAddress(text)?.family === family,
  );
}

function endpointOf(service: JsonObject, pod: JsonObject, address: string): JsonObject {
  const isReady = isPodReady(pod);
  const isTerminating = isDeleting(pod);
  const publishes = booleanAt(service, "spec", "publishNotReadyAddresses") ?? false;
  return {
    addresses: [address],
    conditions: {
      ready: publishes || (isReady && !isTerminating),
      serving: isReady,
      terminating: isTerminating,
    },
    nodeName: textAt(pod, "spec", "nodeName"),
    targetRef: {
      kind: "Pod",
      namespace: textAt(pod, "metadata", "namespace"),
      name: textAt(pod, "metadata", "name"),
      uid: textAt(pod, "metadata", "uid"),
    },
  };
}

/** The Service's ports as this Pod has them: a named targetPort may differ from Pod to Pod. */
function resolvePorts(service: JsonObject, pod: JsonObject): readonly JsonObject[] {
  return listAt(service, "spec", "ports").flatMap((port) => {
    const number = targetPort(port, pod);
    return number === undefined
      ? []
      : [
          {
            name: textAt(port, "name") ?? "",
            port: number,
            protocol: textAt(port, "protocol") ?? "TCP",
            ...appProtocol(port),
          },
        ];
  });
}

function appProtocol(port: Json): JsonObject {
  const protocol = textAt(port, "appProtocol");
  return protocol === undefined ? {} : { appProtocol: protocol };
}

function targetPort(port: Json, pod: JsonObject): number | undefined {
  const name = textAt(port, "targetPort");
  if (name === undefined) {
    return numberAt(port, "targetPort") ?? numberAt(port, "port");
  }
  const found = listAt(pod, "spec", "containers")
    .flatMap((container) => listAt(container, "ports"))
    .find(
      (candidate) =>
        textAt(candidate, "name") === name &&
        (textAt(candidate, "protocol") ?? "TCP") === (textAt(port, "protocol") ?? "TCP"),
    );
  return numberAt(found, "containerPort");
}

const maxEndpointsPerSlice = 100;

/**
 * Shares the endpoints of a group out over slices: each stays in the slice where it is, a new one
 * goes where there is room. The result has a list for each of `existing`, and more if needed.
 */
export function shareOut(
  endpoints: readonly JsonObject[],
  existing: readonly (readonly Json[])[],
): readonly (readonly JsonObject[])[] {
  const identity = (endpoint: Json): string =>
    textAt(endpoint, "targetRef", "uid") ?? textsAt(endpoint, "addresses").join(",");
  const pending = new Map(endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const slices = existing.map((old) =>
    old.flatMap((endpoint) => {
      const found = pending.get(identity(endpoint));
      pending.delete(identity(endpoint));
      return found === undefined ? [] : [found];
    }),
  );
  for (const endpoint of pending.values()) {
    const roomy = slices.find((slice) => slice.length < maxEndpointsPerSlice);
    if (roomy === undefined) {
      slices.push([endpoint]);
    } else {
      roomy.push(endpoint);
    }
  }
  return slices;
}
