import { Writer } from "../../src/bgp/codec/writer.ts";
import { addressOctets, parseAddress } from "../../src/net/address.ts";

const tableDumpV2 = 13;
const peerIndexTable = 1;
const ribIpv4Unicast = 2;

/**
 * `gobgp mrt inject` of GoBGP 3.10 ends before it has sent the last ones that it read: so the dump
 * goes on with as many repetitions of the first route.
 */
const repetitions = 5_000;

/** `count` /32s from 10.0.0.1 on as a dump of a table (RFC 6396 §4.3), which GoBGP can take in. */
export function encodeTableDump(count: number, nextHop: string): Uint8Array {
  const address = parseAddress(nextHop);
  if (address === undefined) {
    throw new RangeError(`no address: ${nextHop}`);
  }
  const peer = addressOctets(address);
  const file = new Writer();
  writeRecord(file, peerIndexTable, (writer) => {
    writer.bytes(peer);
    writer.uint16(0);
    writer.uint16(1);
    writer.uint8(2);
    writer.bytes(peer);
    writer.bytes(peer);
    writer.uint32(64522);
  });
  for (let record = 0; record < count + repetitions; record += 1) {
    const index = record < count ? record : 0;
    writeRecord(file, ribIpv4Unicast, (writer) => {
      writer.uint32(record);
      writer.uint8(32);
      writer.uint32(0x0a00_0001 + index);
      writer.uint16(1);
      writer.uint16(0);
      writer.uint32(0);
      writer.field16(() => writeAttributes(writer, peer));
    });
  }
  return file.toBytes();
}

function writeRecord(file: Writer, subtype: number, write: (writer: Writer) => void): void {
  const body = new Writer();
  write(body);
  file.uint32(0);
  file.uint16(tableDumpV2);
  file.uint16(subtype);
  file.uint32(body.length);
  file.bytes(body.toBytes());
}

/** ORIGIN incomplete, an empty AS_PATH, NEXT_HOP. */
function writeAttributes(writer: Writer, nextHop: Uint8Array): void {
  writer.bytes(Uint8Array.of(0x40, 1, 1, 2, 0x40, 2, 0, 0x40, 3, 4));
  writer.bytes(nextHop);
}
