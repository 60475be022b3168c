import type { Capability } from "../../src/bgp/codec/capability.ts";
import { Framer } from "../../src/bgp/codec/frame.ts";
import {
  decodeMessage,
  encodeMessage,
  keepalive,
  type Message,
  type ReceivedMessage,
} from "../../src/bgp/codec/message.ts";
import { Session, type SessionOptions, type SessionPeer } from "../../src/bgp/session/session.ts";
import type { SessionStatus } from "../../src/bgp/session/status.ts";
import { makeAddress, parseAddress } from "../../src/net/address.ts";
import { ManualClock } from "./manual-clock.ts";
import { MemoryTransport } from "./memory-transport.ts";
import { PeerRib } from "./peer-rib.ts";
import { recordingLogger } from "./recording-logger.ts";

const context = { asnOctets: 4, internal: false } as const;

export const routerCapabilities: readonly Capability[] = [
  { type: "multiprotocol", afi: 1, safi: 1 },
  { type: "multiprotocol", afi: 2, safi: 1 },
  { type: "four-octet-asn", asn: 64512 },
  { type: "route-refresh" },
];

/** A session of the real kind, on a clock that the test moves, with the test as its router. */
export class SessionUnderTest {
  readonly clock = new ManualClock();
  readonly transport = new MemoryTransport();
  readonly logger = recordingLogger();
  readonly statuses: SessionStatus[] = [];
  readonly session: Session;
  rib = new PeerRib(context);
  #framer = new Framer();

  constructor(peer: Partial<SessionPeer> = {}, options: Partial<SessionOptions> = {}) {
    this.session = new Session({
      peer: {
        name: "router",
        localAsn: 64522,
        peerAsn: 64512,
        peerAddress: parseAddress("172.16.7.1") ?? makeAddress("ipv4", 0n),
        peerPort: 179,
        holdTimeSeconds: 90,
        connectTimeSeconds: 10,
        sendHoldTimeSeconds: 480,
        families: ["ipv4", "ipv6"],
        importLimit: 0,
        linkBandwidth: "auto",
        ...peer,
      },
      node: { name: "node1", addresses: [] },
      clock: this.clock,
      random: () => 0.999,
      transport: this.transport,
      logger: this.logger,
      interfaces: () => [],
      uptimeSeconds: () => 1e6,
      onChange: (status) => this.statuses.push(status),
      ...options,
    });
  }

  /** What the session sent since the last call. */
  received(): ReceivedMessage[] {
    this.#framer.push(this.transport.last.take());
    const messages: ReceivedMessage[] = [];
    for (let frame = this.#framer.next(); frame !== undefined; frame = this.#framer.next()) {
      messages.push(decodeMessage(frame, context));
    }
    return messages;
  }

  receivedTypes(): string[] {
    return this.received().map((message) =>
      message.type === "NOTIFICATION"
        ? `NOTIFICATION ${message.code}/${message.subcode}`
        : message.type,
    );
  }

  /** Feeds what the session sends, from now on UPDATEs only, to the RIB. */
  sync(): void {
    this.rib.take(this.transport.last.take());
  }

  send(message: Message): void {
    this.transport.last.send(encodeMessage(message, context));
  }

  sendOpen(capabilities: readonly Capability[] = routerCapabilities, holdTimeSeconds = 90): void {
    const routerId = makeAddress("ipv4", 9n);
    this.send({ type: "OPEN", asn: 64512, holdTimeSeconds, routerId, capabilities });
  }

  sendKeepalive(): void {
    this.send(keepalive);
  }

  /** The router takes the connection that is waiting. */
  accept(): void {
    this.#framer = new Framer();
    this.rib = new PeerRib(context);
    this.transport.last.accept();
  }

  /** From Connect to Established; what the session sent so far is taken. */
  establish(capabilities: readonly Capability[] = routerCapabilities): void {
    this.accept();
    this.sendOpen(capabilities);
    this.received();
    this.sendKeepalive();
  }

  get state(): string {
    return this.session.status().state;
  }
}
