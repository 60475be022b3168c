import { type ApiClient, ApiError } from "../../lab/api-client.ts";
import { type JsonObject, listAt, textAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import { nodeName } from "./cluster.ts";
import {
  endpointsObject,
  loadBalancer,
  nodeObject,
  nodeStatus,
  serviceName,
  serviceObject,
  sliceObject,
} from "./manifests.ts";

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
  #others = 0;

  /** `writesEndpoints`: the older Endpoints, too, which MetalLB v0.11.0 reads on this Kubernetes. */
  constructor(api: ApiClient, { writesEndpoints = false } = {}) {
    this.#api = api;
    this.#writesEndpoints = writesEndpoints;
  }

  get services(): number {
    return this.#services;
  }

  /** Services that are no load balancers. */
  get others(): number {
    return this.#others;
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
      // The API server calls a new Node not ready; the controller that ends this does not run here.
      await this.#api.patch(`/api/v1/nodes/${nodeName(index)}`, { spec: { taints: [] } });
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
      await this.#api.create(services, serviceObject(serviceName(index), index, loadBalancer));
      if (hasEndpoints) {
        await this.setSlice(index, 1, true);
      }
    });
  }

  /** Services of the cluster's own traffic, with as many ready endpoints each. */
  async growOthers(count: number, endpoints: number): Promise<void> {
    const first = this.#others;
    this.#others = Math.max(first, count);
    await inParallel(this.#others - first, async (offset) => {
      const index = first + offset;
      const name = `other-${String(index).padStart(5, "0")}`;
      await this.#api.create(slices, sliceObject(name, index, endpoints, this.#nodes, true));
      await this.#api.create(services, serviceObject(name, index, { type: "ClusterIP" }));
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
  async untilNewestAddressed(timeoutMs?: number): Promise<string> {
    return this.untilAddressed(this.#services - 1, timeoutMs);
  }

  /** Resolves when every Service has an address. */
  async untilAllAddressed(): Promise<void> {
    await inParallel(this.#services, (index) => this.untilAddressed(index));
  }

  /** Resolves with a Service's address when it has one. */
  async untilAddressed(index: number, timeoutMs = 600_000): Promise<string> {
    return waitFor(() => this.#addressOf(index), {
      what: `${serviceName(index)} has an address`,
      timeoutMs,
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
    const body = sliceObject(serviceName(index), index, endpoints, this.#nodes, isReady);
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
