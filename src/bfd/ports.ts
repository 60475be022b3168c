import type { Address } from "../net/address.ts";

/** What the engine needs of its thread; handed in, so that tests can move time. */

export interface BfdClock {
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  after(delayMs: number, callback: () => void): { cancel(): void };
}

/** One session that shall exist. Two with the same two addresses cannot be told apart. */
export interface BfdPeer {
  /** Whatever the caller calls it. */
  readonly key: string;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  /** UDP 4784 (RFC 5883) instead of 3784 (RFC 5881). */
  readonly multihop: boolean;
  /** Multihop only: packets with a lower TTL are dropped; single-hop demands 255 (RFC 5881 §5). */
  readonly minimumTtl: number;
  readonly transmitIntervalMs: number;
  readonly receiveIntervalMs: number;
  readonly detectMultiplier: number;
  readonly passive: boolean;
}

/** Who is listened to: packets with a TTL lower than `minimumTtl` are dropped. */
export interface AllowedSource {
  readonly address: Address;
  readonly minimumTtl: number;
}

export interface BfdTransport {
  /**
   * Receives at `local`; `onDatagram` is called for each datagram that came from one of `sources`
   * with the TTL that is demanded of it, with the address that it came from.
   */
  listen(
    local: Address,
    port: number,
    sources: readonly AllowedSource[],
    onDatagram: (source: string, datagram: Uint8Array) => void,
  ): BfdEndpoint;
  /** Opens a socket that sends to `remote` from a source port of 49152 to 65535 (RFC 5881 §4). */
  connect(local: Address, remote: Address, port: number): BfdSender;
}

export interface BfdEndpoint {
  close(): void;
}

export interface BfdSender extends BfdEndpoint {
  send(datagram: Uint8Array): void;
}
