import { listenerKey, minimumTtlOf, portOf } from "./peer.ts";
import type { AllowedSource, BfdEndpoint, BfdPeer, BfdTransport } from "./ports.ts";

interface Listener {
  readonly endpoint: BfdEndpoint;
  readonly sources: readonly AllowedSource[];
}

export interface ListenersOptions {
  readonly transport: BfdTransport;
  /** A datagram came to the listener of this key. */
  readonly onDatagram: (listener: string, source: string, datagram: Uint8Array) => void;
  /** The socket for this peer could not be opened. */
  readonly onError: (peerKey: string, error: unknown) => void;
}

/**
 * One socket for each local address and port. Its filter holds each peer to its own minimum TTL, so
 * it is opened anew when a peer of that address comes, goes or changes it.
 */
export class Listeners {
  readonly #options: ListenersOptions;
  readonly #listeners = new Map<string, Listener>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** Opens and closes sockets until they are those that `peers` need. */
  set(peers: readonly BfdPeer[]): void {
    const wanted = Map.groupBy(peers, listenerKey);
    for (const [key, listener] of this.#listeners) {
      if (!sameSources(sourcesOf(wanted.get(key) ?? []), listener.sources)) {
        listener.endpoint.close();
        this.#listeners.delete(key);
      }
    }
    for (const [key, sharers] of wanted) {
      if (!this.#listeners.has(key)) {
        this.#listen(key, sharers);
      }
    }
  }

  #listen(key: string, sharers: readonly BfdPeer[]): void {
    const { transport, onDatagram, onError } = this.#options;
    const [peer] = sharers;
    if (peer === undefined) {
      return;
    }
    const sources = sourcesOf(sharers);
    try {
      const endpoint = transport.listen(
        peer.localAddress,
        portOf(peer),
        sources,
        (source, datagram) => onDatagram(key, source, datagram),
      );
      this.#listeners.set(key, { endpoint, sources });
    } catch (error) {
      for (const { key: peerKey } of sharers) {
        onError(peerKey, error);
      }
    }
  }
}

function sourcesOf(peers: readonly BfdPeer[]): readonly AllowedSource[] {
  return peers.map((peer) => ({ address: peer.remoteAddress, minimumTtl: minimumTtlOf(peer) }));
}

function sameSources(a: readonly AllowedSource[], b: readonly AllowedSource[]): boolean {
  const texts = (sources: readonly AllowedSource[]) =>
    sources.map(({ address, minimumTtl }) => `${address.text} ${minimumTtl}`).toSorted();
  return texts(a).join() === texts(b).join();
}
