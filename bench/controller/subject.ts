import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parse } from "yaml";
import { LabProcess } from "../../lab/processes.ts";
import { cpuMs, peakRssMegabytes } from "../bgp/measure.ts";
import { loopDelayArgs, loopDelayEnv, takeLoopDelay } from "./loop-delay.ts";

/** A controller that is measured. */
export interface Subject {
  readonly name: "routelb" | "metallb";
  readonly title: string;
  /** Where its ConfigMap `config` is. */
  readonly namespace: string;
  readonly metricsPrefix: string;
  readonly command: (paths: SubjectPaths, port: number) => readonly string[];
  /** `loopDelayArgs` are among the command's. */
  readonly hasLoopDelay: boolean;
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
      ...loopDelayArgs,
      program,
      "controller",
      `--kubeconfig=${kubeconfig}`,
      "--host=127.0.0.1",
      `--port=${port}`,
    ],
    hasLoopDelay: true,
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
    hasLoopDelay: false,
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
  /** Both absent: the process does not measure it. By `monitorEventLoopDelay`, and by its own metric. */
  readonly longestStallMs?: number;
  readonly longestTurnMs?: number;
}

const port = 17_472;

/** A subject's process. */
export class RunningSubject implements AsyncDisposable {
  readonly #subject: Subject;
  readonly #process: LabProcess;
  readonly #loopDelayFile: string;
  #turnSeconds: number | undefined;
  #cpuMs = 0;

  private constructor(subject: Subject, process: LabProcess, loopDelayFile: string) {
    this.#subject = subject;
    this.#process = process;
    this.#loopDelayFile = loopDelayFile;
  }

  static async start(subject: Subject, paths: SubjectPaths): Promise<RunningSubject> {
    const { PATH = "" } = process.env;
    const loopDelayFile = join(paths.folder, "loop-delay");
    const started = await LabProcess.start({
      name: subject.name,
      command: subject.command(paths, port),
      logFile: join(paths.folder, `${subject.name}.log`),
      env: { PATH, ...loopDelayEnv(loopDelayFile), ...(await subject.env()) },
    });
    return new RunningSubject(subject, started, loopDelayFile);
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
      ...(this.#turnSeconds === undefined ? {} : { longestTurnMs: this.#turnSeconds * 1_000 }),
      ...(this.#subject.hasLoopDelay && {
        longestStallMs: await takeLoopDelay(pid, this.#loopDelayFile),
      }),
    };
    // The kernel starts the peak anew from what is resident now.
    await writeFile(`/proc/${pid}/clear_refs`, "5");
    await this.#metrics();
    this.#cpuMs = cpu;
    this.#turnSeconds = undefined;
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

  /** Each look at the metrics begins a new measurement of the event loop's turns. */
  async #metrics(): Promise<string> {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const [, seconds] = /^nodejs_eventloop_lag_max_seconds ([0-9.e+-]+)$/m.exec(text) ?? [];
    if (seconds !== undefined) {
      this.#turnSeconds = Math.max(this.#turnSeconds ?? 0, Number(seconds));
    }
    return text;
  }
}
