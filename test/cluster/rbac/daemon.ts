import { readFile } from "node:fs/promises";
import { type Json, parseJson } from "../../../lab/kube/json.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { freePort } from "../../support/free-port.ts";
import type { BareCluster } from "../bare-cluster.ts";
import type { Account } from "./account.ts";

/** A controller or speaker as a process, of the bundle, on the host's loopback. */
export class Daemon implements AsyncDisposable {
  readonly #options: DaemonOptions;
  readonly #logFile: string;
  #process: LabProcess | undefined;
  #port = 0;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#logFile = options.cluster.instance.path(`${options.account.namespace}.log`);
  }

  async start(): Promise<void> {
    const { account, program, flags } = this.#options;
    this.#port = await freePort();
    const common = [
      `--kubeconfig=${account.kubeconfig}`,
      `--namespace=${account.namespace}`,
      "--host=127.0.0.1",
      `--port=${this.#port}`,
      "--log-level=debug",
    ];
    this.#process = await LabProcess.start({
      name: account.namespace,
      command: [process.execPath, program, account.component, ...common, ...flags],
      logFile: this.#logFile,
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  async stop(): Promise<void> {
    await this.#process?.stop(20_000);
  }

  /** Every line that it has logged, over all starts. */
  async log(): Promise<readonly Json[]> {
    const text = await readFile(this.#logFile, "utf8");
    return text.split("\n").flatMap((line) => (line.startsWith("{") ? [parseJson(line)] : []));
  }

  async metrics(): Promise<string> {
    return (await fetch(`http://127.0.0.1:${this.#port}/metrics`)).text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process?.stop(1_000);
  }
}

export interface DaemonOptions {
  readonly cluster: BareCluster;
  readonly account: Account;
  /** The JavaScript file of the bundle. */
  readonly program: string;
  /** Beyond those that both components have. */
  readonly flags: readonly string[];
}
