import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { ApiClient } from "./api-client.ts";
import type { Instance } from "./instance.ts";
import { type ApiAccess, formatKubeconfig } from "./kubeconfig.ts";
import type { Kubectl } from "./kubectl.ts";
import type { LabKube } from "./lab-kube.ts";
import { LabProcess } from "./processes.ts";
import { type Relay, relayToSocket } from "./relay.ts";
import { scenario } from "./scenario.ts";
import { HopelessError, pause, waitFor } from "./wait.ts";

const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const apiServerAddress = "172.16.7.10:8080";
const role = "node-role.kubernetes.io/control-plane";

/** The embedded API server with the lab's controllers, on node0: up in a second on any machine. */
export class EmbeddedKube implements LabKube {
  readonly access: ApiAccess;
  readonly loadBalancerNamespace = "routelb-system";
  readonly secondHopPeriodMs = 0;
  readonly kubelet = { secondHop: true, serviceAccountTokens: false, leaseSeconds: 1 };
  readonly #instance: Instance;
  readonly #relay: Relay;

  private constructor(instance: Instance, relay: Relay) {
    this.#instance = instance;
    this.#relay = relay;
    this.access = { server: `http://127.0.0.1:${relay.port}` };
  }

  /** Resolves when the server says that it is ready. */
  static async start(instance: Instance, signal: AbortSignal): Promise<EmbeddedKube> {
    const socket = instance.path("api.socket");
    const server = await LabProcess.start({
      name: "API server",
      namespace: instance.namespace("node0"),
      command: [
        process.execPath,
        file("kube/main.ts"),
        `--listen=${apiServerAddress}`,
        `--socket=${socket}`,
      ],
      logFile: instance.path("api-server.log"),
    });
    const kube = new EmbeddedKube(instance, await relayToSocket(socket));
    await waitFor(
      async () => {
        if (!server.running) throw new HopelessError("the API server ended");
        const answer = await fetch(`${kube.access.server}/readyz`);
        return answer.ok ? true : undefined;
      },
      { what: "API server is ready", timeoutMs: 30_000, signal },
    );
    return kube;
  }

  /** It watches and writes its rules at once. */
  async secondHopFollows(): Promise<void> {
    await pause(500);
  }

  async kubeletKubeconfig(): Promise<string> {
    const kubeconfig = this.#instance.path("kubelet.kubeconfig");
    await writeFile(kubeconfig, formatKubeconfig({ server: `http://${apiServerAddress}` }));
    return kubeconfig;
  }

  async startNode(): Promise<void> {}

  /** Marks node0 as the control plane's. */
  async nodesStarted(signal: AbortSignal): Promise<void> {
    await markControlPlane(new ApiClient(this.access), signal);
  }

  /** The workloads only: this server knows neither RBAC nor policies. */
  async deploy(kubectl: Kubectl, config: string): Promise<void> {
    const namespace = file("../deploy/base/namespace.yaml");
    await kubectl.run("create", "-f", namespace, "-f", config);
    for (const name of ["controller", "speaker"]) {
      const patch = await readFile(file(`manifests/deploy/${name}.yaml`), "utf8");
      const manifest = file(`../deploy/base/${name}.yaml`);
      const local = ["patch", "--local", "-o", "json", "-f", manifest, "-p", patch];
      await kubectl.runWith(await kubectl.run(...local), "create", "-f", "-");
    }
  }

  async close(): Promise<void> {
    await this.#relay.close();
  }
}

/** Gives node0, once it is registered, the label and the taint of a control plane's node. */
export async function markControlPlane(api: ApiClient, signal: AbortSignal): Promise<void> {
  const path = `/api/v1/nodes/${scenario.nodes[0]?.name ?? ""}`;
  const taints = [{ key: role, effect: "NoSchedule" }];
  const change = { metadata: { labels: { [role]: "" } }, spec: { taints } };
  await waitFor(() => api.patch(path, change, "strategic-merge"), {
    what: "the first node is registered",
    timeoutMs: 30_000,
    signal,
  });
}
