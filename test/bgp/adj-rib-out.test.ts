import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AdjRibOut } from "../../src/bgp/adj-rib-out.ts";
import type { AttributeSetTerms } from "../../src/bgp/attribute-sets.ts";
import type { NextHops } from "../../src/bgp/next-hop.ts";
import { RibEntries } from "../../src/bgp/rib-entry.ts";
import type { Route } from "../../src/bgp/route.ts";
import { makeAddress } from "../../src/net/address.ts";
import * as arbitrary from "../support/bgp-arbitraries.ts";
import { PeerRib } from "../support/peer-rib.ts";
import { route, routesOf } from "../support/routes.ts";

const terms: AttributeSetTerms = {
  localAsn: 64522,
  internal: false,
  fourOctetAsn: true,
  families: ["ipv4", "ipv6"],
  linkBandwidth: "auto",
  maxMessageOctets: 4096,
};
const ipv4Only: AttributeSetTerms = { ...terms, families: ["ipv4"] };
const nextHops: NextHops = {
  ipv4: { address: makeAddress("ipv4", 1n) },
  ipv6: { address: makeAddress("ipv6", 1n) },
};

function peerRib({ fourOctetAsn, internal, maxMessageOctets }: AttributeSetTerms): PeerRib {
  return new PeerRib({ asnOctets: fourOctetAsn ? 4 : 2, internal }, maxMessageOctets);
}

function drain(adjRibOut: AdjRibOut, rib: PeerRib): number {
  let updates = 0;
  for (let output = adjRibOut.take(1e6); output !== undefined; output = adjRibOut.take(1e6)) {
    rib.take(output.octets);
    updates += output.updates;
  }
  return updates;
}

function keysOf(routes: readonly Route[]): string[] {
  return routes.map(({ prefix }) => prefix.key).toSorted();
}

test("however sets, partial sends and refreshes follow each other, the peer ends with the last set", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("set" as const), routes: arbitrary.routes }),
    fc.record({ type: fc.constant("take" as const) }),
    fc.record({
      type: fc.constant("refresh" as const),
      family: fc.constantFrom("ipv4" as const, "ipv6" as const),
      isEnhanced: fc.boolean(),
    }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 15 }), arbitrary.routes, (steps, last) => {
      const small = { ...terms, maxMessageOctets: 90 };
      const adjRibOut = new AdjRibOut(small);
      const rib = peerRib(small);
      for (const step of steps) {
        if (step.type === "set") {
          adjRibOut.setRoutes(step.routes, nextHops);
        } else if (step.type === "refresh") {
          adjRibOut.refresh(step.family, step.isEnhanced);
        } else {
          rib.take(adjRibOut.take(1)?.octets ?? new Uint8Array());
        }
      }
      adjRibOut.setRoutes(last, nextHops);
      drain(adjRibOut, rib);
      assert.deepEqual([...rib.routes.keys()].toSorted(), keysOf(last));
      for (const { prefix, attributes } of last) {
        const got = rib.routes.get(prefix.key);
        assert.equal(got?.asPath?.[0]?.asns.length, 1 + attributes.prepend);
        assert.deepEqual(got?.communities ?? [], attributes.communities);
      }
      assert.equal(adjRibOut.advertised, last.length);
      assert.equal(adjRibOut.pending, 0);
      assert.deepEqual(rib.endOfRib.toSorted(), ["ipv4", "ipv6"], "one End-of-RIB per family");
    }),
    { numRuns: 500 },
  );
});

test("a set that is equal to the last one sends nothing, also as new objects", () => {
  fc.assert(
    fc.property(arbitrary.routes, (routes) => {
      const adjRibOut = new AdjRibOut(terms);
      adjRibOut.setRoutes(routes, nextHops);
      drain(adjRibOut, peerRib(terms));
      adjRibOut.setRoutes(structuredClone(routes).toReversed(), nextHops);
      assert.equal(adjRibOut.take(1e6), undefined);
    }),
  );
});

