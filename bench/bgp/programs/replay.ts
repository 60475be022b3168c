/**
 * The limit: octets that were encoded before the session came up are written at once. It knows just
 * enough of the protocol to get to Established and to stay there.
 */
import { connect, type Socket } from "node:net";
import { AdjRibOut } from "../../../src/bgp/adj-rib-out.ts";
import type { Capability } from "../../../src/bgp/codec/capability.ts";
import { Framer } from "../../../src/bgp/codec/frame.ts";
import {
  MessageType,
  maxExtendedMessageOctets,
  maxMessageOctets,
} from "../../../src/bgp/codec/iana.ts";
import { encodeMessage, keepalive } from "../../../src/bgp/codec/message.ts";
import type { Route } from "../../../src/bgp/route.ts";
import { makeAddress, parseAddress } from "../../../src/net/address.ts";
import { holdTimeSeconds, routerAddress, senderAddress, senderAsn } from "../place.ts";
import { serveCommands } from "./command-server.ts";
import { benchRoutes } from "./routes.ts";

const [, , path = "", messages = ""] = process.argv;
const isExtended = messages === "extended";
const context = { asnOctets: 4, internal: false } as const;
const address = parseAddress(senderAddress) ?? makeAddress("ipv4", 0n);
const nextHops = { ipv4: { address } };
const none: Uint8Array = new Uint8Array();

/** What the change from one set of routes to another is on the wire. */
function encodeChange(from: readonly Route[], to: readonly Route[]): Uint8Array {
  const rib = new AdjRibOut({
    localAsn: senderAsn,
    internal: false,
    fourOctetAsn: true,
    families: ["ipv4"],
    linkBandwidth: "off",
    maxMessageOctets: isExtended ? maxExtendedMessageOctets : maxMessageOctets,
  });
  rib.setRoutes(from, nextHops);
  const first = rib.take(Infinity)?.octets ?? none;
  if (to === from) {
    return first;
  }
  rib.setRoutes(to, nextHops);
  return rib.take(Infinity)?.octets ?? none;
}

const capabilities: Capability[] = [
  { type: "multiprotocol", afi: 1, safi: 1 },
  { type: "four-octet-asn", asn: senderAsn },
  ...(isExtended ? [{ type: "extended-message" } as const] : []),
];
const openOctets = encodeMessage(
  { type: "OPEN", asn: senderAsn, holdTimeSeconds, routerId: address, capabilities },
  context,
);
const keepaliveOctets = encodeMessage(keepalive, context);

let advertisement = none;
let withdrawal = none;
let loss = none;
let gain = none;
let socket: Socket | undefined;

function load(count: number): void {
  const routes = benchRoutes(count);
  const [first, ...others] = routes;
  advertisement = encodeChange(routes, routes);
  withdrawal = encodeChange(routes, []);
  loss = encodeChange(routes, others);
  gain = first === undefined ? none : encodeChange(others, routes);
}

function dial(): void {
  const framer = new Framer();
  let isUp = false;
  socket = connect({ host: routerAddress, port: 179 });
  socket.setNoDelay(true);
  socket.on("connect", () => socket?.write(openOctets));
  socket.on("data", (octets) => {
    framer.push(octets);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      if (frame.type === MessageType.Open) {
        socket?.write(keepaliveOctets);
      } else if (frame.type === MessageType.Keepalive && !isUp) {
        isUp = true;
        socket?.write(advertisement);
        setInterval(() => socket?.write(keepaliveOctets), (holdTimeSeconds * 1000) / 3);
      }
    }
  });
}

serveCommands(path, (name, argument) => {
  switch (name) {
    case "load":
      load(Number(argument));
      break;
    case "connect":
      dial();
      break;
    case "withdraw-all":
      socket?.write(withdrawal);
      break;
    case "change":
      socket?.write(argument === "present" ? gain : loss);
      break;
  }
});
