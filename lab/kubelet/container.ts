import { get } from "node:http";
import { LabProcess } from "../processes.ts";
import type { ContainerSpec, ReadinessProbe } from "./pod.ts";

export interface ContainerOptions {
  readonly spec: ContainerSpec;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly namespace: string;
  /** Where the readiness probe asks. */
  readonly address: string;
  readonly logFile: string;
  /** Called after each change of what the properties say. */
  readonly onChange: () => void;
}

/** Until the first success a probe is repeated this often, whatever its period. */
const startProbeMs = 200;
const restartDelaysMs = [500, 1_000, 2_000, 5_000, 10_000];

/** One container of a Pod: a process that is started again when it ends, and its readiness. */
export class Container {
  readonly spec: ContainerSpec;
  readonly #options: ContainerOptions;
  #process: LabProcess | undefined;
  #startedAt = "";
  #restarts = 0;
  #isReady = false;
  #isStopping = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: ContainerOptions) {
    this.spec = options.spec;
    this.#options = options;
  }

  get running(): boolean {
    return this.#process?.running ?? false;
  }

  get ready(): boolean {
    return this.running && this.#isReady;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** When the process that runs now, or ran last, was started. */
  get startedAt(): string {
    return this.#startedAt;
  }

  async start(): Promise<void> {
    const { spec, command, env, namespace, logFile, onChange } = this.#options;
    const { PATH = "/usr/sbin:/usr/bin:/sbin:/bin" } = process.env;
    const started = await LabProcess.start({
      name: spec.name,
      namespace,
      command,
      logFile,
      env: { PATH, ...env },
    });
    this.#process = started;
    this.#startedAt = new Date().toISOString().replace(/\.\d+Z$/, "Z");
    this.#isReady = spec.readiness === undefined;
    if (spec.readiness !== undefined) this.#probeAfter(startProbeMs, spec.readiness, 0);
    void this.#superviseEnd(started);
    onChange();
  }

  /** From here on the container is not started again; SIGTERM to its process. */
  terminate(): void {
    this.leave();
    this.#process?.signal("SIGTERM");
  }

  /** From here on the container is not started again; its process is left alone. */
  leave(): void {
    this.#isStopping = true;
  }

  kill(): void {
    this.leave();
    clearTimeout(this.#timer);
    this.#process?.signal("SIGKILL");
  }

  async #superviseEnd(started: LabProcess): Promise<void> {
    await started.exited;
    clearTimeout(this.#timer);
    this.#options.onChange();
    if (this.#isStopping) return;
    const delay = restartDelaysMs[Math.min(this.#restarts, restartDelaysMs.length - 1)];
    this.#restarts += 1;
    this.#timer = setTimeout(() => {
      if (!this.#isStopping) void this.start();
    }, delay);
  }

  #probeAfter(delayMs: number, probe: ReadinessProbe, failures: number): void {
    this.#timer = setTimeout(() => void this.#probe(probe, failures), delayMs);
  }

  async #probe(probe: ReadinessProbe, failures: number): Promise<void> {
    const asked = this.#process;
    const succeeded = await answers(this.#options.address, probe);
    // The answer of a process that was replaced meanwhile says nothing about the new one.
    if (asked !== this.#process || !this.running) return;
    const failed = succeeded ? 0 : failures + 1;
    const wasReady = this.#isReady;
    if (succeeded) this.#isReady = true;
    else if (failed >= probe.failureThreshold) this.#isReady = false;
    if (wasReady !== this.#isReady) this.#options.onChange();
    this.#probeAfter(this.#isReady ? probe.periodSeconds * 1000 : startProbeMs, probe, failed);
  }
}

function answers(host: string, probe: ReadinessProbe): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const signal = AbortSignal.timeout(probe.timeoutSeconds * 1000);
  const request = get({ host, port: probe.port, path: probe.path, agent: false, signal });
  request.on("response", (response) => {
    const status = response.statusCode ?? 0;
    response.resume();
    response.on("error", () => undefined);
    resolve(status >= 200 && status < 400);
  });
  request.on("error", () => resolve(false));
  return promise;
}
