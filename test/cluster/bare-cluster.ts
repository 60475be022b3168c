import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiClient } from "../../lab/api-client.ts";
import { buildControlPlane } from "../../lab/cluster/build.ts";
import { ControlPlane, type ControlPlaneOptions } from "../../lab/cluster/control-plane.ts";
import { auditLog } from "../../lab/cluster/flags.ts";
import { Instance } from "../../lab/instance.ts";
import { type ApiAccess, formatKubeconfig, readKubeconfig } from "../../lab/kubeconfig.ts";
import { Kubectl } from "../../lab/kubectl.ts";
import { configure, createNamespaces } from "../../lab/namespaces.ts";
import { relayToSocket } from "../../lab/relay.ts";

const address = "172.16.7.10";
/** Nodes here are objects only: nobody renews their Leases. */
const nodeGraceSeconds = 3_600;

/** A real control plane without nodes, reached from the host over loopback. */
export class BareCluster implements AsyncDisposable {
  readonly instance: Instance;
  readonly controlPlane: ControlPlane;
  /** The network namespace in which the API server answers at its own address. */
  readonly namespace: string;
  /** As its administrator. */
  readonly access: ApiAccess;
  readonly api: ApiClient;
  readonly kubectl: Kubectl;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<BareCluster, "instance" | "controlPlane" | "namespace" | "access" | "kubectl">,
    resources: AsyncDisposableStack,
  ) {
    this.instance = parts.instance;
    this.controlPlane = parts.controlPlane;
    this.namespace = parts.namespace;
    this.access = parts.access;
    this.kubectl = parts.kubectl;
    this.api = new ApiClient(parts.access);
    this.#resources = resources;
  }

  /** @param id beginning of the instance's id; the process id follows */
  static async start(
    id: string,
    options: Pick<ControlPlaneOptions, "isBare" | "isDualStack"> = {},
  ): Promise<BareCluster> {
    const binaries = await buildControlPlane();
    await using resources = new AsyncDisposableStack();
    const instance = resources.use(await Instance.open(`${id}${process.pid}`));
    const namespace = instance.namespace("node0");
    await createNamespaces([namespace]);
    await configure(namespace, [
      "link add k8s type bridge",
      `addr add ${address}/24 dev k8s`,
      "link set k8s up",
    ]);
    const controlPlane = resources.use(
      await ControlPlane.start({
        binaries,
        folder: instance.path("cluster"),
        address,
        namespace,
        nodeNames: [],
        nodeGraceSeconds,
        ...options,
      }),
    );
    const relay = resources.use(await relayToSocket(controlPlane.socket));
    const admin = await readKubeconfig(controlPlane.kubeconfig("admin"));
    const access = { ...admin, server: `https://127.0.0.1:${relay.port}` };
    const kubeconfig = instance.path("host.kubeconfig");
    await writeFile(kubeconfig, formatKubeconfig(access), { mode: 0o600 });
    const kubectl = new Kubectl(join(binaries, "kubectl"), kubeconfig, instance.directory);
    return new BareCluster(
      { instance, controlPlane, namespace, access, kubectl },
      resources.move(),
    );
  }

  /** Everything that anybody asked of the API server. */
  get auditLog(): string {
    return auditLog({ folder: this.instance.path("cluster") });
  }

  /** Makes every resourceVersion of before too old to watch from. */
  async restartApiServer(): Promise<void> {
    await this.controlPlane.stopApiServer();
    await this.controlPlane.startApiServer();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
