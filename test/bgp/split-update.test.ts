import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { headerOctets, maxMessageOctets } from "../../src/bgp/codec/iana.ts";
import {
  decodeMessage,
  encodeMessage,
  keepalive,
  type Message,
} from "../../src/bgp/codec/message.ts";
import { splitUpdate } from "../../src/bgp/split-update.ts";
import { type AddressFamily, makeAddress } from "../../src/net/address.ts";
import { hostPrefix, type Prefix } from "../../src/net/prefix.ts";
import { PeerRib } from "../support/peer-rib.ts";

const context = { asnOctets: 4, internal: false } as const;
const maxExtendedOctets = 65_535;

function prefixes(family: AddressFamily, count: number): Prefix[] {
  const first = family === "ipv4" ? 0x0a00_0000n : 0xfd00n << 112n;
  return Array.from({ length: count }, (_, index) =>
    hostPrefix(makeAddress(family, first + BigInt(index))),
  );
}

const attributes = {
  origin: "igp",
  asPath: [{ type: "sequence", asns: [64522, 1, 2] }],
  communities: [1, 2, 3],
  unknown: [{ code: 200, flags: 0xc0, octets: new Uint8Array(300) }],
} as const;
const nextHop = makeAddress("ipv4", 1n);
const ipv6NextHop = makeAddress("ipv6", 1n);

function updates(): Readonly<Record<string, Message>> {
  const plain = { type: "UPDATE", withdrawn: [], attributes: { unknown: [] }, nlri: [] } as const;
  const mpReach = {
    type: "unicast",
    family: "ipv6",
    nextHop: ipv6NextHop,
    prefixes: prefixes("ipv6", 3_000),
  } as const;
  return {
    "IPv4 routes": {
      ...plain,
      attributes: { ...attributes, nextHop },
      nlri: prefixes("ipv4", 10_000),
    },
    "IPv4 withdrawals": { ...plain, withdrawn: prefixes("ipv4", 10_000) },
    "IPv6 routes": { ...plain, attributes: { ...attributes, mpReach } },
    "IPv6 withdrawals": {
      ...plain,
      attributes: {
        unknown: [],
        mpUnreach: { type: "unicast", family: "ipv6", prefixes: prefixes("ipv6", 3_000) },
      },
    },
    "everything at once": {
      ...plain,
      withdrawn: prefixes("ipv4", 4_000).slice(2_000),
      attributes: {
        ...attributes,
        nextHop,
        mpReach: { ...mpReach, prefixes: prefixes("ipv6", 1_000) },
      },
      nlri: prefixes("ipv4", 2_000),
    },
  };
}

/** What a router holds that had everything before, under other attributes. */
function heldAfter(messages: readonly Uint8Array[], maxOctets: number) {
  const rib = new PeerRib(context, maxOctets);
  for (const family of ["ipv4", "ipv6"] as const) {
    for (const { key } of prefixes(family, 10_000)) {
      rib.routes.set(key, { unknown: [] });
    }
  }
  for (const message of messages) {
    rib.take(message);
  }
  return rib.routes;
}

for (const [name, update] of Object.entries(updates())) {
  test(`an extended UPDATE with ${name} says the same in parts of 4,096 octets`, () => {
    const whole = encodeMessage(update, context);
    assert.ok(whole.length > maxMessageOctets);
    const parts = splitUpdate(whole);
    assert.ok(parts.length > 1);
    assert.ok(parts.slice(0, 1).every(({ length }) => length > 3_900));
    assert.deepEqual(heldAfter(parts, maxMessageOctets), heldAfter([whole], maxExtendedOctets));
  });

  test(`what is left of an extended UPDATE with ${name} makes whole UPDATEs`, () => {
    const parts = splitUpdate(encodeMessage(update, context).slice(0, maxMessageOctets));
    const framer = new Framer();
    for (const part of parts) {
      framer.push(part);
      const frame = framer.next();
      assert.ok(frame);
      assert.deepEqual(frame.octets, part);
      assert.equal(decodeMessage(frame, context).type, "UPDATE");
    }
  });
}

test("a message that needs no splitting, and one that cannot be split, stay as they are", () => {
  const ordinary = encodeMessage(keepalive, context);
  assert.deepEqual(splitUpdate(ordinary), [ordinary]);
  const unknown = [{ code: 200, flags: 0xc0, octets: new Uint8Array(5_000) }];
  const full = encodeMessage(
    {
      type: "UPDATE",
      withdrawn: [],
      attributes: { ...attributes, nextHop, unknown },
      nlri: prefixes("ipv4", 1),
    },
    context,
  );
  assert.deepEqual(splitUpdate(full), [full]);
});

test("whatever comes as an UPDATE above 4,096 octets can be split or left whole", () => {
  const body = fc.uint8Array({ minLength: 0, maxLength: 66_000, size: "max" });
  fc.assert(
    fc.property(body, (body) => {
      const octets = new Uint8Array(headerOctets + body.length).fill(0xff, 0, 18);
      octets[headerOctets - 1] = 2;
      octets.set(body, headerOctets);
      const parts = splitUpdate(octets);
      assert.ok(parts.length > 0);
      assert.ok(parts.length === 1 || parts.every(({ length }) => length <= maxMessageOctets));
    }),
    { numRuns: 300 },
  );
});
