import { createServer, type Server, type Socket } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { decodeMessage, type ReceivedMessage } from "../../src/bgp/codec/message.ts";
import { keepaliveOctets, openOctets } from "./hostile-peer.ts";

/** What a router that behaves saw of its speaker. */
export interface Seen {
  /** Times that a session came up. */
  readonly established: number;
  readonly closed: number;
  /** The longest time between two messages of an established session. */
  readonly longestSilenceMs: number;
  /** The longest turn of this router's own event loop: it hears nothing then, whoever speaks. */
  readonly longestTurnMs: number;
  /** From the change of a route in the speaker to its arrival here, in order of arrival. */
  readonly routeDelaysMs: readonly number[];
}

const context = { asnOctets: 4, internal: false } as const;
const keepaliveEveryMs = 800;

/** A router that does all that it should, and takes the time of what the speaker does. */
export class GoodRouter implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #routeDelaysMs: number[] = [];
  readonly #turns = monitorEventLoopDelay({ resolution: 10 });
  #established = 0;
  #closed = 0;
  #lastMessageMs: number | undefined;
  #longestSilenceMs = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.#turns.enable();
    const address = server.address();
    this.port = typeof address === "object" && address !== null ? address.port : 0;
    server.on("connection", (socket: Socket) => this.#serve(socket));
  }

  static async start(): Promise<GoodRouter> {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    return new GoodRouter(server);
  }

  get seen(): Seen {
    return {
      established: this.#established,
      closed: this.#closed,
      longestSilenceMs: this.#longestSilenceMs,
      longestTurnMs: this.#turns.max / 1e6,
      routeDelaysMs: this.#routeDelaysMs,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#turns.disable();
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #serve(socket: Socket): void {
    const framer = new Framer();
    this.#sockets.add(socket);
    this.#lastMessageMs = undefined;
    socket.setNoDelay(true);
    socket.write(openOctets);
    const timer = setInterval(() => socket.write(keepaliveOctets), keepaliveEveryMs);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      clearInterval(timer);
      this.#sockets.delete(socket);
      this.#closed += 1;
    });
    socket.on("data", (octets) => {
      framer.push(octets);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        this.#take(decodeMessage(frame, context), socket);
      }
    });
  }

  #take(message: ReceivedMessage, socket: Socket): void {
    const nowMs = performance.now();
    if (this.#lastMessageMs !== undefined) {
      this.#longestSilenceMs = Math.max(this.#longestSilenceMs, nowMs - this.#lastMessageMs);
      this.#lastMessageMs = nowMs;
    }
    if (message.type === "OPEN") {
      socket.write(keepaliveOctets);
    } else if (message.type === "KEEPALIVE" && this.#lastMessageMs === undefined) {
      this.#established += 1;
      this.#lastMessageMs = nowMs;
    } else if (message.type === "UPDATE" && message.attributes.multiExitDisc !== undefined) {
      const sentMs = message.attributes.multiExitDisc;
      const delayMs = ((performance.timeOrigin + nowMs) % 2 ** 32) - sentMs;
      this.#routeDelaysMs.push(delayMs);
    }
  }
}
