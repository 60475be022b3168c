import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Json, objectAt, parseJson, textAt } from "../../../lab/kube/json.ts";
import { formatKubeconfig } from "../../../lab/kubeconfig.ts";
import { LabProcess } from "../../../lab/processes.ts";
import { waitFor } from "../../../lab/wait.ts";
import { freePort } from "../../support/free-port.ts";
import type { BareCluster } from "../bare-cluster.ts";
import { ApiProxy } from "./api-proxy.ts";

export const ourNamespace = "routelb-system";
const program = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const limitMs = 120_000;

/** Short, so that a takeover is; a new leader still waits for the 10 s of a write. */
export const leaseTerms = { durationSeconds: 4, renewSeconds: 3 };
const leaseFlags = [
  `--lease-duration=${leaseTerms.durationSeconds}s`,
  `--lease-renew=${leaseTerms.renewSeconds}s`,
];

/** Our controller as a process, with the rights of a service account. */
export class Replica implements AsyncDisposable {
  readonly proxy: ApiProxy;
  readonly process: LabProcess;
  readonly #logFile: string;
  readonly #port: number;

  private constructor(parts: Pick<Replica, "proxy" | "process">, logFile: string, port: number) {
    this.proxy = parts.proxy;
    this.process = parts.process;
    this.#logFile = logFile;
    this.#port = port;
  }

  /** Resolves once the process runs. @param account d: the one that `deploy/` makes */
  static async start(
    { instance, controlPlane, access, kubectl }: BareCluster,
    name: string,
    { account = "controller", flags = [] }: { account?: string; flags?: readonly string[] } = {},
  ): Promise<Replica> {
    const proxy = await ApiProxy.start(controlPlane.socket, access.certificateAuthority ?? "");
    const token = (await kubectl.run("create", "token", account, "-n", ourNamespace)).trim();
    const kubeconfig = instance.path(`${name}.kubeconfig`);
    await writeFile(kubeconfig, formatKubeconfig({ server: proxy.url, token }), { mode: 0o600 });
    const port = await freePort();
    const logFile = join(instance.directory, `${name}.log`);
    const process = await LabProcess.start({
      name,
      command: [
        globalThis.process.execPath,
        program,
        "controller",
        `--kubeconfig=${kubeconfig}`,
        "--host=127.0.0.1",
        `--port=${port}`,
        ...leaseFlags,
        ...flags,
      ],
      logFile,
    });
    return new Replica({ proxy, process }, logFile, port);
  }

  /** `leads` of /state; false when it does not answer. */
  async leads(): Promise<boolean> {
    const state: Json = parseJson(await this.fetch("/state"));
    return objectAt({ state }, "state")["leads"] === true;
  }

  async fetch(path: string): Promise<string> {
    const signal = AbortSignal.timeout(5_000);
    return (await fetch(`http://127.0.0.1:${this.#port}${path}`, { signal })).text();
  }

  /** Resolves with the line of its log, since the process started, that says `message`. */
  untilSays(message: string): Promise<Json> {
    return waitFor(() => this.says(message), { what: `"${message}"`, timeoutMs: limitMs });
  }

  /** The last line that says so. */
  async says(message: string): Promise<Json | undefined> {
    const lines = (await readFile(this.#logFile, "utf8")).split("\n");
    return lines
      .filter((line) => line.startsWith("{") && line.endsWith("}"))
      .map((line) => parseJson(line))
      .findLast((line) => textAt(line, "msg") === message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.signal("SIGCONT");
    await this.process.stop(10_000);
    await this.proxy[Symbol.asyncDispose]();
  }
}
