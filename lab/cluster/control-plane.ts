import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { accountsOf, type Credentials, writeCredentials } from "./credentials.ts";
import {
  apiServerFlags,
  auditPolicy,
  type ClusterSettings,
  controllerManagerFlags,
  etcdFlags,
  firstServiceAddress,
  schedulerFlags,
} from "./flags.ts";

/** Starts a program in the network of the control plane's node; its output goes to a log. */
export type Launch = (name: string, argv: readonly string[]) => Promise<Program>;

export interface Program {
  /** Sends SIGTERM, after `patienceMs` SIGKILL, and waits until it is gone. */
  stop(patienceMs: number): Promise<void>;
  /** Resolves when it is gone, for whatever reason. */
  readonly exited: Promise<unknown>;
}

export interface ControlPlaneOptions extends ClusterSettings {
  /** Where buildControlPlane() left the programs. */
  readonly binaries: string;
  readonly nodeNames: readonly string[];
  readonly launch: Launch;
}

const readyWithinMs = 60_000;
const askAgainMs = 100;
const stopPatienceMs = 5_000;

/**
 * etcd, kube-apiserver, kube-controller-manager and kube-scheduler as a cluster runs them on its
 * first node, except that etcd does not wait for the disk.
 */
export class ControlPlane {
  /** The API server's address inside the cluster. */
  readonly server: string;
  /** A unix socket that leads to the API server from every network namespace; it speaks TLS. */
  readonly socket: string;
  readonly credentials: Credentials;
  readonly #options: ControlPlaneOptions;
  readonly #programs = new Map<string, Program>();

  private constructor(options: ControlPlaneOptions, server: string, credentials: Credentials) {
    this.#options = options;
    this.server = server;
    this.socket = join(options.folder, "api.socket");
    this.credentials = credentials;
  }

  /** Resolves when the API server says that it is ready; what fails on the way is stopped again. */
  static async start(options: ControlPlaneOptions): Promise<ControlPlane> {
    await mkdir(options.folder, { recursive: true });
    const server = `https://${options.address}:6443`;
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

  /** Ends all parts, the API server before the etcd that it needs to end well. */
  async stop(): Promise<void> {
    await Promise.all(
      ["kube-controller-manager", "kube-scheduler", "relay"].map((name) => this.#stop(name)),
    );
    await this.#stop("kube-apiserver");
    await this.#stop("etcd");
  }

  async #startAll(): Promise<void> {
    const { folder, address } = this.#options;
    await writeFile(join(folder, "audit-policy.json"), auditPolicy);
    await rm(this.socket, { force: true });
    await this.#launch("etcd", etcdFlags(this.#options));
    await this.#launchNode("relay", "relay.ts", [this.socket, address, "6443"]);
    await this.startApiServer();
    await Promise.all([
      this.#launch(
        "kube-controller-manager",
        controllerManagerFlags(
          this.#options,
          this.credentials,
          this.kubeconfig("kube-controller-manager"),
        ),
      ),
      this.#launch("kube-scheduler", schedulerFlags(this.kubeconfig("kube-scheduler"))),
    ]);
  }

  async #launch(name: string, flags: readonly string[]): Promise<void> {
    const argv = [join(this.#options.binaries, name), ...flags];
    this.#programs.set(name, await this.#options.launch(name, argv));
  }

  async #launchNode(name: string, file: string, flags: readonly string[]): Promise<void> {
    const argv = [process.execPath, join(import.meta.dirname, file), ...flags];
    this.#programs.set(name, await this.#options.launch(name, argv));
  }

  async #stop(name: string): Promise<void> {
    await this.#programs.get(name)?.stop(stopPatienceMs);
    this.#programs.delete(name);
  }

  async #untilReady(): Promise<void> {
    const ended = Symbol("ended");
    const exited = this.#programs.get("kube-apiserver")?.exited.then(() => ended);
    const authority = await readFile(this.credentials.certificateFile);
    const deadline = performance.now() + readyWithinMs;
    while (!(await isReady(this.socket, authority))) {
      if ((await Promise.race([exited, pause(askAgainMs)])) === ended) {
        throw new Error("kube-apiserver ended while it started: its log says why");
      }
      if (performance.now() > deadline) {
        throw new Error("kube-apiserver was not ready within a minute: its log says why");
      }
    }
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
