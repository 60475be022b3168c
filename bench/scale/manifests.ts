import { at, type JsonObject, listAt, objectAt, textAt, textsAt } from "../../lab/kube/json.ts";
import { nodeAddress, nodeName } from "./cluster.ts";

export function serviceName(index: number): string {
  return `service-${String(index).padStart(5, "0")}`;
}

export const loadBalancer = { type: "LoadBalancer", allocateLoadBalancerNodePorts: false };

export function serviceObject(name: string, index: number, kind: JsonObject): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "scale", labels: { app: name, team: `team-${index % 50}` } },
    spec: {
      ...kind,
      selector: { app: name },
      ports: [{ name: "http", port: 80, targetPort: 8080 }],
    },
  };
}

export function sliceObject(
  service: string,
  index: number,
  endpoints: number,
  nodes: number,
  isReady: boolean,
): JsonObject {
  return {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: `${service}-abcde`,
      namespace: "scale",
      labels: {
        "kubernetes.io/service-name": service,
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
      },
    },
    addressType: "IPv4",
    ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    endpoints: Array.from({ length: endpoints }, (_, number) => {
      const node = (index * 7 + number) % nodes;
      return {
        addresses: [`10.${128 + (node >> 8)}.${node & 255}.${1 + (number % 250)}`],
        conditions: { ready: isReady, serving: isReady, terminating: false },
        nodeName: nodeName(node),
        targetRef: {
          kind: "Pod",
          namespace: "scale",
          name: `${service}-5d4f8c7b9-${String(number).padStart(5, "x")}`,
          uid: `00000000-0000-4000-8000-${String(index * 1_000 + number).padStart(12, "0")}`,
        },
      };
    }),
  };
}

/** What kube-controller-manager makes of the same Pods. */
export function endpointsObject(index: number, slice: JsonObject): JsonObject {
  const all = listAt(slice, "endpoints").map((endpoint) => ({
    isReady: at(endpoint, "conditions", "ready") === true,
    address: {
      ip: textsAt(endpoint, "addresses")[0] ?? "",
      nodeName: textAt(endpoint, "nodeName") ?? "",
      targetRef: objectAt(endpoint, "targetRef"),
    },
  }));
  const addressesOf = (isReady: boolean) =>
    all.filter((one) => one.isReady === isReady).map(({ address }) => address);
  const [addresses, notReadyAddresses] = [addressesOf(true), addressesOf(false)];
  return {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: serviceName(index), namespace: "scale", labels: { app: serviceName(index) } },
    subsets: [
      {
        ...(addresses.length > 0 && { addresses }),
        ...(notReadyAddresses.length > 0 && { notReadyAddresses }),
        ports: listAt(slice, "ports"),
      },
    ],
  };
}

export function nodeObject(index: number): JsonObject {
  const name = nodeName(index);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name,
      labels: {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        "topology.kubernetes.io/zone": `zone-${index % 3}`,
      },
    },
  };
}

/** With as many images as a node usually tells of: they are most of its size. */
export function nodeStatus(index: number, time: string): JsonObject {
  const condition = (type: string, status: string, reason: string) => ({
    type,
    status,
    reason,
    message: `kubelet has ${reason}`,
    lastHeartbeatTime: time,
    lastTransitionTime: "2026-01-01T00:00:00Z",
  });
  return {
    addresses: [
      { type: "InternalIP", address: nodeAddress(index) },
      { type: "Hostname", address: nodeName(index) },
    ],
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID"),
      condition("Ready", "True", "KubeletReady"),
    ],
    images: Array.from({ length: 50 }, (_, number) => ({
      names: [
        `registry.example.com/team/image-${number}@sha256:${String(number).repeat(32).slice(0, 64)}`,
        `registry.example.com/team/image-${number}:v1.${number}`,
      ],
      sizeBytes: 100_000_000 + number,
    })),
  };
}
