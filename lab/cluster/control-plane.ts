import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { LabProcess } from "../processes.ts";
import { waitFor } from "../wait.ts";
import { accountsOf, type Credentials, writeCredentials } from "./credentials.ts";
import {
  apiServerFlags,
  apiServerPort,
  auditPolicy,
  type ClusterSettings,
  controllerManagerFlags,
  etcdFlags,
  firstServiceAddress,
  schedulerFlags,
} from "./flags.ts";

export interface ControlPlaneOptions extends ClusterSettings {
  /** Where buildControlPlane() left the programs. */
  readonly binaries: string;
  /** The network namespace of the node that it runs on. */
  readonly namespace: string;
  readonly nodeNames: readonly string[];
  /** Only etcd and the API server: nobody but the caller acts on what is stored. */
  readonly isBare?: boolean;
}

const controllers = ["kube-controller-manager", "kube-scheduler"] as const;
const readyWithinMs = 60_000;
const stopPatienceMs = 5_000;

/**
 * etcd, kube-apiserver, kube-controller-manager and kube-scheduler as a cluster runs them on its
 * first node, except that etcd does not wait for the disk.
 */
export class ControlPlane implements AsyncDisposable {
  /** The API server's address inside the cluster. */
  readonly server: string;
  /** A unix socket that leads to the API server from every network namespace; it speaks TLS. */
  readonly socket: string;
  readonly credentials: Credentials;
  readonly #options: ControlPlaneOptions;
  readonly #processes = new Map<string, LabProcess>();

  private constructor(options: ControlPlaneOptions, server: string, credentials: Credentials) {
    this.#options = options;
    this.server = server;
    this.socket = join(options.folder, "api.socket");
    this.credentials = credentials;
  }

  /** Resolves when the API server says that it is ready; what fails on the way is stopped again. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    await mkdir(options.folder, { recursive: true });
    const server = `https://${options.address}:${apiServerPort}`;
    const credentials = await writeCredentials({
      folder: join(options.folder, "credentials"),
      server,
      addresses: [options.address, firstServiceAddress],
      accounts: accountsOf(options.nodeNames),
    });
    const controlPlane = new ControlPlane(options, server, credentials);
    try {
      await controlPlane.#startAll();
    } catch (error) {
      await controlPlane.stop();
      throw error;
    }
    return controlPlane;
  }

  /** @throws Error for a name that is no account of this cluster. */
  kubeconfig(account: string): string {
    const file = this.credentials.kubeconfigs.get(account);
    if (file === undefined) {
      throw new Error(`no account ${account} in this cluster`);
    }
    return file;
  }

  async stopApiServer(): Promise<void> {
    await this.#stop("kube-apiserver");
  }

  /**
   * Starts the API server on the etcd that is there. Its watch cache begins at the present, so
   * that a watch at a resourceVersion of before is answered with 410.
   */
  async startApiServer(): Promise<void> {
    await this.#launch("kube-apiserver", apiServerFlags(this.#options, this.credentials));
    await this.#untilReady();
  }

  async stopControllers(): Promise<void> {
    await Promise.all(controllers.map((name) => this.#stop(name)));
  }

  /** Starts kube-controller-manager and kube-scheduler, which know nothing of before. */
  async startControllers(): Promise<void> {
    const [manager, scheduler] = controllers;
    const managerAccess = this.kubeconfig(manager);
    await Promise.all([
      this.#launch(manager, controllerManagerFlags(this.#options, this.credentials, managerAccess)),
      this.#launch(scheduler, schedulerFlags(this.kubeconfig(scheduler))),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Ends all parts, the API server before the etcd that it needs to end well. */
  async stop(): Promise<void> {
    await Promise.all([this.stopControllers(), this.#stop("relay")]);
    await this.#stop("kube-apiserver");
    await this.#stop("etcd");
  }

  async #startAll(): Promise<void> {
    const { folder, address } = this.#options;
    await writeFile(join(folder, "audit-policy.json"), auditPolicy);
    await rm(this.socket, { force: true });
    await this.#launch("etcd", etcdFlags(this.#options));
    const relay = join(import.meta.dirname, "relay-main.ts");
    await this.#run("relay", [process.execPath, relay, this.socket, address, `${apiServerPort}`]);
    await this.startApiServer();
    if (this.#options.isBare !== true) await this.startControllers();
  }

  async #launch(name: string, flags: readonly string[]): Promise<void> {
    await this.#run(name, [join(this.#options.binaries, name), ...flags]);
  }

  async #run(name: string, command: readonly string[]): Promise<void> {
    const { namespace, folder } = this.#options;
    const logFile = join(folder, `${name}.log`);
    this.#processes.set(name, await LabProcess.start({ name, namespace, command, logFile }));
  }

  async #stop(name: string): Promise<void> {
    await this.#processes.get(name)?.stop(stopPatienceMs);
    this.#processes.delete(name);
  }

  async #untilReady(): Promise<void> {
    const authority = await readFile(this.credentials.certificateFile);
    const ended = new AbortController();
    void this.#processes
      .get("kube-apiserver")
      ?.exited.then(() => ended.abort(new Error("kube-apiserver ended: its log says why")));
    await waitFor(async () => (await isReady(this.socket, authority)) || undefined, {
      what: "kube-apiserver is ready",
      timeoutMs: readyWithinMs,
      intervalMs: 100,
      signal: ended.signal,
    });
  }
}

function isReady(socketPath: string, ca: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { socketPath, ca, servername: "localhost", path: "/readyz", timeout: 1000, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
    asked.end();
  });
}
