/** Arbitrary BGP values for property tests: every one of them has exactly one encoding. */
import fc from "fast-check";
import type { AsPath } from "../../src/bgp/codec/as-path.ts";
import type { AttributeContext, PathAttributes } from "../../src/bgp/codec/attribute.ts";
import type { Capability } from "../../src/bgp/codec/capability.ts";
import type { Message } from "../../src/bgp/codec/message.ts";
import type { Open } from "../../src/bgp/codec/open.ts";
import type { Update } from "../../src/bgp/codec/update.ts";
import type { Route, RouteAttributes } from "../../src/bgp/route.ts";
import {
  type Address,
  type AddressFamily,
  addressBits,
  makeAddress,
} from "../../src/net/address.ts";
import { makePrefix, type Prefix } from "../../src/net/prefix.ts";

export const uint8 = fc.integer({ min: 0, max: 0xff });
export const uint16 = fc.integer({ min: 0, max: 0xffff });
export const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
/** AS 0 is malformed. */
const nonZero = (number: fc.Arbitrary<number>) => number.filter((value) => value !== 0);
export const octets = (maxLength: number) => fc.uint8Array({ maxLength });

export const context: fc.Arbitrary<AttributeContext> = fc.record({
  asnOctets: fc.constantFrom(2, 4),
  internal: fc.boolean(),
});

export function address(family: AddressFamily): fc.Arbitrary<Address> {
  const max = (1n << BigInt(addressBits[family])) - 1n;
  return fc.bigInt({ min: 0n, max }).map((value) => makeAddress(family, value));
}

export function prefix(family: AddressFamily): fc.Arbitrary<Prefix> {
  return fc
    .tuple(address(family), fc.integer({ min: 0, max: addressBits[family] }))
    .map(([base, length]) => makePrefix(base, length));
}

const routerId = fc.bigInt({ min: 1n, max: 0xffff_ffffn }).map((v) => makeAddress("ipv4", v));
const afiSafi = { afi: uint16, safi: uint8 };
const shortText = fc.string({ unit: "grapheme", maxLength: 20 });

/** Codes that we do not know, so that `unknown` survives the wire. */
const unknownCode = fc.integer({ min: 128, max: 255 });

export const capability: fc.Arbitrary<Capability> = fc.oneof(
  fc.record({ type: fc.constant("multiprotocol" as const), ...afiSafi }),
  fc.constantFrom<Capability>(
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "extended-message" },
  ),
  fc.record({
    type: fc.constant("extended-next-hop" as const),
    entries: fc.array(fc.record({ afi: uint16, safi: uint16, nextHopAfi: uint16 }), {
      maxLength: 4,
    }),
  }),
  fc.record({
    type: fc.constant("graceful-restart" as const),
    restarted: fc.boolean(),
    notification: fc.boolean(),
    restartTimeSeconds: fc.integer({ min: 0, max: 4095 }),
    families: fc.array(fc.record({ ...afiSafi, forwarding: fc.boolean() }), { maxLength: 4 }),
  }),
  fc.record({ type: fc.constant("four-octet-asn" as const), asn: uint32 }),
  fc.record({ type: fc.constant("hostname" as const), hostname: shortText, domain: shortText }),
  fc.record({ type: fc.constant("unknown" as const), code: unknownCode, octets: octets(40) }),
);

export const open: fc.Arbitrary<Open> = fc.record({
  type: fc.constant("OPEN" as const),
  asn: uint16,
  holdTimeSeconds: uint16.filter((seconds) => seconds !== 1 && seconds !== 2),
  routerId,
  capabilities: fc.array(capability, { maxLength: 30 }),
});

function asPath({ asnOctets }: AttributeContext): fc.Arbitrary<AsPath> {
  const asn = nonZero(asnOctets === 4 ? uint32 : uint16);
  return fc.array(
    fc.record({
      type: fc.constantFrom("sequence" as const, "set" as const),
      asns: fc.array(asn, { minLength: 1, maxLength: 8 }),
    }),
    { maxLength: 3 },
  );
}

const otherFamily = fc.record({
  type: fc.constant("other" as const),
  afi: fc.integer({ min: 3, max: 0xffff }),
  safi: uint8,
  octets: octets(20),
});

const mpReach = fc.oneof(
  fc.constantFrom("ipv4" as const, "ipv6" as const).chain((family) =>
    fc.record(
      {
        type: fc.constant("unicast" as const),
        family: fc.constant(family),
        nextHop: address("ipv6"),
        linkLocal: address("ipv6"),
        prefixes: fc.array(prefix(family), { maxLength: 5 }),
      },
      { requiredKeys: ["type", "family", "nextHop", "prefixes"] },
    ),
  ),
  otherFamily,
);

