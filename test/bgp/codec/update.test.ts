import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { AttributeContext } from "../../../src/bgp/codec/attribute.ts";
import { NotificationError } from "../../../src/bgp/codec/error.ts";
import {
  decodeUpdate,
  encodeUpdate,
  endOfRibFamily,
  type ReceivedUpdate,
  reachablePrefixes,
  withdrawnPrefixes,
} from "../../../src/bgp/codec/update.ts";
import { Writer } from "../../../src/bgp/codec/writer.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";

const external: AttributeContext = { asnOctets: 4, internal: false };
const internal: AttributeContext = { asnOctets: 4, internal: true };

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

/** The body of an UPDATE of these attributes and prefixes, in hex. */
function body(attributes: string, nlri = "18 0a0203", withdrawn = ""): Uint8Array {
  const writer = new Writer();
  writer.field16(() => writer.bytes(fromHex(withdrawn)));
  writer.field16(() => writer.bytes(fromHex(attributes)));
  writer.bytes(fromHex(nlri));
  return writer.toBytes();
}

function keys(prefixes: Iterable<{ readonly key: string }>): string[] {
  return Array.from(prefixes, ({ key }) => key);
}

const origin = "40 01 01 00";
const asPath = "40 02 06 02 01 0000fc00";
const nextHop = "40 03 04 ac100701";
const mandatory = `${origin} ${asPath} ${nextHop}`;

test("an IPv4 UPDATE of FRR 8.4.4, captured: every attribute", () => {
  const update = decodeUpdate(
    fromHex(
      "00000049400101005002000e02030000fc000000fc000000fc00400304ac10070180040400000032c00808fc000001ffffff01c0200c0000fc000000000100000002c010080004fc004a3ebc2000180a0203100a01",
    ),
    external,
  );
  const { nextHop, ...attributes } = update.attributes;
  assert.equal(nextHop?.text, "172.16.7.1");
  assert.deepEqual(attributes, {
    origin: "igp",
    asPath: [{ type: "sequence", asns: [64512, 64512, 64512] }],
    multiExitDisc: 50,
    communities: [0xfc00_0001, 0xffff_ff01],
    largeCommunities: [[64512, 1, 2]],
    extendedCommunities: [0x0004_fc00_4a3e_bc20n],
    unknown: [],
  });
  assert.deepEqual(keys(reachablePrefixes(update)), ["0.0.0.0/0", "10.2.3.0/24", "10.1.0.0/16"]);
  assert.deepEqual(update.malformed, []);
});

test("an IPv6 UPDATE of FRR 8.4.4 to a speaker of two-octet AS numbers, captured", () => {
  const update = decodeUpdate(
    fromHex(
      "0000006c900e002c00020120fd000007000000000000000000000001fe800000000000000000000000070001003020010db8000140010100500200080203fc00fc00fc0080040400000032c00808fc000001ffffff01c0200c0000fc000000000100000002c010080004fc004a3ebc20",
    ),
    { asnOctets: 2, internal: false },
  );
  const { mpReach, asPath } = update.attributes;
  assert.ok(mpReach?.type === "unicast");
  assert.equal(mpReach.nextHop.text, "fd00:7::1");
  assert.equal(mpReach.linkLocal?.text, "fe80::7:1");
  assert.deepEqual(asPath, [{ type: "sequence", asns: [64512, 64512, 64512] }]);
  assert.deepEqual(keys(reachablePrefixes(update)), ["2001:db8:1::/48"]);
});

test("both forms of End-of-RIB, captured from FRR 8.4.4", () => {
  assert.equal(endOfRibFamily(decodeUpdate(fromHex("00000000"), external)), "ipv4");
  assert.equal(endOfRibFamily(decodeUpdate(fromHex("00000006800f03000201"), external)), "ipv6");
  assert.equal(endOfRibFamily(decodeUpdate(body(mandatory), external)), undefined);
});

