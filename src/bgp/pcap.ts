import { type AddressFamily, addressOctets } from "../net/address.ts";
import { Writer } from "./codec/writer.ts";
import type { ConnectionEnds, RecordedMessage } from "./message-record.ts";
import { splitUpdate } from "./split-update.ts";

type Direction = RecordedMessage["direction"];
/** The next sequence number of each side of a connection. */
type Sequences = Record<Direction, number>;

interface Segment {
  readonly ends: ConnectionEnds;
  readonly direction: Direction;
  readonly sequence: number;
  readonly acknowledged: number;
  /** What was captured of it. */
  readonly octets: Uint8Array;
  readonly length: number;
}

/** Big-endian, times in microseconds. */
const magic = 0xa1b2c3d4;
const version = [2, 4] as const;
const maxPacketOctets = 0xffff;
const ethernet = 1;

const macAddresses = { local: [2, 0, 0, 0, 0, 1], remote: [2, 0, 0, 0, 0, 2] } as const;
const etherTypes = { ipv4: 0x0800, ipv6: 0x86dd } as const satisfies Record<AddressFamily, number>;
const tcp = 6;
const ipv4HeaderOctets = 20;
const tcpHeaderOctets = 20;
/** DSCP CS6, as BGP's packets have it (RFC 4594 §3.1). */
const networkControl = 0xc0;
const dontFragment = 0x4000;
const timeToLive = 64;
const pushAndAck = 0x18;
const windowOctets = 0xffff;
/** What Ethernet takes of a TCP segment over IPv6. */
const maxSegmentOctets = 1_440;

/**
 * Messages as a capture file of libpcap, which Wireshark reads.
 *
 * The messages, their times, addresses and ports are the real ones; the headers around them are made
 * up. Each message begins a TCP segment, the sequence numbers of a connection count from 1 with its
 * first message here, and there is no SYN and no FIN, because they were not recorded.
 *
 * Wireshark 4.0 reads no message above 4,096 octets, so an extended UPDATE stands here as several
 * that say the same. What was cut from one is a packet of which nothing was captured.
 */
export function encodePcap(messages: readonly RecordedMessage[]): Uint8Array<ArrayBuffer> {
  const writer = new Writer(4_096);
  writer.uint32(magic);
  writer.uint16(version[0]);
  writer.uint16(version[1]);
  // Time zone and accuracy.
  writer.uint64(0n);
  writer.uint32(maxPacketOctets);
  writer.uint32(ethernet);
  const connections = new Map<ConnectionEnds, Sequences>();
  for (const message of messages) {
    const sequences = connections.get(message.ends) ?? { sent: 1, received: 1 };
    connections.set(message.ends, sequences);
    for (const segment of segmentsOf(message, sequences)) {
      writePacket(segment, message.atWallTimeMs, writer);
    }
  }
  return writer.toBytes();
}

function* segmentsOf(message: RecordedMessage, sequences: Sequences): Generator<Segment> {
  const { ends, direction, length } = message;
  const next = (octets: Uint8Array, length: number): Segment => {
    const sequence = sequences[direction];
    sequences[direction] = (sequence + length) >>> 0;
    const acknowledged = sequences[direction === "sent" ? "received" : "sent"];
    return { ends, direction, sequence, acknowledged, octets, length };
  };
  for (const part of splitUpdate(message.octets)) {
    for (let at = 0; at < part.length; at += maxSegmentOctets) {
      const octets = part.subarray(at, at + maxSegmentOctets);
      yield next(octets, octets.length);
    }
  }
  if (message.octets.length < length) {
    yield next(new Uint8Array(), length - message.octets.length);
  }
}

function writePacket(segment: Segment, atWallTimeMs: number, writer: Writer): void {
  const packet = new Writer(128);
  writeEthernet(segment, packet);
  writeIp(segment, packet);
  writeTcp(segment, packet);
  const { octets, length } = segment;
  writer.uint32(Math.floor(atWallTimeMs / 1_000));
  writer.uint32(Math.floor((atWallTimeMs % 1_000) * 1_000));
  writer.uint32(packet.length + octets.length);
  writer.uint32(packet.length + length);
  writer.bytes(packet.toBytes());
  writer.bytes(octets);
}

function writeEthernet({ direction, ends }: Segment, writer: Writer): void {
  const { local, remote } = macAddresses;
  const [from, to] = direction === "sent" ? [local, remote] : [remote, local];
  writer.bytes(Uint8Array.from([...to, ...from]));
  writer.uint16(etherTypes[ends.local.family]);
}

/** RFC 791 §3.1, RFC 8200 §3. */
function writeIp(segment: Segment, writer: Writer): void {
  const tcpOctets = tcpHeaderOctets + segment.length;
  if (segment.ends.local.family === "ipv6") {
    writer.uint32((6 << 28) | (networkControl << 20));
    writer.uint16(tcpOctets);
    writer.uint8(tcp);
    writer.uint8(timeToLive);
    writer.bytes(addressesOf(segment));
    return;
  }
  const header = new Writer();
  header.uint8(0x45);
  header.uint8(networkControl);
  header.uint16(ipv4HeaderOctets + tcpOctets);
  header.uint16(0);
  header.uint16(dontFragment);
  header.uint8(timeToLive);
  header.uint8(tcp);
  header.uint16(0);
  header.bytes(addressesOf(segment));
  header.patchUint16(10, checksum([header.toBytes()]));
  writer.bytes(header.toBytes());
}

/** RFC 9293 §3.1. The checksum of octets that are not there is left out. */
function writeTcp(segment: Segment, writer: Writer): void {
  const { ends, direction, octets, length } = segment;
  const ports = [ends.localPort, ends.remotePort] as const;
  const [from, to] = direction === "sent" ? ports : ports.toReversed();
  const header = new Writer();
  header.uint16(from ?? 0);
  header.uint16(to ?? 0);
  header.uint32(segment.sequence);
  header.uint32(segment.acknowledged);
  header.uint16(((tcpHeaderOctets / 4) << 12) | pushAndAck);
  header.uint16(windowOctets);
  header.uint32(0);
  if (octets.length === length) {
    const pseudo = new Writer();
    pseudo.bytes(addressesOf(segment));
    pseudo.uint32(tcpHeaderOctets + length);
    pseudo.uint32(tcp);
    header.patchUint16(16, checksum([pseudo.toBytes(), header.toBytes(), octets]));
  }
  writer.bytes(header.toBytes());
}

/** Source and destination, as in the IP header. */
function addressesOf({ direction, ends: { local, remote } }: Segment): Uint8Array {
  const [from, to] = direction === "sent" ? [local, remote] : [remote, local];
  return Uint8Array.from([...addressOctets(from), ...addressOctets(to)]);
}

/** RFC 1071; of the parts, only the last may have an odd number of octets. */
function checksum(parts: readonly Uint8Array[]): number {
  let sum = 0;
  for (const part of parts) {
    for (let at = 0; at < part.length; at += 2) {
      sum += ((part[at] ?? 0) << 8) | (part[at + 1] ?? 0);
    }
  }
  while (sum > 0xffff) {
    sum = (sum & 0xffff) + (sum >>> 16);
  }
  return ~sum & 0xffff;
}
