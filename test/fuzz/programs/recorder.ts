/**
 * Speaks to a router as a speaker would, and reports every message that the router sends: in the
 * end one that it must refuse, for its NOTIFICATION.
 */
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Framer } from "../../../src/bgp/codec/frame.ts";
import { MessageType } from "../../../src/bgp/codec/iana.ts";
import { encodeMessage, type Message } from "../../../src/bgp/codec/message.ts";
import { makeAddress } from "../../../src/net/address.ts";
import { routesOf } from "../../support/routes.ts";
import { keepaliveOctets } from "../hostile-peer.ts";
import { programOptions, report } from "../program.ts";

export interface RecorderOptions {
  readonly address: string;
  readonly asn: number;
}

export interface RecorderReport {
  /** One message with its header, in hex. */
  readonly message: string;
}

const context = { asnOctets: 4, internal: false } as const;
const pauseMs = 2_000;
const { address, asn }: RecorderOptions = JSON.parse(programOptions());

const open: Message = {
  type: "OPEN",
  asn,
  holdTimeSeconds: 90,
  routerId: makeAddress("ipv4", 0xac10_070bn),
  capabilities: [
    { type: "multiprotocol", afi: 1, safi: 1 },
    { type: "multiprotocol", afi: 2, safi: 1 },
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "extended-message" },
    { type: "four-octet-asn", asn },
  ],
};
const nextHop = makeAddress("ipv4", 0xac10_070bn);
const prefixes = routesOf({ count: 3 }).map(({ prefix }) => prefix);
const advertisement: Message = {
  type: "UPDATE",
  withdrawn: [],
  attributes: {
    origin: "incomplete",
    asPath: [{ type: "sequence", asns: [asn] }],
    nextHop,
    unknown: [],
  },
  nlri: prefixes,
};
const refresh: Message = { type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: 0 };
/** A KEEPALIVE of 20 octets. */
const refused = Buffer.concat([keepaliveOctets, Uint8Array.of(0)]);
refused.writeUInt16BE(refused.length, 16);

const framer = new Framer();
const socket = connect({ host: address, port: 179 });
const octetsOf = (message: Message): Uint8Array => encodeMessage(message, context);

socket.on("data", (octets) => {
  framer.push(octets);
  for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
    const head = Buffer.alloc(19, 0xff);
    head.writeUInt16BE(frame.body.length + 19, 16);
    head.writeUInt8(frame.type, 18);
    report({ message: Buffer.concat([head, frame.body]).toString("hex") } satisfies RecorderReport);
    if (frame.type === MessageType.Open) {
      socket.write(keepaliveOctets);
    }
  }
});
socket.on("close", () => process.exit(0));
socket.write(octetsOf(open));
await delay(pauseMs);
socket.write(octetsOf(advertisement));
await delay(pauseMs);
socket.write(octetsOf(refresh));
await delay(pauseMs);
socket.write(refused);
await delay(pauseMs);
socket.destroy();