test("10,000 routes of one attribute set take as few UPDATEs as fit, then one per change", () => {
  const adjRibOut = new AdjRibOut(terms);
  const rib = peerRib(terms);
  adjRibOut.setRoutes(routesOf({ count: 10_000 }), nextHops);
  const attributeOctets = 4 + 9 + 7;
  const perUpdate = Math.floor((4096 - 23 - attributeOctets) / 5);
  assert.equal(drain(adjRibOut, rib), Math.ceil(10_000 / perUpdate) + 2);
  adjRibOut.setRoutes(routesOf({ count: 9_999 }), nextHops);
  assert.equal(drain(adjRibOut, rib), 1);
  assert.equal(rib.routes.size, 9_999);
});

test("an extended message holds thirteen thousand routes", () => {
  const extended = { ...terms, maxMessageOctets: 65_535 };
  const adjRibOut = new AdjRibOut(extended);
  const rib = peerRib(extended);
  adjRibOut.setRoutes(routesOf({ count: 13_000 }), nextHops);
  assert.equal(drain(adjRibOut, rib), 1 + 2);
});

test("withdrawals come first, also before advertisements that waited longer", () => {
  const adjRibOut = new AdjRibOut(ipv4Only);
  const rib = peerRib(terms);
  adjRibOut.setRoutes([route("10.0.0.1/32")], nextHops);
  drain(adjRibOut, rib);
  adjRibOut.setRoutes([route("10.0.0.1/32"), route("10.0.0.2/32")], nextHops);
  adjRibOut.setRoutes([route("10.0.0.2/32")], nextHops);
  rib.take(adjRibOut.take(1)?.octets ?? new Uint8Array());
  assert.deepEqual([...rib.routes.keys()], []);
});

test("a route that went and came while the peer was slow is not told at all", () => {
  const adjRibOut = new AdjRibOut(terms);
  adjRibOut.setRoutes([route("10.0.0.1/32")], nextHops);
  drain(adjRibOut, peerRib(terms));
  adjRibOut.setRoutes([], nextHops);
  assert.equal(adjRibOut.pending, 1);
  adjRibOut.setRoutes([route("10.0.0.1/32")], nextHops);
  assert.equal(adjRibOut.take(1e6), undefined);
});

test("what the session cannot carry is withheld, with the reason", () => {
  const adjRibOut = new AdjRibOut({ ...ipv4Only, maxMessageOctets: 300 });
  const long = { communities: Array.from({ length: 63 }, (_, index) => index) };
  const routes = [route("2001:db8::/64"), route("10.0.0.1/32", long), route("10.0.0.2/32")];
  adjRibOut.setRoutes(routes, nextHops);
  const reasons = adjRibOut.withheld.map(({ prefix, reason }) => `${prefix.key} ${reason}`);
  assert.deepEqual(reasons, [
    "2001:db8::/64 family-not-negotiated",
    "10.0.0.1/32 attributes-too-long",
  ]);
  adjRibOut.setRoutes(routes, {});
  assert.deepEqual(
    adjRibOut.withheld.map(({ reason }) => reason),
    ["family-not-negotiated", "no-next-hop", "no-next-hop"],
  );
});

test("a new next hop sends the routes of its family again", () => {
  const adjRibOut = new AdjRibOut(terms);
  const routes = [route("2001:db8::1/128"), route("10.0.0.1/32")];
  adjRibOut.setRoutes(routes, nextHops);
  drain(adjRibOut, peerRib(terms));
  const moved = { ...nextHops, ipv6: { address: makeAddress("ipv6", 2n) } };
  adjRibOut.setRoutes(routes, moved);
  assert.equal(adjRibOut.pending, 1);
});

test("an enhanced refresh is framed by its begin and end (RFC 7313)", () => {
  const adjRibOut = new AdjRibOut(terms);
  const rib = peerRib(terms);
  adjRibOut.setRoutes([route("10.0.0.1/32")], nextHops);
  drain(adjRibOut, rib);
  adjRibOut.refresh("ipv4", true);
  drain(adjRibOut, rib);
  assert.deepEqual(rib.refreshes, [1, 2]);
  assert.deepEqual(rib.endOfRib, ["ipv4", "ipv6"]);
});

