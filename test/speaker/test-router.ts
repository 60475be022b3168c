import { createServer, type Server, type Socket } from "node:net";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { decodeMessage, encodeMessage, keepalive } from "../../src/bgp/codec/message.ts";
import { notificationName, shutdownText } from "../../src/bgp/codec/notification.ts";
import type { ReceivedUpdate } from "../../src/bgp/codec/update.ts";
import { parseAddress } from "../../src/net/address.ts";

const gracefulShutdown = 0xffff_0000;
const gracefulRestart = {
  type: "graceful-restart",
  restarted: false,
  notification: false,
  restartTimeSeconds: 120,
  families: [],
} as const;
const context = { asnOctets: 4, internal: false } as const;

export interface TestRouterOptions {
  readonly asn: number;
  /** It keeps our routes over a restart (RFC 4724). */
  readonly gracefulRestart?: boolean;
}

/**
 * A router of the simplest kind on this host: takes any session, keeps the routes, writes down what
 * it was told.
 */
export class TestRouter {
  /** Prefixes that it has now. */
  readonly routes = new Set<string>();
  /** `open`, `+prefix` (` leaves` behind it with GRACEFUL_SHUTDOWN), `-prefix`, `End-of-RIB ipv4`, `NOTIFICATION ...`, `closed`, in order. */
  readonly log: string[] = [];
  /** The most connections that it had at one time. */
  mostConnections = 0;
  readonly #asn: number;
  readonly #gracefulRestart: boolean;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #waiting = new Set<() => void>();

  constructor({ asn, gracefulRestart = false }: TestRouterOptions) {
    this.#asn = asn;
    this.#gracefulRestart = gracefulRestart;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  /** Begins to listen, and gives the port; 0: one that is free. */
  async listen(port = 0, host = "127.0.0.1"): Promise<number> {
    await new Promise<void>((resolve) => {
      this.#server.listen(port, host, resolve);
    });
    const bound = this.#server.address();
    return typeof bound === "object" && bound !== null ? bound.port : 0;
  }

  /** Resolves as soon as `isTrue` says so; it is asked after everything that happens. */
  until(isTrue: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (isTrue()) {
          this.#waiting.delete(look);
          resolve();
        }
      };
      this.#waiting.add(look);
      look();
    });
  }

  /** Resolves when exactly these prefixes are there. */
  untilRoutes(...prefixes: readonly string[]): Promise<void> {
    const wanted = prefixes.toSorted().join();
    return this.until(() => [...this.routes].toSorted().join() === wanted);
  }

  /** How often `entry` is in the log. */
  count(entry: string): number {
    return this.log.filter((line) => line === entry).length;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) {
      socket.destroy();
    }
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const framer = new Framer();
    this.#sockets.add(socket);
    this.mostConnections = Math.max(this.mostConnections, this.#sockets.size);
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.routes.clear();
      this.#note("closed");
    });
    socket.on("data", (octets) => {
      framer.push(octets);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        const message = decodeMessage(frame, context);
        switch (message.type) {
          case "OPEN":
            this.#note("open");
            socket.write(this.#open());
            socket.write(encodeMessage(keepalive, context));
            break;
          case "UPDATE":
            this.#takeUpdate(message);
            break;
          case "NOTIFICATION":
            this.#note(`NOTIFICATION ${notificationName(message)}: ${shutdownText(message) ?? ""}`);
            break;
          case "KEEPALIVE":
          case "ROUTE-REFRESH":
            break;
        }
      }
    });
  }

  #open(): Uint8Array {
    const routerId = parseAddress("192.0.2.255");
    if (routerId === undefined) {
      throw new Error("no router-id");
    }
    return encodeMessage(
      {
        type: "OPEN",
        asn: this.#asn,
        holdTimeSeconds: 90,
        routerId,
        capabilities: [
          { type: "multiprotocol", afi: 1, safi: 1 },
          { type: "multiprotocol", afi: 2, safi: 1 },
          { type: "four-octet-asn", asn: this.#asn },
          ...(this.#gracefulRestart ? [gracefulRestart] : []),
        ],
      },
      context,
    );
  }

  #takeUpdate({ withdrawn, nlri, attributes }: ReceivedUpdate): void {
    const { mpReach, mpUnreach } = attributes;
    const reached = [...nlri, ...(mpReach?.type === "unicast" ? mpReach.prefixes : [])];
    const gone = [...withdrawn, ...(mpUnreach?.type === "unicast" ? mpUnreach.prefixes : [])];
    for (const { key } of gone) {
      this.routes.delete(key);
      this.#note(`-${key}`);
    }
    for (const { key } of reached) {
      this.routes.add(key);
      this.#note(attributes.communities?.includes(gracefulShutdown) ? `+${key} leaves` : `+${key}`);
    }
    if (reached.length + gone.length === 0) {
      const family = mpUnreach?.type === "unicast" ? mpUnreach.family : "ipv4";
      this.#note(`End-of-RIB ${family}`);
    }
  }

  #note(line: string): void {
    this.log.push(line);
    for (const look of this.#waiting) {
      look();
    }
  }
}