const mpUnreach = fc.oneof(
  fc.constantFrom("ipv4" as const, "ipv6" as const).chain((family) =>
    fc.record({
      type: fc.constant("unicast" as const),
      family: fc.constant(family),
      prefixes: fc.array(prefix(family), { maxLength: 5 }),
    }),
  ),
  otherFamily,
);

function aggregator({ asnOctets }: AttributeContext) {
  return fc.record({
    asn: nonZero(asnOctets === 4 ? uint32 : uint16),
    address: address("ipv4"),
  });
}

const list = { minLength: 1, maxLength: 70 };

/** Attributes that mean something in `ctx`; ORIGIN, AS_PATH and NEXT_HOP are always there. */
export function pathAttributes(ctx: AttributeContext): fc.Arbitrary<PathAttributes> {
  const internalOnly = {
    localPref: uint32,
    originatorId: address("ipv4"),
    clusterList: fc.array(address("ipv4"), { minLength: 1, maxLength: 4 }),
  };
  const fromTwoOctetSpeaker = {
    as4Path: asPath({ ...ctx, asnOctets: 4 }).filter((path) => path.length > 0),
    as4Aggregator: aggregator({ ...ctx, asnOctets: 4 }),
  };
  return fc.record(
    {
      origin: fc.constantFrom("igp" as const, "egp" as const, "incomplete" as const),
      asPath: asPath(ctx),
      nextHop: address("ipv4"),
      multiExitDisc: uint32,
      atomicAggregate: fc.constant(true as const),
      aggregator: aggregator(ctx),
      communities: fc.array(uint32, list),
      mpReach,
      mpUnreach,
      extendedCommunities: fc.array(fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), list),
      largeCommunities: fc.array(fc.tuple(uint32, uint32, uint32), list),
      ...(ctx.internal ? internalOnly : {}),
      ...(ctx.asnOctets === 2 ? fromTwoOctetSpeaker : {}),
      unknown: fc.uniqueArray(
        fc.record({
          code: unknownCode,
          flags: fc.constantFrom(0x80, 0xc0, 0xe0),
          octets: octets(300),
        }),
        { maxLength: 3, selector: ({ code }) => code },
      ),
    },
    { requiredKeys: ["origin", "asPath", "nextHop", "unknown"] },
  );
}

export function update(ctx: AttributeContext): fc.Arbitrary<Update> {
  return fc.record({
    type: fc.constant("UPDATE" as const),
    withdrawn: fc.array(prefix("ipv4"), { maxLength: 20 }),
    attributes: pathAttributes(ctx),
    nlri: fc.array(prefix("ipv4"), { maxLength: 20 }),
  });
}

export function message(ctx: AttributeContext): fc.Arbitrary<Message> {
  return fc.oneof(
    open,
    update(ctx),
    fc.record({
      type: fc.constant("NOTIFICATION" as const),
      code: uint8,
      subcode: uint8,
      data: octets(100),
    }),
    fc.constant({ type: "KEEPALIVE" as const }),
    fc.record({ type: fc.constant("ROUTE-REFRESH" as const), ...afiSafi, subtype: uint8 }),
  );
}

export const routeAttributes: fc.Arbitrary<RouteAttributes> = fc.record(
  {
    localPref: uint32,
    med: uint32,
    prepend: fc.integer({ min: 0, max: 5 }),
    communities: fc.uniqueArray(uint32, { maxLength: 4 }),
    largeCommunities: fc.array(fc.tuple(uint32, uint32, uint32), { maxLength: 2 }),
    linkBandwidth: fc.integer({ min: 1, max: 4000 }).map((count) => count * 1_000_000),
  },
  { requiredKeys: ["localPref", "prepend", "communities", "largeCommunities"] },
);

/** Routes with different prefixes, few enough prefixes and attributes that sets overlap. */
export const routes: fc.Arbitrary<Route[]> = fc.uniqueArray(
  fc.record({
    prefix: fc.oneof(
      fc.integer({ min: 0, max: 15 }).map((n) => makePrefix(makeAddress("ipv4", BigInt(n)), 32)),
      fc.integer({ min: 0, max: 7 }).map((n) => makePrefix(makeAddress("ipv6", BigInt(n)), 128)),
    ),
    attributes: fc.constantFrom(
      { localPref: 100, prepend: 0, communities: [], largeCommunities: [] },
      { localPref: 100, prepend: 1, communities: [], largeCommunities: [] },
      { localPref: 100, prepend: 0, communities: [7], largeCommunities: [] },
    ),
  }),
  { selector: ({ prefix: { key } }) => key, maxLength: 20 },
);
