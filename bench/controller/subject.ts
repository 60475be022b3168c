import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import { LabProcess } from "../../lab/processes.ts";
import { cpuMs, peakRssMegabytes } from "../bgp/measure.ts";

/** A controller that is measured. */
export interface Subject {
  readonly name: "routelb" | "metallb";
  readonly title: string;
  /** Where its ConfigMap `config` is. */
  readonly namespace: string;
  readonly metricsPrefix: string;
  readonly command: (paths: SubjectPaths, port: number) => readonly string[];
  /** Beside PATH. */
  readonly env: () => Promise<Readonly<Record<string, string>>>;
  /** A pool may shrink under the addresses of Services, which then move. */
  readonly renumbers: boolean;
}

export interface SubjectPaths {
  readonly kubeconfig: string;
  /** The program. */
  readonly program: string;
  /** For the log. */
  readonly folder: string;
}

export const subjects: Readonly<Record<Subject["name"], Subject>> = {
  routelb: {
    name: "routelb",
    title: "RouteLB",
    namespace: "routelb-system",
    metricsPrefix: "routelb",
    command: ({ program, kubeconfig }, port) => [
      process.execPath,
      program,
      "controller",
      `--kubeconfig=${kubeconfig}`,
      "--host=127.0.0.1",
      `--port=${port}`,
    ],
    env: deployedEnv,
    renumbers: true,
  },
  metallb: {
    name: "metallb",
    title: "MetalLB v0.11.0",
    namespace: "metallb-system",
    metricsPrefix: "metallb",
    command: ({ program, kubeconfig }, port) => [
      program,
      "--config=config",
      "--namespace=metallb-system",
      `--kubeconfig=${kubeconfig}`,
      `--port=${port}`,
    ],
    env: async () => ({}),
    renumbers: false,
  },
};

const manifest = join(import.meta.dirname, "../../deploy/base/controller.yaml");

/** What the manifest gives the controller's container, without what a kubelet fills in. */
async function deployedEnv(): Promise<Readonly<Record<string, string>>> {
  const { spec } = parse(await readFile(manifest, "utf8"));
  const variables: readonly { readonly name: string; readonly value?: string }[] =
    spec.template.spec.containers[0].env;
  const given = variables.flatMap(({ name, value }) =>
    value === undefined ? [] : [[name, value]],
  );
  return { NODE_ENV: "production", ...Object.fromEntries(given) };
}

/** What a phase cost the process; all of it counts from the last call of `take`. */
export interface Cost {
  readonly peakRssMegabytes: number;
  readonly cpuMs: number;
  /** Absent: the process does not measure it. */
  readonly longestStallMs?: number;
}

const port = 17_472;

/** A subject's process. */
export class RunningSubject implements AsyncDisposable {
  readonly #subject: Subject;
  readonly #process: LabProcess;
  #stallSeconds: number | undefined;
  #cpuMs = 0;

  private constructor(subject: Subject, process: LabProcess) {
    this.#subject = subject;
    this.#process = process;
  }

  static async start(subject: Subject, paths: SubjectPaths): Promise<RunningSubject> {
    const { PATH = "" } = process.env;
    const started = await LabProcess.start({
      name: subject.name,
      command: subject.command(paths, port),
      logFile: join(paths.folder, `${subject.name}.log`),
      env: { PATH, ...(await subject.env()) },
    });
    return new RunningSubject(subject, started);
  }

  /** Resolves when it says that so many addresses are in use, or when `limit` aborts: how many are. */
  async untilInUse(count: number, limit: AbortSignal): Promise<number> {
    for (;;) {
      // It may not listen yet.
      const inUse = await this.#inUse().catch(() => 0);
      if (inUse >= count || limit.aborted) return inUse;
      await delay(20);
    }
  }

  /** What was spent since the last call, or since the start. */
  async take(): Promise<Cost> {
    const { pid } = this.#process;
    await this.#metrics();
    const peak = await peakRssMegabytes([pid]);
    const cpu = await cpuMs([pid]);
    const cost: Cost = {
      peakRssMegabytes: peak,
      cpuMs: cpu - this.#cpuMs,
      ...(this.#stallSeconds === undefined ? {} : { longestStallMs: this.#stallSeconds * 1_000 }),
    };
    // The kernel starts the peak anew from what is resident now.
    await writeFile(`/proc/${pid}/clear_refs`, "5");
    await this.#metrics();
    this.#cpuMs = cpu;
    this.#stallSeconds = undefined;
    return cost;
  }

  async stop(): Promise<void> {
    await this.#process.stop(30_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #inUse(): Promise<number> {
    const series = `${this.#subject.metricsPrefix}_allocator_addresses_in_use_total{`;
    let sum = 0;
    for (const line of (await this.#metrics()).split("\n")) {
      if (line.startsWith(series)) sum += Number(line.split(" ").at(-1));
    }
    return sum;
  }

  /** Each look at the metrics begins a new measurement of the event loop (monitorEventLoopDelay). */
  async #metrics(): Promise<string> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const [, seconds] = /^nodejs_eventloop_lag_max_seconds ([0-9.e+-]+)$/m.exec(text) ?? [];
    if (seconds !== undefined) {
      this.#stallSeconds = Math.max(this.#stallSeconds ?? 0, Number(seconds));
    }
    return text;
  }
}
