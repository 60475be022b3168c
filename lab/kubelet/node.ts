import { hostname, release } from "node:os";
import { type ApiClient, ApiError } from "../api-client.ts";
import { type JsonObject, listAt, textAt } from "../kube/json.ts";
import { pause } from "../wait.ts";
import type { KubeletSettings } from "./settings.ts";

const requestTimeoutMs = 2_000;

/**
 * Keeps the Node object and its Lease. When the API server cannot be reached it tries on, over new
 * connections: those from before an interruption may hang for as long as TCP likes.
 */
export class NodeKeeper {
  readonly #client: ApiClient;
  readonly #settings: KubeletSettings;
  readonly #log: (message: string, error?: unknown) => void;
  #isShuttingDown = false;

  constructor(
    client: ApiClient,
    settings: KubeletSettings,
    log: (message: string, error?: unknown) => void,
  ) {
    this.#client = client;
    this.#settings = settings;
    this.#log = log;
  }

  /** Registers the Node, then renews its Lease until `signal` is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    let isRegistered = false;
    while (!signal.aborted) {
      try {
        if (!isRegistered) await this.#register();
        isRegistered = true;
        await this.#renewLease();
      } catch (error) {
        if (signal.aborted) return;
        this.#log("node heartbeat", error);
        this.#client.reconnect();
      }
      await pause(this.#settings.leaseSeconds * 1000, signal).catch(() => undefined);
    }
  }

  /** Says that the machine goes down, as a kubelet with graceful node shutdown does. */
  async shutDown(): Promise<void> {
    this.#isShuttingDown = true;
    await this.#patchStatus();
  }

  /** Puts the Ready condition right if `node`, the object as it is now, has another. */
  async correct(node: JsonObject | undefined): Promise<void> {
    if (node === undefined || this.#isShuttingDown) return;
    const ready = listAt(node, "status", "conditions").find(
      (condition) => textAt(condition, "type") === "Ready",
    );
    if (textAt(ready, "status") !== "True") await this.#patchStatus();
  }

  async #register(): Promise<void> {
    try {
      await this.#client.create("/api/v1/nodes", nodeObject(this.#settings));
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 409)) throw error;
    }
    await this.#patchStatus();
  }

  async #patchStatus(): Promise<void> {
    const status = nodeStatus(this.#settings, this.#isShuttingDown);
    // A strategic merge patch knows an address by its type alone, and would keep one InternalIP.
    const addresses = [{ $patch: "replace" }, ...listAt(status, "addresses")];
    const path = `/api/v1/nodes/${this.#settings.nodeName}/status`;
    await this.#client.patch(path, { status: { ...status, addresses } }, "strategic-merge");
  }

  async #renewLease(): Promise<void> {
    const { nodeName, leaseSeconds } = this.#settings;
    const collection = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    const spec = {
      holderIdentity: nodeName,
      leaseDurationSeconds: Math.max(4, leaseSeconds * 4),
      // MicroTime: six digits.
      renewTime: new Date().toISOString().replace("Z", "000Z"),
    };
    const path = `${collection}/${nodeName}`;
    try {
      await this.#client.patch(path, { spec }, "merge", requestTimeoutMs);
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
      await this.#client.create(collection, {
        apiVersion: "coordination.k8s.io/v1",
        kind: "Lease",
        metadata: { name: nodeName, namespace: "kube-node-lease" },
        spec,
      });
    }
  }
}

function nodeObject(settings: KubeletSettings): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: settings.nodeName,
      labels: {
        "kubernetes.io/hostname": settings.nodeName,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": process.arch === "x64" ? "amd64" : process.arch,
        ...settings.labels,
      },
    },
    spec: {
      podCIDR: settings.podCidr,
      podCIDRs: [settings.podCidr, ...(settings.ipv6 ? [settings.ipv6.podCidr] : [])],
      taints: settings.taints.map(({ key, value, effect }) => ({ key, value, effect })),
    },
    status: nodeStatus(settings, false),
  };
}

function nodeStatus(settings: KubeletSettings, isShuttingDown: boolean): JsonObject {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const resources = { cpu: "2", memory: "4Gi", pods: "110", "ephemeral-storage": "10Gi" };
  return {
    addresses: [
      { type: "InternalIP", address: settings.address },
      ...(settings.ipv6 ? [{ type: "InternalIP", address: settings.ipv6.address }] : []),
      { type: "Hostname", address: settings.nodeName },
    ],
    capacity: resources,
    allocatable: resources,
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "", now),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "", now),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "", now),
      isShuttingDown
        ? condition("Ready", "False", "KubeletNotReady", "node is shutting down", now)
        : condition("Ready", "True", "KubeletReady", "kubelet is posting ready status", now),
    ],
    nodeInfo: {
      machineID: settings.nodeName,
      systemUUID: settings.nodeName,
      bootID: `${hostname()}-${process.pid}`,
      kernelVersion: release(),
      osImage: "RouteLB lab",
      containerRuntimeVersion: "lab://1",
      kubeletVersion: "v1.32.0",
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: process.arch === "x64" ? "amd64" : process.arch,
    },
  };
}

function condition(
  type: string,
  status: string,
  reason: string,
  message: string,
  now: string,
): JsonObject {
  return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: now };
}
