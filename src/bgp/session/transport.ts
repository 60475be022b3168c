import { Socket } from "node:net";
import { type Address, makeAddress, parseAddress } from "../../net/address.ts";

/** How to reach a peer, and what the socket must have before its first packet. */
export interface ConnectTarget {
  readonly address: Address;
  readonly port: number;
  readonly sourceAddress?: Address;
  /** TCP MD5 key (RFC 2385), at most 80 octets of UTF-8. */
  readonly password?: string;
  /** GTSM (RFC 5082): packets that came over more hops than this are dropped; ours leave with TTL 255. */
  readonly ttlSecurityHops?: number;
}

/**
 * What happens on one TCP connection. Calls come one at a time, never from inside a call to the
 * connection. After `closed` nothing more comes.
 */
export interface ConnectionListener {
  connected(local: Address, remote: Address): void;
  received(octets: Uint8Array): void;
  /** All that was written has left for the kernel; comes after each `write` that gets that far. */
  drained(): void;
  /** The connection ended or never came to be; `error` is absent when the peer closed in order. */
  closed(error?: Error): void;
}

/** One TCP connection, or the attempt at one. */
export interface TransportConnection {
  /** Queues `octets`, which the caller no longer touches. False: wait for `drained` before more. */
  write(octets: Uint8Array): boolean;
  /**
   * Sends what is queued, then FIN; a peer that does not take it within 5 s is dropped. The listener
   * hears nothing more. Resolves when the connection is gone.
   */
  end(): Promise<void>;
  /** Drops the connection and what is queued at once. The listener hears nothing more. */
  destroy(): void;
}

/** Where connections come from: TCP in the process, memory in tests. */
export interface Transport {
  /** Starts one attempt; its outcome comes to `listener`, never before this call returned. */
  connect(target: ConnectTarget, listener: ConnectionListener): TransportConnection;
}

/** DSCP CS6, network control (RFC 4594 §3.1), as the octet of the IP header. */
const networkControl = 0xc0;
const maxEndMs = 5_000;

/** TCP by `node:net`. */
export const tcpTransport: Transport = {
  connect(target, listener) {
    const socket = new Socket();
    const connection = new TcpConnection(socket, listener);
    socket.connect({
      host: target.address.text,
      port: target.port,
      ...(target.sourceAddress && { localAddress: target.sourceAddress.text }),
    });
    return connection;
  },
};

/** A socket behind the port; its listener is called from the socket's own events only. */
export class TcpConnection implements TransportConnection {
  readonly #socket: Socket;
  #listener: ConnectionListener | undefined;
  #error: Error | undefined;

  constructor(socket: Socket, listener: ConnectionListener) {
    this.#socket = socket;
    this.#listener = listener;
    socket.setNoDelay(true);
    socket.setTypeOfService(networkControl);
    socket.on("connect", () => this.#connected());
    socket.on("data", (octets) => this.#listener?.received(octets));
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("close", () => this.#listener?.closed(this.#error));
  }

  write(octets: Uint8Array): boolean {
    return this.#socket.write(octets, (error) => {
      if (!error && this.#socket.writableLength === 0) {
        this.#listener?.drained();
      }
    });
  }

  end(): Promise<void> {
    this.#listener = undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    if (this.#socket.destroyed) {
      resolve();
      return promise;
    }
    const timeout = setTimeout(() => this.#socket.destroy(), maxEndMs);
    this.#socket.once("close", () => {
      clearTimeout(timeout);
      resolve();
    });
    this.#socket.end();
    this.#socket.resume();
    return promise;
  }

  destroy(): void {
    this.#listener = undefined;
    this.#socket.destroy();
  }

  #connected(): void {
    const local = socketAddress(this.#socket.localAddress);
    const remote = socketAddress(this.#socket.remoteAddress);
    if (local === undefined || remote === undefined) {
      this.#socket.destroy(new Error("the connection ended while it was set up"));
      return;
    }
    this.#listener?.connected(local, remote);
  }
}

/** A socket of both families shows IPv4 addresses mapped (RFC 4291 §2.5.5.2). */
function socketAddress(text: string | undefined): Address | undefined {
  const address = text === undefined ? undefined : parseAddress(text);
  return address?.family === "ipv6" && address.value >> 32n === 0xffffn
    ? makeAddress("ipv4", address.value & 0xffff_ffffn)
    : address;
}
