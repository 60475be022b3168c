import { join } from "node:path";
import { ApiClient, ApiError } from "../api-client.ts";
import { markControlPlane } from "../embedded-kube.ts";
import type { Instance } from "../instance.ts";
import type { JsonObject } from "../kube/json.ts";
import { type ApiAccess, readKubeconfig } from "../kubeconfig.ts";
import type { Kubectl } from "../kubectl.ts";
import type { LabKube } from "../lab-kube.ts";
import type { LabProcess } from "../processes.ts";
import { type Relay, relayToSocket } from "../relay.ts";
import { type ScenarioNode, scenario } from "../scenario.ts";
import { ControlPlane } from "./control-plane.ts";
import { auditLog, type KubeProxyMode } from "./flags.ts";
import { startKubeProxy } from "./kube-proxy.ts";
import { proxiesFollow } from "./proxy-marker.ts";

export interface RealKubeOptions {
  readonly instance: Instance;
  /** Where buildControlPlane() left the programs. */
  readonly binaries: string;
  /** IPv4 alone unless said. */
  readonly isDualStack?: boolean;
  /** nftables unless said. */
  readonly proxyMode?: KubeProxyMode;
  /** Of every kube-proxy: see KubeProxySettings. */
  readonly syncPeriodSeconds?: number;
  /** In place of RouteLB. */
  readonly loadBalancer?: LoadBalancer;
  /** As in KubeletSettings. */
  readonly images?: Readonly<Record<string, string>>;
}

/** A load balancer that the nodes' Pods are of: a Deployment `controller`, a DaemonSet `speaker`. */
export interface LoadBalancer {
  readonly namespace: string;
  readonly deploy: (kubectl: Kubectl) => Promise<void>;
}

/** How long a node may be silent before it is NotReady: less than the default, for short tests. */
const nodeGraceSeconds = 16;
const leaseSeconds = 4;

/**
 * The Kubernetes that the scenario's nodes join, real in every part but the kubelet: control plane
 * on the first of the nodes, kube-proxy on each.
 */
export class RealKube implements LabKube {
  readonly controlPlane: ControlPlane;
  readonly access: ApiAccess;
  readonly kubectl: string;
  /** kube-proxy's minSyncPeriod. */
  readonly secondHopPeriodMs = 1_000;
  readonly kubelet: LabKube["kubelet"];
  readonly loadBalancerNamespace: string;
  readonly #options: RealKubeOptions;
  readonly #api: ApiClient;
  readonly #relay: Relay;
  readonly #proxies = new Map<string, LabProcess>();
  #markers = 0;

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
    this.kubectl = join(options.binaries, "kubectl");
    this.#relay = parts.relay;
    this.#api = new ApiClient(parts.access);
    const { images = {}, loadBalancer } = options;
    this.kubelet = { secondHop: false, serviceAccountTokens: true, leaseSeconds, images };
    this.loadBalancerNamespace = loadBalancer?.namespace ?? "routelb-system";
  }

  /** Resolves when the API server is ready; no node has joined yet. */
  static async start(options: RealKubeOptions): Promise<RealKube> {
    const { instance, binaries } = options;
    const [first] = scenario.nodes;
    if (first === undefined) throw new Error("the scenario has no node0");
    const controlPlane = await ControlPlane.start({
      binaries,
      nodeGraceSeconds,
      isDualStack: options.isDualStack ?? false,
      folder: instance.path("cluster"),
      address: first.address,
      namespace: instance.namespace(first.name),
      nodeNames: scenario.nodes.map((node) => node.name),
    });
    const relay = await relayToSocket(controlPlane.socket);
    const admin = await readKubeconfig(controlPlane.kubeconfig("admin"));
    const access = { ...admin, server: `https://127.0.0.1:${relay.port}` };
    const kube = new RealKube(options, { controlPlane, relay, access });
    await kube.#letKubeletsRoute();
    return kube;
  }

  /** Everything that anybody asked of the API server. */
  get auditLog(): string {
    return auditLog({ folder: this.#options.instance.path("cluster") });
  }

  /** kube-proxy has rules for each family, which it writes one after the other. */
  async secondHopFollows(): Promise<void> {
    const [first] = scenario.nodes;
    if (first === undefined) throw new Error("the scenario has no node0");
    const isDualStack = this.#options.isDualStack ?? false;
    const addresses = isDualStack ? [first.address, first.ipv6.address] : [first.address];
    await Promise.all(
      addresses.map((address) => {
        this.#markers += 1;
        return proxiesFollow({
          api: this.#api,
          name: `kube-proxy-follows-${this.#markers}`,
          address,
          namespaces: [...this.#proxies].flatMap(([name, proxy]) =>
            proxy.running ? [this.#options.instance.namespace(name)] : [],
          ),
        });
      }),
    );
  }

  /** Of an account that may do what a node may. */
  async kubeletKubeconfig(node: ScenarioNode): Promise<string> {
    return this.controlPlane.kubeconfig(`kubelet-${node.name}`);
  }

  /** Starts its kube-proxy. */
  async startNode(node: ScenarioNode): Promise<void> {
    const {
      binaries,
      proxyMode = "nftables",
      isDualStack = false,
      instance,
      syncPeriodSeconds,
    } = this.#options;
    const proxy = await startKubeProxy({
      binaries,
      mode: proxyMode,
      isDualStack,
      nodeName: node.name,
      namespace: instance.namespace(node.name),
      kubeconfig: this.controlPlane.kubeconfig("kube-proxy"),
      logFolder: instance.path("nodes", node.name),
      ...(syncPeriodSeconds !== undefined && { syncPeriodSeconds }),
    });
    this.#proxies.set(node.name, proxy);
  }

  /** Its rules stay. `startNode` starts another one. */
  async killKubeProxy(node: string): Promise<void> {
    const proxy = this.#proxies.get(node);
    proxy?.signal("SIGKILL");
    await proxy?.exited;
  }

  async nodesStarted(signal: AbortSignal): Promise<void> {
    await markControlPlane(this.#api, signal);
    for (const { name, running } of this.#proxies.values()) {
      if (!running) throw new Error(`${name} ended while it started: its log says why`);
    }
  }

  /** With its RBAC, as a user deploys it. */
  async deploy(kubectl: Kubectl, config: string): Promise<void> {
    const { loadBalancer } = this.#options;
    if (loadBalancer !== undefined) return loadBalancer.deploy(kubectl);
    await kubectl.run("apply", "-k", join(import.meta.dirname, "../manifests/deploy"));
    await kubectl.run("apply", "-f", config);
  }

  async close(): Promise<void> {
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
