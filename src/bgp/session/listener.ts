import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { type Address, makeAddress } from "../../net/address.ts";
import { CeaseError } from "../codec/iana.ts";
import { encodeMessage } from "../codec/message.ts";
import { ceaseNotification, type Notification } from "../codec/notification.ts";
import type { Logger } from "./ports.ts";
import { type IncomingTcp, incomingTcp, networkControl, socketErrorCode } from "./transport.ts";

/** What takes connections that its peer opens: a Session. */
export interface Acceptor {
  /** The answer, if there is one, is why not. */
  accept(incoming: IncomingTcp): Notification | undefined;
}

export interface ListenerOptions {
  /** Absent: all addresses of both families. */
  readonly address?: Address;
  /** 0: one that is free. Below 1024 it needs CAP_NET_BIND_SERVICE. */
  readonly port: number;
  readonly logger: Logger;
  /** Who speaks with the peer at this address. */
  readonly acceptorFor: (remote: Address) => Acceptor | undefined;
}

const rejected = ceaseNotification(CeaseError.ConnectionRejected);
/** How long a connection that we refuse may take to go. */
const refusalMs = 5_000;

/** Takes connections that peers open, and hands each to the session with that peer. */
export class BgpListener implements AsyncDisposable {
  readonly port: number;
  readonly #servers: readonly Server[];

  private constructor(servers: readonly Server[], port: number) {
    this.#servers = servers;
    this.port = port;
  }

  /** Rejects if the port cannot be had. */
  static async start(options: ListenerOptions): Promise<BgpListener> {
    const { address } = options;
    if (address !== undefined) {
      const server = await listen(options, address, options.port);
      return new BgpListener([server], portOf(server));
    }
    // One for each family: the packets of an IPv4 connection to a socket of both have no DSCP.
    const ipv4 = await listen(options, makeAddress("ipv4", 0n), options.port);
    const port = portOf(ipv4);
    try {
      const ipv6 = await listen(options, makeAddress("ipv6", 0n), port);
      return new BgpListener([ipv4, ipv6], port);
    } catch (error) {
      // A kernel without IPv6.
      if (error instanceof Error && socketErrorCode(error) === "EAFNOSUPPORT") {
        return new BgpListener([ipv4], port);
      }
      ipv4.close();
      throw error;
    }
  }

  /** Takes no more; connections that were handed over stay. */
  close(): void {
    for (const server of this.#servers) {
      server.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }
}

/** The kernel answers a SYN by itself, so the DSCP must be on the socket that listens. */
async function listen(options: ListenerOptions, address: Address, port: number): Promise<Server> {
  const { openSocket } = await import("../../native/socket.ts");
  const server = createServer((socket) => take(socket, options));
  const fd = openSocket({
    family: address.family,
    type: "stream",
    trafficClass: networkControl,
    bind: { address, port },
  });
  server.listen({ fd });
  await once(server, "listening");
  return server;
}

function portOf(server: Server): number {
  const bound = server.address();
  return typeof bound === "object" ? (bound?.port ?? 0) : 0;
}

function take(socket: Socket, { acceptorFor, logger }: ListenerOptions): void {
  const incoming = incomingTcp(socket);
  if (incoming === undefined) {
    socket.destroy();
    return;
  }
  const acceptor = acceptorFor(incoming.remote);
  const refusal = acceptor === undefined ? rejected : acceptor.accept(incoming);
  if (refusal === undefined) {
    return;
  }
  logger.debug({ remote: incoming.remote.text, subcode: refusal.subcode }, "connection refused");
  socket.on("error", (error) => logger.debug({ err: error }, "refused connection failed"));
  socket.setTimeout(refusalMs, () => socket.destroy());
  socket.resume();
  socket.end(encodeMessage(refusal, { asnOctets: 4, internal: false }));
}