test("an internal peer gets LOCAL_PREF and an empty AS_PATH, an external one neither", () => {
  for (const internal of [true, false]) {
    const ofSession = { ...terms, internal };
    const adjRibOut = new AdjRibOut(ofSession);
    const rib = peerRib(ofSession);
    adjRibOut.setRoutes([route("10.0.0.1/32", { localPref: 7, prepend: 1 })], nextHops);
    drain(adjRibOut, rib);
    const { localPref, asPath } = rib.routes.get("10.0.0.1/32") ?? {};
    assert.equal(localPref, internal ? 7 : undefined);
    assert.deepEqual(asPath, internal ? [] : [{ type: "sequence", asns: [64522, 64522] }]);
  }
});

test("a peer of two-octet AS numbers gets AS_TRANS and AS4_PATH (RFC 6793)", () => {
  const ofSession = { ...terms, localAsn: 4_200_000_000, fourOctetAsn: false };
  const adjRibOut = new AdjRibOut(ofSession);
  const rib = peerRib(ofSession);
  adjRibOut.setRoutes([route("10.0.0.1/32")], nextHops);
  drain(adjRibOut, rib);
  const { asPath, as4Path } = rib.routes.get("10.0.0.1/32") ?? {};
  assert.deepEqual(asPath, [{ type: "sequence", asns: [23456] }]);
  assert.deepEqual(as4Path, [{ type: "sequence", asns: [4_200_000_000] }]);
});

const bandwidths = [
  ["auto", false, 0x0004_fc0a_4a3e_bc20n],
  ["auto", true, 0x4004_fc0a_4a3e_bc20n],
  ["transitive", true, 0x0004_fc0a_4a3e_bc20n],
  ["non-transitive", false, 0x4004_fc0a_4a3e_bc20n],
  ["off", false, undefined],
] as const;

for (const [linkBandwidth, internal, expected] of bandwidths) {
  test(`link bandwidth ${linkBandwidth} to ${internal ? "internal" : "external"} peers`, () => {
    const ofSession = { ...terms, linkBandwidth, internal };
    const adjRibOut = new AdjRibOut(ofSession);
    const rib = peerRib(ofSession);
    adjRibOut.setRoutes([route("10.0.0.1/32", { linkBandwidth: 3_125_000 })], nextHops);
    drain(adjRibOut, rib);
    assert.equal(rib.routes.get("10.0.0.1/32")?.extendedCommunities?.[0], expected);
  });
}

test("IPv4 routes with an IPv6 next hop go into MP_REACH_NLRI (RFC 8950)", () => {
  const adjRibOut = new AdjRibOut(terms);
  const rib = peerRib(terms);
  const linkLocal = makeAddress("ipv6", 0xfe80n << 112n);
  const next = { address: makeAddress("ipv6", 1n), linkLocal };
  adjRibOut.setRoutes(routesOf({ count: 2_000 }), { ipv4: next });
  drain(adjRibOut, rib);
  assert.equal(rib.routes.size, 2_000);
  adjRibOut.setRoutes([], { ipv4: next });
  drain(adjRibOut, rib);
  assert.equal(rib.routes.size, 0);
});

test("messages are no longer than what is asked for, but where their attributes need it", () => {
  const extended = { ...terms, maxMessageOctets: 65_535 };
  const adjRibOut = new AdjRibOut(extended);
  const rib = peerRib(extended);
  const communities = Array.from({ length: 1_500 }, (_, index) => index);
  adjRibOut.setRoutes(
    [...routesOf({ count: 2_000 }), route("192.0.2.0/24", { communities })],
    nextHops,
  );
  const lengths: number[] = [];
  for (let output = adjRibOut.take(1); output !== undefined; output = adjRibOut.take(1)) {
    lengths.push(output.octets.length);
    rib.take(output.octets);
  }
  assert.equal(rib.routes.size, 2_001);
  assert.ok(Math.max(...lengths.slice(0, 3)) <= 4_096);
  assert.ok(Math.max(...lengths) > 6_000, "the route with many communities");
});

