import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { AttributeContext } from "../../src/bgp/codec/attribute.ts";
import type { Capability } from "../../src/bgp/codec/capability.ts";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { MessageType } from "../../src/bgp/codec/iana.ts";
import { encodeMessage, keepalive } from "../../src/bgp/codec/message.ts";
import { makeAddress } from "../../src/net/address.ts";

const context: AttributeContext = { asnOctets: 4, internal: false };
/** No attack waits longer for the speaker. */
const patienceMs = 3_000;

/** All that makes a speaker do more. */
const capabilities: readonly Capability[] = [
  { type: "multiprotocol", afi: 1, safi: 1 },
  { type: "multiprotocol", afi: 2, safi: 1 },
  { type: "four-octet-asn", asn: 64512 },
  { type: "route-refresh" },
  { type: "enhanced-route-refresh" },
  { type: "extended-message" },
  {
    type: "graceful-restart",
    restarted: false,
    notification: false,
    restartTimeSeconds: 60,
    families: [{ afi: 1, safi: 1, forwarding: true }],
  },
];

export const openOctets = encodeMessage(
  {
    type: "OPEN",
    asn: 64512,
    holdTimeSeconds: 90,
    routerId: makeAddress("ipv4", 0xac10_0901n),
    capabilities,
  },
  context,
);
export const keepaliveOctets = encodeMessage(keepalive, context);

/** The attacker's end of one connection: a router as far as it wants to be one. */
export class HostilePeer {
  readonly #socket: Socket;
  readonly #framer = new Framer();
  readonly #seen = new Set<number>();
  readonly #closed: Promise<void>;
  #wake: () => void = () => undefined;
  #isClosed = false;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("end", () => {
      this.#isClosed = true;
    });
    socket.on("error", () => undefined);
    socket.on("data", (octets) => this.#take(octets));
    this.#closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#isClosed = true;
        this.#wake();
        resolve();
      });
    });
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Sends an OPEN that is in order, once the speaker's is there; it is then in OpenConfirm. */
  async open(): Promise<void> {
    await this.#awaitType(MessageType.Open);
    await this.send(openOctets);
  }

  async establish(): Promise<void> {
    await this.open();
    await this.#awaitType(MessageType.Keepalive);
    await this.send(keepaliveOctets);
  }

  /** Resolves when the octets have left, the connection is gone, or the speaker does not take them. */
  async send(octets: Uint8Array): Promise<void> {
    if (this.#isClosed || this.#socket.writableEnded) {
      return;
    }
    await this.#orGone(
      new Promise<void>((resolve) => {
        this.#socket.write(octets, () => resolve());
      }),
    );
  }

  /** From now on what the speaker sends stays in the kernel. */
  stopReading(): void {
    this.#socket.pause();
  }

  async pause(ms: number): Promise<void> {
    if (!this.#isClosed) {
      await this.#orGone(delay(ms));
    }
  }

  /** FIN; what the speaker then does is its affair. */
  finish(): void {
    this.#socket.end();
  }

  reset(): void {
    this.#socket.resetAndDestroy();
  }

  /** Waits for the speaker to close, and resets the connection if it does not. */
  async awaitClose(ms: number = patienceMs): Promise<void> {
    await this.pause(ms);
    this.reset();
  }

  #take(octets: Uint8Array): void {
    this.#framer.push(octets);
    for (let frame = this.#framer.next(); frame !== undefined; frame = this.#framer.next()) {
      this.#seen.add(frame.type);
    }
    this.#wake();
  }

  async #awaitType(type: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!this.#seen.has(type) && !this.#isClosed && performance.now() < deadline) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await Promise.race([woken, delay(patienceMs, undefined, { ref: false })]);
    }
  }

  async #orGone(event: Promise<unknown>): Promise<void> {
    await Promise.race([event, this.#closed, delay(patienceMs, undefined, { ref: false })]);
  }
}
