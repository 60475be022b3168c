import type { Address } from "../../net/address.ts";

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
  /** All that was written has left for the kernel. */
  drained(): void;
  /** The connection ended or never came to be; `error` is absent when the peer closed in order. */
  closed(error?: Error): void;
}

/** One TCP connection, or the attempt at one. */
export interface TransportConnection {
  /** Queues `octets`, which the caller no longer touches. False: wait for `drained` before more. */
  write(octets: Uint8Array): boolean;
  /** Sends what is queued, then FIN. The listener hears nothing more. */
  end(): void;
  /** Drops the connection and what is queued at once. The listener hears nothing more. */
  destroy(): void;
}

/** Where connections come from: TCP in the process, memory in tests. */
export interface Transport {
  /** Starts one attempt; its outcome comes to `listener`, never before this call returned. */
  connect(target: ConnectTarget, listener: ConnectionListener): TransportConnection;
}
