import { Socket } from "node:net";
import { type Address, makeAddress, parseAddress } from "../../net/address.ts";
import type { ConnectionEnds } from "../message-record.ts";

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
  connected(ends: ConnectionEnds): void;
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
  /** Stops reading, but for what has been read already, until `resume`. */
  pause(): void;
  resume(): void;
  /**
   * Sends what is queued, then FIN; a peer that does not take it within 5 s is dropped. The listener
   * hears nothing more. Resolves when the connection is gone.
   */
  end(): Promise<void>;
  /** Drops the connection and what is queued at once. The listener hears nothing more. */
  destroy(): void;
}

/** A TCP connection that the peer opened, not yet anybody's. */
export interface IncomingTcp extends ConnectionEnds {
  /** From now on `listener` hears of it; `connected` is not called. */
  attach(listener: ConnectionListener): TransportConnection;
}

/** Where connections come from: TCP in the process, memory in tests. */
export interface Transport {
  /** Starts one attempt; its outcome comes to `listener`, never before this call returned. */
  connect(target: ConnectTarget, listener: ConnectionListener): TransportConnection;
}

/** DSCP CS6, network control (RFC 4594 §3.1), as the octet of the IP header. */
export const networkControl = 0xc0;
/** Leaves the source address to the kernel. */
const anyAddress = { ipv4: "0.0.0.0", ipv6: "::" } as const;
const maxEndMs = 5_000;
/** RFC 5082 §3: what comes from the next hop over has it, and nobody farther away can forge it. */
const maxTtl = 255;

/** TCP by `node:net`; options that it does not have come by native code, loaded when needed. */
export const tcpTransport: Transport = {
  connect(target, listener) {
    const connection = new TcpConnection(listener);
    if (target.password === undefined && target.ttlSecurityHops === undefined) {
      connection.dial(new Socket(), target);
    } else {
      void dialWithOptions(connection, target);
    }
    return connection;
  },
};

/**
 * The options must be on the socket before the first SYN (RFC 2385 §2), so a failure to set one is a
 * failure to connect: never a session without them.
 */
async function dialWithOptions(connection: TcpConnection, target: ConnectTarget): Promise<void> {
  try {
    const { openSocket } = await import("../../native/socket.ts");
    if (connection.isDestroyed) {
      return;
    }
    const { address, password, ttlSecurityHops } = target;
    const fd = openSocket({
      family: address.family,
      type: "stream",
      ...(password !== undefined && { md5: { peer: address, key: password } }),
      ...(ttlSecurityHops !== undefined && {
        ttl: maxTtl,
        minimumTtl: maxTtl + 1 - ttlSecurityHops,
      }),
    });
    connection.dial(new Socket({ fd }), target);
  } catch (error) {
    connection.fail(error instanceof Error ? error : new Error(String(error)));
  }
}

/** A socket behind the port; its listener is called from the socket's own events only. */
class TcpConnection implements TransportConnection {
  #listener: ConnectionListener | undefined;
  #socket: Socket | undefined;
  #error: Error | undefined;
  #isDestroyed = false;

  constructor(listener: ConnectionListener) {
    this.#listener = listener;
  }

  get isDestroyed(): boolean {
    return this.#isDestroyed;
  }

  dial(socket: Socket, target: ConnectTarget): void {
    this.#attach(socket);
    const { address, port, sourceAddress } = target;
    // The SYN is to have it, too. Set earlier, Node keeps it until the connection is there; at this
    // event there is a socket to set it on, if it was bound to an address.
    socket.once("connectionAttempt", () => socket.setTypeOfService(networkControl));
    const localAddress = sourceAddress?.text ?? anyAddress[address.family];
    socket.connect({ host: address.text, port, localAddress });
  }

  accept(socket: Socket): void {
    this.#attach(socket);
    // It has that of the socket that listened, but where the kernel gives back what the SYN had (tcp_reflect_tos).
    socket.setTypeOfService(networkControl);
  }

  /** There will be no socket. */
  fail(error: Error): void {
    this.#isDestroyed = true;
    this.#listener?.closed(error);
    this.#listener = undefined;
  }

  write(octets: Uint8Array): boolean {
    const socket = this.#socket;
    return (
      socket?.write(octets, (error) => {
        if (!error && socket.writableLength === 0) {
          this.#listener?.drained();
        }
      }) ?? false
    );
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  end(): Promise<void> {
    this.#listener = undefined;
    this.#isDestroyed = true;
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) {
      resolve();
      return promise;
    }
    const timeout = setTimeout(() => socket.destroy(), maxEndMs);
    socket.once("close", () => {
      clearTimeout(timeout);
      resolve();
    });
    socket.end();
    socket.resume();
    return promise;
  }

  destroy(): void {
    this.#listener = undefined;
    this.#isDestroyed = true;
    this.#socket?.destroy();
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("connect", () => this.#connected(socket));
    socket.on("data", (octets) => this.#listener?.received(octets));
    socket.on("error", (error) => {
      this.#error = error;
    });
    socket.on("close", () => this.#listener?.closed(this.#error));
  }

  #connected(socket: Socket): void {
    const ends = endsOf(socket);
    if (ends === undefined) {
      socket.destroy(new Error("the connection ended while it was set up"));
      return;
    }
    this.#listener?.connected(ends);
  }
}

/** Undefined if the connection is gone already. */
export function incomingTcp(socket: Socket): IncomingTcp | undefined {
  const ends = endsOf(socket);
  return (
    ends && {
      ...ends,
      attach(listener) {
        const connection = new TcpConnection(listener);
        connection.accept(socket);
        return connection;
      },
    }
  );
}

function endsOf(socket: Socket): ConnectionEnds | undefined {
  const local = socketAddress(socket.localAddress);
  const remote = socketAddress(socket.remoteAddress);
  const { localPort, remotePort } = socket;
  return local === undefined ||
    remote === undefined ||
    localPort === undefined ||
    remotePort === undefined
    ? undefined
    : { local, localPort, remote, remotePort };
}

/** A socket of both families shows IPv4 addresses mapped (RFC 4291 §2.5.5.2). */
function socketAddress(text: string | undefined): Address | undefined {
  const address = text === undefined ? undefined : parseAddress(text);
  return address?.family === "ipv6" && address.value >> 32n === 0xffffn
    ? makeAddress("ipv4", address.value & 0xffff_ffffn)
    : address;
}

/** `ECONNREFUSED` and the like; the message where there is no code. */
export function socketErrorCode(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
