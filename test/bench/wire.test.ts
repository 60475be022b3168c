import assert from "node:assert/strict";
import { test } from "node:test";
import { readSegments, type Segment } from "../../bench/scale/capture.ts";
import { endOfRibMs, isUpdate, quantile, updateDelays } from "../../bench/scale/wire.ts";

const marker = "ff".repeat(16);
const endOfRib = Buffer.from(`${marker}00170200000000`, "hex");
const keepalive = Buffer.from(`${marker}001304`, "hex");
const update = Buffer.from(`${marker}001c0200052001020304`, "hex");
const node = "10.200.1.1";

function fromApi(ms: number, destination = node, length = 2_100): Segment {
  const content = Buffer.from("TLS");
  const ends = { source: "10.200.0.1", sourcePort: 6443, destination, destinationPort: 40_000 };
  return { ms, ...ends, content, length };
}

function toRouter(ms: number, content: Uint8Array, source = node): Segment {
  const ends = { source, sourcePort: 50_000, destination: "10.200.0.2", destinationPort: 179 };
  return { ms, ...ends, content, length: content.length };
}

test("a change counts from its first octet at the node to its UPDATE, each for itself", () => {
  const delays = updateDelays([
    fromApi(10),
    fromApi(11),
    toRouter(14, keepalive),
    toRouter(15, update),
    fromApi(20),
    fromApi(21, "10.200.1.2"),
    toRouter(23, update, "10.200.1.2"),
    toRouter(27, update),
    toRouter(30, update),
  ]);
  assert.deepEqual(delays, [5, 2, 7]);
});

test("the end of a chunk that comes after its UPDATE is not taken for the next change", () => {
  const delays = updateDelays([
    fromApi(10),
    toRouter(12, update),
    fromApi(13, node, 24),
    fromApi(60),
    toRouter(62, update),
  ]);
  assert.deepEqual(delays, [2, 2]);
});

test("what the API server said long before a change is not taken for it", () => {
  const bookmarkThenChange = [fromApi(100), fromApi(500), fromApi(503), toRouter(507, update)];
  assert.deepEqual(updateDelays(bookmarkThenChange), [7]);
});

test("End-of-RIB is found behind other messages of its segment, and is no change", () => {
  const both = Buffer.concat([update, endOfRib]);
  const found = endOfRibMs([toRouter(5, keepalive), toRouter(7, both), toRouter(9, endOfRib)]);
  assert.deepEqual([...found], [[node, 7]]);
  assert.equal(isUpdate(toRouter(1, endOfRib)), false);
  assert.equal(isUpdate(toRouter(1, update)), true);
});

test("End-of-RIB is found wherever TCP cut the stream, when its last octet left", () => {
  const stream = Buffer.concat([keepalive, update, endOfRib]);
  for (let cut = 1; cut < stream.length; cut += 1) {
    const other = toRouter(6, Buffer.concat([update, keepalive]), "10.200.1.2");
    const segments = [
      toRouter(5, stream.subarray(0, cut)),
      other,
      toRouter(7, stream.subarray(cut)),
    ];
    assert.deepEqual([...endOfRibMs(segments)], [[node, 7]], `cut at ${cut}`);
  }
  const octets = Array.from(stream, (octet, index) => toRouter(index, Uint8Array.of(octet)));
  assert.deepEqual([...endOfRibMs(octets)], [[node, stream.length - 1]]);
});

test("a capture file is read to its last whole packet; segments without content are left out", () => {
  const packet = (content: Uint8Array) => {
    const ethernet = Buffer.alloc(14);
    const ip = Buffer.alloc(20);
    ip[0] = 0x45;
    ip.writeUInt16BE(40 + content.length, 2);
    ip.set([10, 200, 1, 1], 12);
    ip.set([10, 200, 0, 2], 16);
    const tcp = Buffer.alloc(20);
    tcp.writeUInt16BE(50_000, 0);
    tcp.writeUInt16BE(179, 2);
    tcp[12] = 0x50;
    const octets = Buffer.concat([ethernet, ip, tcp, content]);
    const header = Buffer.alloc(16);
    header.writeUInt32LE(1_000, 0);
    header.writeUInt32LE(500_000, 4);
    header.writeUInt32LE(octets.length, 8);
    header.writeUInt32LE(octets.length, 12);
    return Buffer.concat([header, octets]);
  };
  const file = Buffer.concat([Buffer.alloc(24), packet(update), packet(Buffer.alloc(0))]);
  const whole = { ...toRouter(1_000_000.5, update), content: new Uint8Array(update) };
  const read = (octets: Uint8Array) =>
    readSegments(octets).map((segment) => ({
      ...segment,
      content: new Uint8Array(segment.content),
    }));
  assert.deepEqual(read(file), [whole]);
  assert.deepEqual(read(Buffer.concat([file, packet(update).subarray(0, 50)])), [whole]);
});

test("a quantile is the value below which that share lies", () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(quantile(values, 0.5), 50);
  assert.equal(quantile(values, 0.99), 99);
  assert.equal(quantile(values, 1), 100);
  assert.ok(Number.isNaN(quantile([], 0.5)));
});
