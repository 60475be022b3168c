import { listenerKey, minimumTtlOf, portOf } from "./peer.ts";
import type { BfdEndpoint, BfdPeer, BfdTransport } from "./ports.ts";

interface Listener {
  readonly endpoint: BfdEndpoint;
  readonly minimumTtl: number;
}

export interface ListenersOptions {
  readonly transport: BfdTransport;
  /** A datagram came to the listener of this key. */
  readonly onDatagram: (listener: string, source: string, datagram: Uint8Array) => void;
  /** The socket for this peer could not be opened. */
  readonly onError: (peerKey: string, error: unknown) => void;
}

/** One socket for each local address and port; it drops what has too low a TTL for all its peers. */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #listeners = new Map<string, Listener>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Opens and closes sockets until they are those that `peers` need. */
  set(peers: readonly BfdPeer[]): void {
    const wanted = new Map<string, { peer: BfdPeer; minimumTtl: number }>();
    for (const peer of peers) {
      const key = listenerKey(peer);
      const minimumTtl = Math.min(minimumTtlOf(peer), wanted.get(key)?.minimumTtl ?? 255);
      wanted.set(key, { peer, minimumTtl });
    }
    for (const [key, listener] of this.#listeners) {
      if (wanted.get(key)?.minimumTtl !== listener.minimumTtl) {
        listener.endpoint.close();
        this.#listeners.delete(key);
      }
    }
    for (const [key, { peer, minimumTtl }] of wanted) {
      if (!this.#listeners.has(key)) {
        this.#listen(key, peer, minimumTtl);
      }
    }
  }

  #listen(key: string, peer: BfdPeer, minimumTtl: number): void {
    const { transport, onDatagram, onError } = this.#options;
    const { localAddress } = peer;
    try {
      const endpoint = transport.listen(
        localAddress,
        portOf(peer),
        minimumTtl,
        (source, datagram) => onDatagram(key, source, datagram),
      );
      this.#listeners.set(key, { endpoint, minimumTtl });
    } catch (error) {
      onError(peer.key, error);
    }
  }
}
