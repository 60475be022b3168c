import { type ApiClient, ApiError } from "../../lab/api-client.ts";
import { at, type JsonObject, listAt, objectAt, textAt, textsAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import { nodeAddress, nodeName } from "./cluster.ts";

/** So many requests are under way at one time. */
const width = 24;

/** Calls `work` for 0 to `count` - 1, some at a time. */
export async function inParallel(
  count: number,
  work: (index: number) => Promise<unknown>,
): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: width }, worker));
}

export function serviceName(index: number): string {
  return `service-${String(index).padStart(5, "0")}`;
}

const services = "/api/v1/namespaces/scale/services";
const endpointsPath = "/api/v1/namespaces/scale/endpoints";
const slices = "/apis/discovery.k8s.io/v1/namespaces/scale/endpointslices";

/** Writes what a cluster holds, each object as the parts of Kubernetes write it. */
export class ScaleObjects {
  readonly #api: ApiClient;
  readonly #writesEndpoints: boolean;
  readonly #sliced = new Set<number>();
  #nodes = 0;
  #services = 0;

  /** `writesEndpoints`: the older Endpoints, too, which MetalLB v0.11.0 reads on this Kubernetes. */
  constructor(api: ApiClient, { writesEndpoints = false } = {}) {
    this.#api = api;
    this.#writesEndpoints = writesEndpoints;
  }

  get services(): number {
    return this.#services;
  }

  get nodes(): number {
    return this.#nodes;
  }

  async growNodes(count: number): Promise<void> {
    const first = this.#nodes;
    this.#nodes = Math.max(first, count);
    await inParallel(this.#nodes - first, async (offset) => {
      const index = first + offset;
      await this.#createNode(nodeObject(index));
      await this.heartbeat(index);
    });
  }

  /** Another ScaleObjects may have made it. */
  async #createNode(node: JsonObject): Promise<void> {
    try {
      await this.#api.create("/api/v1/nodes", node);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) {
        throw error;
      }
    }
  }

  /** Without addresses, which the controller gives; with one endpoint each, or none. */
  async growServices(count: number, { hasEndpoints = false } = {}): Promise<void> {
    const first = this.#services;
    this.#services = Math.max(first, count);
    await inParallel(this.#services - first, async (offset) => {
      const index = first + offset;
      if (hasEndpoints) {
        await this.setSlice(index, 1, true);
      }
      await this.#api.create(services, serviceObject(index));
    });
  }

  /** With all that belongs to them. */
  async removeServices(): Promise<void> {
    await inParallel(this.#services, async (index) => {
      const name = serviceName(index);
      await this.#api.remove(`${services}/${name}`);
      await this.#api.remove(`${slices}/${name}-abcde`);
      await this.#api.remove(`${endpointsPath}/${name}`);
    });
    this.#services = 0;
    this.#sliced.clear();
  }

  /** Resolves with the newest Service's address when it has one: the controller goes by age. */
  async untilNewestAddressed(): Promise<string> {
    return this.untilAddressed(this.#services - 1);
  }

  /** Resolves when every Service has an address. */
  async untilAllAddressed(): Promise<void> {
    await inParallel(this.#services, (index) => this.untilAddressed(index));
  }

  /** Resolves with a Service's address when it has one. */
  async untilAddressed(index: number): Promise<string> {
    return waitFor(() => this.#addressOf(index), {
      what: `${serviceName(index)} has an address`,
      timeoutMs: 600_000,
      intervalMs: 100,
    });
  }

  async #addressOf(index: number): Promise<string | undefined> {
    const service = await this.#api.get(`${services}/${serviceName(index)}`);
    return textAt(listAt(service, "status", "loadBalancer", "ingress")[0], "ip");
  }

  /** Gives every Service so many ready endpoints, spread over all nodes. */
  async setEndpoints(endpoints: number): Promise<void> {
    await inParallel(this.#services, (index) => this.setSlice(index, endpoints, true));
  }

  /** Creates or replaces a Service's EndpointSlice. */
  async setSlice(index: number, endpoints: number, isReady: boolean): Promise<void> {
    const body = sliceObject(index, endpoints, this.#nodes, isReady);
    const isNew = !this.#sliced.has(index);
    this.#sliced.add(index);
    await Promise.all([
      this.#write(slices, `${serviceName(index)}-abcde`, body, isNew),
      ...(this.#writesEndpoints
        ? [this.#write(endpointsPath, serviceName(index), endpointsObject(index, body), isNew)]
        : []),
    ]);
  }

  async #write(path: string, name: string, body: JsonObject, isNew: boolean): Promise<void> {
    if (isNew) {
      await this.#api.create(path, body);
      return;
    }
    const { endpoints, subsets } = body;
    const change = endpoints === undefined ? { subsets: subsets ?? [] } : { endpoints };
    await this.#api.patch(`${path}/${name}`, change, "merge", 30_000);
  }

  /** What the controller would write if the Service got another address. */
  async moveService(index: number, ip: string): Promise<void> {
    const status = { loadBalancer: { ingress: [{ ip, ipMode: "VIP" }] } };
    await this.#api.patch(`${services}/${serviceName(index)}/status`, { status }, "merge", 30_000);
  }

  /** What a kubelet writes of its Node when nothing changed. */
  async heartbeat(index: number): Promise<void> {
    const status = nodeStatus(index, new Date().toISOString().replace(/\.\d+Z$/, "Z"));
    await this.#api.patch(`/api/v1/nodes/${nodeName(index)}/status`, { status }, "merge", 30_000);
  }
}

function serviceObject(index: number): JsonObject {
  const name = serviceName(index);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "scale", labels: { app: name, team: `team-${index % 50}` } },
    spec: {
      type: "LoadBalancer",
      allocateLoadBalancerNodePorts: false,
      selector: { app: name },
      ports: [{ name: "http", port: 80, targetPort: 8080 }],
    },
  };
}

export function sliceObject(
  index: number,
  endpoints: number,
  nodes: number,
  isReady: boolean,
): JsonObject {
  const service = serviceName(index);
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
function endpointsObject(index: number, slice: JsonObject): JsonObject {
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

function nodeObject(index: number): JsonObject {
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
function nodeStatus(index: number, time: string): JsonObject {
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
