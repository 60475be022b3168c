import { once } from "node:events";
import { createConnection, type Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";
import type { Instance } from "../../lab/instance.ts";
import { LabProcess } from "../../lab/processes.ts";
import { waitFor } from "../../lab/wait.ts";
import type { SessionPeer } from "../../src/bgp/session/session.ts";
import type { SessionStatus } from "../../src/bgp/session/status.ts";
import type { WrittenRoutes } from "./routes.ts";

type AddressKey = "peerAddress" | "sourceAddress" | "routerId";

/** A peer entry as JSON: what is not said has the speaker's usual value. */
export type WrittenPeer = Partial<Omit<SessionPeer, AddressKey>> &
  Pick<SessionPeer, "localAsn" | "peerAsn"> & {
    readonly peerAddress: string;
    readonly sourceAddress?: string;
    readonly routerId?: string;
  };

export type SpeakerRequest =
  | {
      readonly type: "start";
      readonly peer: WrittenPeer;
      readonly nodeAddresses: readonly string[];
      readonly uptimeSeconds?: number;
      /** Also take connections that the peer opens, on this port. */
      readonly listenPort?: number;
    }
  | { readonly type: "routes"; readonly routes: WrittenRoutes }
  | { readonly type: "status" }
  | { readonly type: "close"; readonly text: string }
  | { readonly type: "close-for-restart" }
  /** Writes the recorded messages as a pcap file. */
  | { readonly type: "capture"; readonly path: string }
  | { readonly type: "memory" };

/** One BGP session in a process of its own, in a namespace, driven by the test. */
export class BgpSpeaker implements AsyncDisposable {
  readonly process: LabProcess;
  readonly #socket: Socket;
  readonly #lines: Interface;

  private constructor(process: LabProcess, socket: Socket) {
    this.process = process;
    this.#socket = socket;
    this.#lines = createInterface(socket);
  }

  static async start(instance: Instance, namespace: string, name = "bgp"): Promise<BgpSpeaker> {
    const path = instance.path(`${name}-${performance.now()}.sock`);
    const process = await LabProcess.start({
      name,
      namespace,
      command: [globalThis.process.execPath, "test/support/bgp-process.ts", path],
      logFile: instance.path(`${name}.log`),
    });
    const socket = await waitFor(
      async () => {
        const attempt = createConnection(path);
        await once(attempt, "connect");
        return attempt;
      },
      { what: `${name} listens`, timeoutMs: 20_000 },
    );
    return new BgpSpeaker(process, socket);
  }

  async request(request: SpeakerRequest): Promise<unknown> {
    this.#socket.write(`${JSON.stringify(request)}\n`);
    const [line]: string[] = await once(this.#lines, "line");
    return JSON.parse(line ?? "null");
  }

  async status(): Promise<SessionStatus> {
    const status = await this.request({ type: "status" });
    return status as SessionStatus;
  }

  /** Resolves with the first status of which `isIt` says so. */
  async waitFor(
    what: string,
    isIt: (status: SessionStatus) => boolean,
    timeoutMs = 30_000,
  ): Promise<SessionStatus> {
    return waitFor(
      async () => {
        const status = await this.status();
        return isIt(status) ? status : undefined;
      },
      { what, timeoutMs },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
    await this.process.stop();
  }
}
