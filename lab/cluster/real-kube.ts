import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiClient, ApiError } from "../api-client.ts";
import type { Instance } from "../instance.ts";
import type { JsonObject } from "../kube/json.ts";
import { type ApiAccess, formatKubeconfig, readKubeconfig } from "../kubeconfig.ts";
import type { LabProcess } from "../processes.ts";
import { type Relay, relayToSocket } from "../relay.ts";
import type { ScenarioNode } from "../topology.ts";
import { waitFor } from "../wait.ts";
import { ControlPlane } from "./control-plane.ts";
import type { KubeProxyMode } from "./flags.ts";
import { startKubeProxy } from "./kube-proxy.ts";

export interface RealKubeOptions {
  readonly instance: Instance;
  /** Where buildControlPlane() left the programs. */
  readonly binaries: string;
  readonly proxyMode: KubeProxyMode;
  readonly nodes: readonly ScenarioNode[];
  /** How long a node may be silent before it is NotReady. */
  readonly nodeGraceSeconds: number;
}

const controlPlaneRole = "node-role.kubernetes.io/control-plane";

/**
 * The Kubernetes that the scenario's nodes join, real in every part but the kubelet: control plane
 * on the first of the nodes, kube-proxy on each.
 */
export class RealKube implements AsyncDisposable {
  readonly controlPlane: ControlPlane;
  /** As the administrator, from the host. */
  readonly access: ApiAccess;
  /** The same as a file. */
  readonly kubeconfig: string;
  readonly kubectl: string;
  readonly #options: RealKubeOptions;
  readonly #api: ApiClient;
  readonly #relay: Relay;
  readonly #proxies = new Map<string, LabProcess>();

  private constructor(
    options: RealKubeOptions,
    parts: {
      readonly controlPlane: ControlPlane;
      readonly relay: Relay;
      readonly access: ApiAccess;
    },
  ) {
    this.#options = options;
    this.controlPlane = parts.controlPlane;
    this.access = parts.access;
    this.kubeconfig = options.instance.path("kubeconfig");
    this.kubectl = join(options.binaries, "kubectl");
    this.#relay = parts.relay;
    this.#api = new ApiClient(parts.access);
  }

  /** Resolves when the API server is ready; no node has joined yet. */
  static async start(options: RealKubeOptions): Promise<RealKube> {
    const { instance, binaries, nodes, nodeGraceSeconds } = options;
    const first = nodes[0];
    if (first === undefined) throw new RangeError("a cluster has at least one node");
    const controlPlane = await ControlPlane.start({
      binaries,
      nodeGraceSeconds,
      folder: instance.path("cluster"),
      address: first.address,
      namespace: instance.namespace(first.name),
      nodeNames: nodes.map((node) => node.name),
    });
    const relay = await relayToSocket(controlPlane.socket);
    const admin = await readKubeconfig(controlPlane.kubeconfig("admin"));
    const access = { ...admin, server: `https://127.0.0.1:${relay.port}` };
    const kube = new RealKube(options, { controlPlane, relay, access });
    await writeFile(kube.kubeconfig, formatKubeconfig(access), { mode: 0o600 });
    await kube.#letKubeletsRoute();
    return kube;
  }

  /** The kubeconfig file of the node's kubelet: it may do what a node may. */
  kubeletKubeconfig(node: ScenarioNode): string {
    return this.controlPlane.kubeconfig(`kubelet-${node.name}`);
  }

  /** Starts what a node runs besides its kubelet. */
  async startNode(node: ScenarioNode): Promise<void> {
    const { binaries, proxyMode, instance } = this.#options;
    const proxy = await startKubeProxy({
      binaries,
      mode: proxyMode,
      nodeName: node.name,
      namespace: instance.namespace(node.name),
      kubeconfig: this.controlPlane.kubeconfig("kube-proxy"),
      logFolder: instance.path("nodes", node.name),
    });
    this.#proxies.set(node.name, proxy);
  }

  /** Marks the first node as the control plane's, once its kubelet has registered it. */
  async markControlPlane(signal: AbortSignal): Promise<void> {
    const path = `/api/v1/nodes/${this.#options.nodes[0]?.name ?? ""}`;
    const taints = [{ key: controlPlaneRole, effect: "NoSchedule" }];
    const change = { metadata: { labels: { [controlPlaneRole]: "" } }, spec: { taints } };
    await waitFor(() => this.#api.patch(path, change, "strategic-merge"), {
      what: "the first node is registered",
      timeoutMs: 30_000,
      signal,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#proxies.values()].map((proxy) => proxy.stop()));
    await this.#relay.close();
    await this.controlPlane.stop();
  }

  /**
   * The lab's kubelets make the routes to the Pods of other nodes, which is a network plugin's part
   * and beyond what a node may read.
   */
  async #letKubeletsRoute(): Promise<void> {
    const group = "rbac.authorization.k8s.io";
    const name = "lab:pod-routes";
    const metadata = { name };
    const rules = [{ apiGroups: [""], resources: ["nodes"], verbs: ["list", "watch"] }];
    await this.#create(`/apis/${group}/v1/clusterroles`, {
      apiVersion: `${group}/v1`,
      kind: "ClusterRole",
      metadata,
      rules,
    });
    await this.#create(`/apis/${group}/v1/clusterrolebindings`, {
      apiVersion: `${group}/v1`,
      kind: "ClusterRoleBinding",
      metadata,
      roleRef: { apiGroup: group, kind: "ClusterRole", name },
      subjects: [{ kind: "Group", apiGroup: group, name: "system:nodes" }],
    });
  }

  async #create(path: string, object: JsonObject): Promise<void> {
    try {
      await this.#api.create(path, object);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
  }
}
