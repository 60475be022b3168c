import { mkdir, readFile } from "node:fs/promises";
import { runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { waitFor } from "../../lab/wait.ts";
import { cpuMs } from "../bgp/measure.ts";
import { nodeName, type ScaleCluster } from "./cluster.ts";
import type { Product, Role } from "./product.ts";

const port = 7472;

/** Turns of a process's event loop since it was last asked, in milliseconds. */
export interface Stall {
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** A controller or speaker in a node's namespace, as its manifest starts it. */
export class Daemon implements AsyncDisposable {
  /** Milliseconds since the Unix epoch. */
  readonly startedMs: number;
  readonly #process: LabProcess;
  readonly #namespace: string;
  readonly #role: Role;

  private constructor(process: LabProcess, role: Role, namespace: string, startedMs: number) {
    this.#process = process;
    this.#role = role;
    this.#namespace = namespace;
    this.startedMs = startedMs;
  }

  static async start(
    cluster: ScaleCluster,
    product: Product,
    role: Role,
    node: number,
  ): Promise<Daemon> {
    const name = nodeName(node);
    const namespace = cluster.namespace(name);
    const kubeconfig = await cluster.kubeconfigOf(role, product.namespace);
    const folder = cluster.path("daemons", name);
    await mkdir(folder, { recursive: true });
    const startedMs = Date.now();
    const process = await LabProcess.start({
      name: `${product.name} ${role} on ${name}`,
      namespace,
      command: product.command(role, name, kubeconfig),
      logFile: `${folder}/${product.namespace}-${role}.log`,
    });
    return new Daemon(process, role, namespace, startedMs);
  }

  /** Resolves when `/readyz` says yes. */
  async untilReady(timeoutMs: number): Promise<void> {
    await waitFor(
      async () => {
        await this.#get("readyz");
        return true;
      },
      { what: `${this.#process.name} is ready`, timeoutMs, intervalMs: 100 },
    );
  }

  /** Time that its threads have spent on a processor. */
  cpuMs(): Promise<number> {
    return cpuMs([this.#process.pid]);
  }

  /** What it keeps in memory now, in megabytes (2^20). */
  async rssMegabytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1_024;
  }

  async peakRssMegabytes(): Promise<number> {
    const status = await readFile(`/proc/${this.#process.pid}/status`, "utf8");
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? Number.NaN) / 1_024;
  }

  /** Begins anew at each call. */
  async stall(): Promise<Stall> {
    const text = await this.#get("metrics");
    const of = (name: string) => metric(text, `nodejs_eventloop_lag_${name}_seconds`) * 1_000;
    return { p99Ms: of("p99"), maxMs: of("max") };
  }

  /** The value of a series without labels. */
  async metric(name: string): Promise<number> {
    return metric(await this.#get("metrics"), name);
  }

  /** Ends it as a kubelet or an accident does, and resolves when it has ended. */
  async end(signal: "SIGTERM" | "SIGKILL"): Promise<void> {
    this.#process.signal(signal);
    await this.#process.exited;
  }

  /** A controller gives its Lease back; a speaker does not get the time to drain. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop(this.#role === "controller" ? 20_000 : 0);
  }

  async #get(path: string): Promise<string> {
    const url = `http://127.0.0.1:${port}/${path}`;
    return runIn(this.#namespace, "curl", ["-sf", "--max-time", "10", url]);
  }
}

function metric(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}