/** What RFC 7606 makes of one wrong attribute beside good ones. */
const judged: readonly (readonly [string, string, AttributeContext, string])[] = [
  ["ORIGIN of 2 octets", `40 01 02 0000 ${asPath} ${nextHop}`, external, "withdraw §7.1"],
  ["ORIGIN 3", `40 01 01 03 ${asPath} ${nextHop}`, external, "withdraw §7.1"],
  [
    "an AS_PATH segment of type 9",
    `${origin} 40 02 06 09 01 00000001 ${nextHop}`,
    external,
    "withdraw §7.2",
  ],
  [
    "a confederation segment",
    `${origin} 40 02 06 03 01 00000001 ${nextHop}`,
    external,
    "withdraw §7.2",
  ],
  ["an empty AS_PATH segment", `${origin} 40 02 02 02 00 ${nextHop}`, external, "withdraw §7.2"],
  [
    "an AS_PATH segment that overruns",
    `${origin} 40 02 06 02 02 00000001 ${nextHop}`,
    external,
    "withdraw §7.2",
  ],
  ["NEXT_HOP of 5 octets", `${origin} ${asPath} 40 03 05 ac10070100`, external, "withdraw §7.3"],
  ["MULTI_EXIT_DISC of 3 octets", `${mandatory} 80 04 03 000001`, external, "withdraw §7.4"],
  [
    "LOCAL_PREF of 3 octets from an internal peer",
    `${mandatory} 40 05 03 000001`,
    internal,
    "withdraw §7.5",
  ],
  [
    "LOCAL_PREF of 3 octets from an external peer",
    `${mandatory} 40 05 03 000001`,
    external,
    "fine",
  ],
  ["ATOMIC_AGGREGATE of 1 octet", `${mandatory} 40 06 01 00`, external, "discard §7.6"],
  ["AGGREGATOR of 6 octets", `${mandatory} c0 07 06 fc00 0a000001`, external, "discard §7.7"],
  ["COMMUNITIES of 5 octets", `${mandatory} c0 08 05 0000000100`, external, "withdraw §7.8"],
  ["COMMUNITIES of no octets", `${mandatory} c0 08 00`, external, "withdraw §7.8"],
  [
    "ORIGINATOR_ID of 3 octets from an internal peer",
    `${mandatory} 80 09 03 000001`,
    internal,
    "withdraw §7.9",
  ],
  [
    "ORIGINATOR_ID of 3 octets from an external peer",
    `${mandatory} 80 09 03 000001`,
    external,
    "fine",
  ],
  [
    "CLUSTER_LIST of 3 octets from an internal peer",
    `${mandatory} 80 0a 03 000001`,
    internal,
    "withdraw §7.10",
  ],
  [
    "EXTENDED_COMMUNITIES of 7 octets",
    `${mandatory} c0 10 07 00000000000000`,
    external,
    "withdraw §7.14",
  ],
  [
    "AS4_PATH from a speaker of four-octet AS numbers",
    `${mandatory} c0 11 01 00`,
    external,
    "fine",
  ],
  [
    "a broken AS4_PATH",
    `${origin} 40 02 04 02 01 fc00 ${nextHop} c0 11 01 00`,
    { asnOctets: 2, internal: false },
    "discard §6",
  ],
  [
    "AS4_AGGREGATOR of 6 octets",
    `${origin} 40 02 04 02 01 fc00 ${nextHop} c0 12 06 0000 0a000001`,
    { asnOctets: 2, internal: false },
    "discard §6",
  ],
  [
    "LARGE_COMMUNITIES of 11 octets",
    `${mandatory} c0 20 0b ${"00".repeat(11)}`,
    external,
    "withdraw §6",
  ],
  ["ORIGIN with the Optional flag", `c0 01 01 00 ${asPath} ${nextHop}`, external, "withdraw §3(c)"],
  ["ATOMIC_AGGREGATE with the Optional flag", `${mandatory} c0 06 00`, external, "withdraw §3(c)"],
  ["AS 0 in AS_PATH", `${origin} 40 02 06 02 01 00000000 ${nextHop}`, external, "withdraw §7.2"],
  ["AS 0 in AGGREGATOR", `${mandatory} c0 07 08 00000000 0a000001`, external, "discard §7.7"],
  [
    "AS 0 in AS4_PATH",
    `${origin} 40 02 04 02 01 fc00 ${nextHop} c0 11 06 02 01 00000000`,
    { asnOctets: 2, internal: false },
    "discard §6",
  ],
  ["no ORIGIN", `${asPath} ${nextHop}`, external, "withdraw §3(d)"],
  ["no AS_PATH", `${origin} ${nextHop}`, external, "withdraw §3(d)"],
  ["no NEXT_HOP", `${origin} ${asPath}`, external, "withdraw §3(d)"],
  ["ORIGIN twice", `${mandatory} 40 01 01 09`, external, "discard §3(g)"],
  ["an attribute that overruns the list", `${mandatory} c0 08 ff 00`, external, "withdraw §4"],
  ["one octet behind the last attribute", `${mandatory} c0`, external, "withdraw §4"],
];

test("MP_REACH_NLRI and MP_UNREACH_NLRI with wrong flags withdraw their prefixes (RFC 7606 §3(c))", () => {
  const reach = `40 0e 1e 0002 01 10 ${"20010db8".padEnd(32, "0")} 00 40 20010db800000007`;
  const unreach = "c0 0f 0c 0002 01 40 20010db800000008";
  for (const attributes of [`${reach} ${origin} ${asPath}`, unreach]) {
    const update = decodeUpdate(body(attributes, ""), external);
    assert.equal(verdict(update), "withdraw §3(c)");
    assert.deepEqual([...reachablePrefixes(update)], []);
    assert.equal([...withdrawnPrefixes(update)].length, 1);
  }
  assert.throws(
    () => decodeUpdate(body(`40 0e 05 0002 01 07 00 ${origin} ${asPath}`, ""), external),
    NotificationError,
    "a next hop that cannot be is still a session reset",
  );
});

