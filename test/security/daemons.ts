import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { freePort } from "../support/free-port.ts";

export const namespace = "routelb-system";
const program = join(import.meta.dirname, "../../src/cli/main.ts");

/** A controller and a speaker as processes with the most talkative log, and an API server. */
export class Daemons implements AsyncDisposable {
  readonly server: ApiServer;
  readonly kubeconfig: string;
  readonly folder: string;
  readonly #processes: ChildProcess[] = [];
  readonly #ports: number[] = [];
  /** Everything that they have written, to both outputs. */
  output = "";

  private constructor(server: ApiServer, folder: string) {
    this.server = server;
    this.folder = folder;
    this.kubeconfig = join(folder, "kubeconfig");
    writeFileSync(this.kubeconfig, formatKubeconfig({ server: server.url }));
  }

  static async start(): Promise<Daemons> {
    const folder = mkdtempSync(join(tmpdir(), "routelb-security-"));
    const daemons = new Daemons(await startApiServer(), folder);
    daemons.apply("Node", "node1", {
      status: { addresses: [{ type: "InternalIP", address: "127.0.0.1" }] },
    });
    await daemons.#launch("controller", "--no-leader-election");
    await daemons.#launch(
      "speaker",
      "--node-name=node1",
      "--dataplane-check=off",
      "--drain-time=0s",
    );
    return daemons;
  }

  /** Creates or replaces an object; namespaced ones in our namespace. */
  apply(kind: string, name: string, content: object): void {
    const metadata = { name, ...(kind !== "Node" && { namespace }) };
    this.server.objects.apply({ apiVersion: "v1", kind, metadata, ...content });
  }

  /** What both processes answer to `path`. */
  async ask(path: string): Promise<string> {
    const answers = await Promise.all(
      this.#ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}${path}`)).text()),
    );
    return answers.join("\n");
  }

  /** Ends both, as a kubelet does. */
  async stop(): Promise<void> {
    await Promise.all(
      this.#processes.map(async (child) => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGTERM");
        await once(child, "close");
      }),
    );
  }

  async #launch(component: string, ...flags: readonly string[]): Promise<void> {
    const port = await freePort();
    this.#ports.push(port);
    const common = [
      `--kubeconfig=${this.kubeconfig}`,
      "--host=127.0.0.1",
      `--port=${port}`,
      "--log-level=all",
    ];
    const child = spawn(process.execPath, [program, component, ...common, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#processes.push(child);
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#processes) child.kill("SIGKILL");
    await this.server.close();
    rmSync(this.folder, { recursive: true });
  }
}