test("whatever comes while prepared routes are on their way, the peer ends with the last set", () => {
  const step = fc.oneof(
    fc.record({ take: fc.nat(10_000) }),
    fc.record({ count: fc.nat(3_000) }),
    fc.record({ isEnhanced: fc.boolean() }),
  );
  const steps = fc.array(step, { maxLength: 6 });
  const ipv6 = route("2001:db8::1/128");
  fc.assert(
    fc.property(steps, fc.constantFrom(terms, ipv4Only), (steps, ofSession) => {
      let last = [...routesOf({ count: 2_500 }), ipv6];
      const entries = new RibEntries();
      entries.prepare(last);
      const adjRibOut = new AdjRibOut(ofSession, entries);
      const rib = peerRib(ofSession);
      adjRibOut.setRoutes(last, nextHops);
      for (const step of steps) {
        if ("take" in step) {
          rib.take(adjRibOut.take(step.take)?.octets ?? new Uint8Array());
        } else if ("count" in step) {
          last = [ipv6, ...routesOf(step)];
          adjRibOut.setRoutes(last, nextHops);
        } else {
          adjRibOut.refresh("ipv4", step.isEnhanced);
        }
      }
      drain(adjRibOut, rib);
      const held = last.filter(({ prefix }) => ofSession.families.includes(prefix.family));
      assert.deepEqual([...rib.routes.keys()].toSorted(), keysOf(held));
      assert.deepEqual([adjRibOut.advertised, adjRibOut.pending], [held.length, 0]);
      assert.equal(adjRibOut.withheld.length, last.length - held.length);
      assert.deepEqual(rib.endOfRib, ofSession.families, "one End-of-RIB per family");
    }),
    { numRuns: 100 },
  );
});

test("lists that share their routes with the one before send what differs, as whole lists do", () => {
  const some = fc.array(fc.nat(30), { maxLength: 12 });
  const edit = fc.record({
    from: fc.nat(12),
    remove: fc.nat(4),
    insert: some,
    isTaken: fc.boolean(),
  });
  const known = [0, 1, 2].flatMap((localPref) =>
    Array.from({ length: 31 }, (_, index) =>
      route(index % 5 === 0 ? `2001:db8::${index}/128` : `10.0.0.${index}/32`, { localPref }),
    ),
  );
  const ofSession = fc.constantFrom(terms, ipv4Only);
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), ofSession, (edits, session) => {
      const internal = { ...session, internal: true };
      const adjRibOut = new AdjRibOut(internal);
      const rib = peerRib(internal);
      let routes: readonly Route[] = [];
      for (const [step, { from, remove, insert, isTaken }] of edits.entries()) {
        const inserted = insert.flatMap((index) => known[(index * 7 + step) % known.length] ?? []);
        routes = routes.toSpliced(from, remove, ...inserted);
        adjRibOut.setRoutes(routes, nextHops);
        if (isTaken) rib.take(adjRibOut.take(40)?.octets ?? new Uint8Array());
        else drain(adjRibOut, rib);
      }
      drain(adjRibOut, rib);
      const held = routes.filter(({ prefix }) => session.families.includes(prefix.family));
      // Of two routes for one prefix the first counts.
      const wanted = new Map(
        held.toReversed().map(({ prefix, attributes }) => [prefix.key, attributes.localPref]),
      );
      const got = new Map([...rib.routes].map(([key, { localPref }]) => [key, localPref]));
      assert.deepEqual(got, wanted);
      const withheld = routes.filter((each) => !held.includes(each));
      assert.deepEqual(
        new Set(adjRibOut.withheld.map(({ prefix }) => prefix.key)),
        new Set(keysOf(withheld)),
      );
      assert.deepEqual([adjRibOut.advertised, adjRibOut.pending], [wanted.size, 0]);
    }),
    { numRuns: 1_000 },
  );
});

test("one change among 10,000 routes looks at none of the others", () => {
  let looks = 0;
  const routes = routesOf({ count: 10_000 }).map(({ prefix, attributes }) => ({
    attributes,
    get prefix() {
      looks += 1;
      return prefix;
    },
  }));
  const adjRibOut = new AdjRibOut(terms);
  adjRibOut.setRoutes(routes, nextHops);
  const rib = peerRib(terms);
  drain(adjRibOut, rib);
  looks = 0;
  adjRibOut.setRoutes(routes.toSpliced(5_000, 1), nextHops);
  drain(adjRibOut, rib);
  adjRibOut.setRoutes(routes, nextHops);
  drain(adjRibOut, rib);
  assert.equal(rib.routes.size, 10_000);
  assert.ok(looks < 20, `${looks} looks`);
});