function verdict(update: ReceivedUpdate): string {
  if (update.malformed.length === 0) {
    return "fine";
  }
  const [first] = update.malformed;
  const section = /\(RFC \d+ (§[^ ]+)\)$/.exec(first?.text ?? "")?.[1];
  return `${update.treatAsWithdraw ? "withdraw" : "discard"} ${section}`;
}

for (const [what, attributes, context, expected] of judged) {
  test(`an UPDATE with ${what}: ${expected}`, () => {
    const update = decodeUpdate(body(attributes), context);
    assert.equal(verdict(update), expected);
    const withdraws = expected.startsWith("withdraw");
    assert.deepEqual(keys(reachablePrefixes(update)), withdraws ? [] : ["10.2.3.0/24"]);
    assert.deepEqual(keys(withdrawnPrefixes(update)), withdraws ? ["10.2.3.0/24"] : []);
  });
}

test("of several errors the strongest action wins (RFC 7606 §3(h))", () => {
  const update = decodeUpdate(body(`${mandatory} 40 06 01 00 80 04 01 00`), external);
  assert.deepEqual(
    update.malformed.map(({ action }) => action),
    ["attribute-discard", "treat-as-withdraw"],
  );
  assert.equal(update.treatAsWithdraw, true);
});

const mpReach = "80 0e 1a 0002 01 10 fd000007000000000000000000000001 00 20 20010db8";
const resets: readonly (readonly [string, Uint8Array, number])[] = [
  ["a prefix of 33 bits", body(mandatory, "21 0a020300 00"), 10],
  ["a prefix that overruns the NLRI field", body(mandatory, "18 0a02"), 10],
  ["a withdrawn prefix of 33 bits", body("", "", "21 0a020300 00"), 10],
  ["Withdrawn Routes that overrun the message", fromHex("0004 0000"), 1],
  ["attributes that overrun the message", fromHex("0000 0004 40"), 1],
  ["an unknown well-known attribute", body(`${mandatory} 40 63 01 00`), 2],
  ["MP_REACH_NLRI twice", body(`${mpReach} ${mpReach} ${origin} ${asPath}`, ""), 1],
  ["a next hop of 5 octets", body("80 0e 09 0002 01 05 0000000000 00", ""), 9],
  ["an IPv6 prefix of 129 bits", body(`80 0e 16 0002 01 10 ${"00".repeat(16)} 00 81`, ""), 10],
  ["MP_REACH_NLRI of 2 octets", body("80 0e 02 0002", ""), 9],
  ["MP_UNREACH_NLRI of 2 octets", body("80 0f 02 0002", ""), 9],
  ["a malformed attribute and no routes (RFC 7606 §5.2)", body("80 04 01 00", ""), 1],
];

for (const [what, octets, subcode] of resets) {
  test(`an UPDATE with ${what} resets the session: UPDATE Message Error ${subcode}`, () => {
    assert.throws(
      () => decodeUpdate(octets, external),
      (error) => {
        assert.ok(error instanceof NotificationError, String(error));
        assert.deepEqual([error.code, error.subcode], [3, subcode], error.message);
        return true;
      },
    );
  });
}

test("an unknown well-known attribute is sent back whole (RFC 4271 §6.3)", () => {
  assert.throws(
    () => decodeUpdate(body(`${mandatory} 40 63 01 07`), external),
    (error) => error instanceof NotificationError && error.data.join() === "64,99,1,7",
  );
});

test("routes of a family that we do not speak are no error", () => {
  const update = decodeUpdate(body(`80 0e 05 4004 46 0000 ${origin} ${asPath}`, ""), external);
  assert.deepEqual(update.attributes.mpReach, {
    type: "other",
    afi: 0x4004,
    safi: 70,
    octets: new Uint8Array(2),
  });
  assert.deepEqual([...reachablePrefixes(update)], []);
});

test("MP_REACH_NLRI stands first, by the wish of RFC 7606 §5.1", () => {
  const update = decodeUpdate(body(`${mandatory} ${mpReach}`, ""), external);
  const writer = new Writer();
  encodeUpdate(update, writer, external);
  assert.equal(writer.toBytes()[5], 14);
});

test("a changed attribute octet never loses a prefix that is still announced or withdrawn", () => {
  const octets = body(`${mandatory} c0 08 04 fc000001 80 04 04 00000001`);
  const attributesEnd = octets.length - 4;
  fc.assert(
    fc.property(fc.integer({ min: 4, max: attributesEnd - 1 }), arbitrary.uint8, (at, value) => {
      const changed = octets.with(at, value);
      try {
        const update = decodeUpdate(changed, external);
        const known = [...reachablePrefixes(update), ...withdrawnPrefixes(update)];
        assert.ok(keys(known).includes("10.2.3.0/24"));
      } catch (error) {
        assert.ok(error instanceof NotificationError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});
