import type {
  ConnectionListener,
  ConnectTarget,
  Transport,
  TransportConnection,
} from "../../src/bgp/session/transport.ts";
import { type Address, makeAddress } from "../../src/net/address.ts";

/** One attempt of the session at a connection, with the test at its other end. */
export class MemoryConnection implements TransportConnection {
  readonly target: ConnectTarget;
  readonly #listener: ConnectionListener;
  /** What the session wrote and nobody took yet. */
  #written: Uint8Array[] = [];
  #accepts = true;
  isPaused = false;
  state: "connecting" | "open" | "ended" | "destroyed" = "connecting";

  constructor(target: ConnectTarget, listener: ConnectionListener) {
    this.target = target;
    this.#listener = listener;
  }

  write(octets: Uint8Array): boolean {
    if (this.state !== "open") {
      throw new Error(`write in ${this.state}`);
    }
    this.#written.push(octets);
    return false;
  }

  pause(): void {
    this.isPaused = true;
  }

  resume(): void {
    this.isPaused = false;
  }

  end(): Promise<void> {
    this.state = "ended";
    return Promise.resolve();
  }

  destroy(): void {
    this.state = "destroyed";
  }

  accept(local: Address = makeAddress("ipv4", 0xac10_070bn)): void {
    this.state = "open";
    this.#listener.connected({
      local,
      localPort: 40_000,
      remote: this.target.address,
      remotePort: this.target.port,
    });
  }

  /** The peer sends octets. */
  send(octets: Uint8Array): void {
    this.#listener.received(octets);
  }

  /** The peer closes, or TCP fails. */
  close(code?: string): void {
    this.state = "destroyed";
    this.#listener.closed(code === undefined ? undefined : Object.assign(new Error(), { code }));
  }

  /** From now on the peer takes nothing. */
  stall(): void {
    this.#accepts = false;
  }

  /** Takes what was written, as the kernel of a willing peer does, until there is no more. */
  take(): Uint8Array {
    const chunks: Uint8Array[] = [];
    while (this.#accepts && this.#written.length > 0) {
      chunks.push(...this.#written);
      this.#written = [];
      if (this.state === "open") {
        this.#listener.drained();
      }
    }
    return Buffer.concat(chunks);
  }

  /** Octets that wait for a peer that takes nothing. */
  get waitingOctets(): number {
    return this.#written.reduce((sum, { length }) => sum + length, 0);
  }
}

/** Connections in memory; the last one is the one that tests talk to. */
export class MemoryTransport implements Transport {
  readonly connections: MemoryConnection[] = [];

  connect(target: ConnectTarget, listener: ConnectionListener): TransportConnection {
    const connection = new MemoryConnection(target, listener);
    this.connections.push(connection);
    return connection;
  }

  get last(): MemoryConnection {
    const last = this.connections.at(-1);
    if (last === undefined) {
      throw new Error("no attempt to connect");
    }
    return last;
  }
}
