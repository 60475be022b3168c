import { mkdir, readFile } from "node:fs/promises";
import { runIn } from "../../lab/namespaces.ts";
import { LabProcess } from "../../lab/processes.ts";
import { waitFor } from "../../lab/wait.ts";
import { cpuMs } from "../bgp/measure.ts";
import { nodeName, type ScaleCluster } from "./cluster.ts";

const port = 7472;

/** The event loop of a process since it was last asked, in milliseconds; its timer's period is 10. */
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

  private constructor(process: LabProcess, namespace: string, startedMs: number) {
    this.#process = process;
    this.#namespace = namespace;
    this.startedMs = startedMs;
  }

  static async start(
    cluster: ScaleCluster,
    role: "controller" | "speaker",
    node: number,
    kubeconfig: string,
  ): Promise<Daemon> {
    const namespace = cluster.namespace(nodeName(node));
    const folder = cluster.path("daemons", nodeName(node));
    await mkdir(folder, { recursive: true });
    const own = role === "speaker" ? [`--node-name=${nodeName(node)}`] : [];
    const startedMs = Date.now();
    const process_ = await LabProcess.start({
      name: `${role} on ${nodeName(node)}`,
      namespace,
      command: [
        process.execPath,
        cluster.program,
        role,
        `--kubeconfig=${kubeconfig}`,
        `--port=${port}`,
        ...own,
      ],
      logFile: `${folder}/${role}.log`,
    });
    return new Daemon(process_, namespace, startedMs);
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop(20_000);
  }

  async #get(path: string): Promise<string> {
    const url = `http://127.0.0.1:${port}/${path}`;
    return runIn(this.#namespace, "curl", ["-sf", "--max-time", "10", url]);
  }
}

function metric(text: string, name: string): number {
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1] ?? Number.NaN);
}
