/**
 * Sends BFD Control packets as a peer does that has just started, for tests in namespaces: its first
 * argument is a JSON list of `HandMadePacket`. They leave in their order.
 */
import { createSocket } from "node:dgram";
import { isIPv6 } from "node:net";
import { encodeBfdPacket } from "../../src/bfd/packet.ts";

export interface HandMadePacket {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly ttl: number;
  /** Tells one packet from another where it is seen. */
  readonly diagnostic: number;
}

async function send({ from, to, port, ttl, diagnostic }: HandMadePacket): Promise<void> {
  const packet = encodeBfdPacket({
    diagnostic,
    state: "Down",
    poll: false,
    final: false,
    controlPlaneIndependent: false,
    authenticationPresent: false,
    demand: false,
    multipoint: false,
    detectMultiplier: 3,
    myDiscriminator: 1,
    yourDiscriminator: 0,
    desiredMinTxIntervalUs: 1_000_000,
    requiredMinRxIntervalUs: 1_000_000,
    requiredMinEchoRxIntervalUs: 0,
  });
  const socket = createSocket(isIPv6(to) ? "udp6" : "udp4");
  await new Promise<void>((resolve) => {
    socket.bind({ address: from }, resolve);
  });
  socket.setTTL(ttl);
  await new Promise<void>((resolve, reject) => {
    socket.send(packet, port, to, (error) => (error ? reject(error) : resolve()));
  });
  socket.close();
}

const packets: HandMadePacket[] = JSON.parse(process.argv[2] ?? "[]");
for (const packet of packets) {
  await send(packet);
}
