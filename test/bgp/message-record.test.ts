import assert from "node:assert/strict";
import { test } from "node:test";
import { maxMessageOctets } from "../../src/bgp/codec/iana.ts";
import { encodeMessage, keepalive } from "../../src/bgp/codec/message.ts";
import { type ConnectionEnds, MessageRecord } from "../../src/bgp/message-record.ts";
import { encodePcap } from "../../src/bgp/pcap.ts";
import { makeAddress } from "../../src/net/address.ts";
import { SessionUnderTest } from "../support/bgp-router.ts";
import { routesOf } from "../support/routes.ts";

const context = { asnOctets: 4, internal: false } as const;
const ends: ConnectionEnds = {
  local: makeAddress("ipv4", 0xac10_070bn),
  localPort: 40_000,
  remote: makeAddress("ipv4", 0xac10_0701n),
  remotePort: 179,
};

/** An UPDATE in form only. */
function message(length: number): Uint8Array {
  const octets = new Uint8Array(length).fill(0xff, 0, 16);
  octets.set([length >>> 8, length, 2], 16);
  return octets;
}

const typeNames = { 1: "OPEN", 2: "UPDATE", 3: "NOTIFICATION", 4: "KEEPALIVE" } as const;

function typesOf(under: SessionUnderTest): string[] {
  return under.session.recordedMessages.map(({ direction, octets }) => {
    const [type] = Object.entries(typeNames).filter(([code]) => Number(code) === octets[18]);
    return `${direction} ${type?.[1]}`;
  });
}

test("the last 200 messages are kept, however many came in one write", () => {
  const record = new MessageRecord();
  const connection = record.open(ends);
  const one = encodeMessage(keepalive, context);
  for (let at = 0; at < 300; at += 1) {
    connection.received(one, at);
  }
  connection.sent(Buffer.concat([message(30), message(40), message(4_096)]), 300);
  const { messages } = record;
  assert.equal(messages.length, 200);
  assert.deepEqual(
    messages.slice(-4).map(({ direction, length, octets }) => [direction, length, octets.length]),
    [
      ["received", 19, 19],
      ["sent", 30, 30],
      ["sent", 40, 40],
      ["sent", 4_096, 4_096],
    ],
  );
  assert.equal(messages[0]?.atWallTimeMs, 103);
});

test("200 messages of 4,096 octets are kept whole; of extended ones the oldest are cut", () => {
  const record = new MessageRecord();
  const connection = record.open(ends);
  for (let at = 0; at < 200; at += 1) {
    connection.sent(message(maxMessageOctets), at);
  }
  assert.ok(record.messages.every(({ length, octets }) => octets.length === length));
  for (let at = 0; at < 250; at += 1) {
    connection.sent(message(60_000), at);
    const held = record.messages.reduce((sum, { octets }) => sum + octets.length, 0);
    assert.ok(held <= 1_048_576, `${held} octets`);
  }
  assert.equal(record.messages.length, 200);
  const whole = record.messages.findIndex(({ length, octets }) => octets.length === length);
  assert.ok(whole > 0 && whole < 200, `the first whole one is ${whole}`);
  record.messages.forEach(({ octets, length }, index) => {
    assert.equal(octets.length, index < whole ? maxMessageOctets : 60_000);
    assert.equal(length, 60_000);
  });
});

test("a session keeps what was said over several connections, with each one's ports", () => {
  const under = new SessionUnderTest();
  under.session.setRoutes(routesOf({ count: 3 }));
  under.session.start();
  under.establish();
  under.transport.last.close();
  under.clock.advance(1_000);
  under.accept();
  under.transport.last.send(Buffer.from("GET / HTTP/1.1\r\n\r\n"));
  assert.deepEqual(typesOf(under), [
    "sent OPEN",
    "received OPEN",
    "sent KEEPALIVE",
    "received KEEPALIVE",
    "sent UPDATE",
    "sent UPDATE",
    "sent UPDATE",
    "sent OPEN",
    "received undefined",
    "sent NOTIFICATION",
  ]);
  const { recordedMessages } = under.session;
  const [first] = recordedMessages;
  const last = recordedMessages.at(-1);
  assert.deepEqual(
    [first?.ends.local.text, first?.ends.localPort, first?.ends.remotePort],
    ["172.16.7.11", 40_000, 179],
  );
  assert.notEqual(first?.ends, last?.ends, "two connections");
  const garbage = recordedMessages.at(-2);
  assert.equal(Buffer.from(garbage?.octets ?? []).toString(), "GET / HTTP/1.1\r\n\r\n");
});

test("a pcap of nothing is a header, and times are kept to the millisecond", () => {
  assert.equal(encodePcap([]).length, 24);
  const record = new MessageRecord();
  record.open(ends).sent(message(30), 1_700_000_000_123);
  const view = new DataView(encodePcap(record.messages).buffer, 24);
  assert.deepEqual([view.getUint32(0), view.getUint32(4)], [1_700_000_000, 123_000]);
  assert.deepEqual([view.getUint32(8), view.getUint32(12)], [84, 84]);
});
