import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AdjRibOut } from "../../src/bgp/adj-rib-out.ts";
import type { AttributeSetTerms } from "../../src/bgp/attribute-sets.ts";
import { RibEntries } from "../../src/bgp/rib-entry.ts";
import type { Route } from "../../src/bgp/route.ts";
import { makeAddress } from "../../src/net/address.ts";
import { makePrefix } from "../../src/net/prefix.ts";
import * as arbitrary from "../support/bgp-arbitraries.ts";
import { PeerRib } from "../support/peer-rib.ts";
import { route } from "../support/routes.ts";

const terms: AttributeSetTerms = {
  localAsn: 64522,
  internal: false,
  fourOctetAsn: true,
  families: ["ipv4"],
  linkBandwidth: "auto",
  maxMessageOctets: 4096,
};
const nextHops = { ipv4: { address: makeAddress("ipv4", 0xac10_070bn) } };

/** What a peer has after each of these sets of routes, on one session. */
function held(entries: RibEntries, sets: readonly (readonly Route[])[]): object[] {
  const adjRibOut = new AdjRibOut(terms, entries);
  const rib = new PeerRib({ asnOctets: 4, internal: false });
  return sets.map((routes) => {
    adjRibOut.setRoutes(routes, nextHops);
    rib.take(adjRibOut.take(Infinity)?.octets ?? new Uint8Array());
    const { advertised, pending } = adjRibOut;
    return { routes: new Map(rib.routes), endOfRib: [...rib.endOfRib], advertised, pending };
  });
}

test("prepared entries, and those of a session that is over, change nothing of what the peer has", () => {
  const sets = fc.array(arbitrary.routes, { maxLength: 3 });
  const least = fc.constantFrom(1, 2, 1_000);
  fc.assert(
    fc.property(fc.array(arbitrary.routes), sets, sets, least, (others, first, second, least) => {
      const entries = new RibEntries(least);
      for (const routes of [...others, ...first.slice(0, 1)]) {
        entries.prepare(routes);
      }
      assert.deepEqual(held(entries, first), held(new RibEntries(), first));
      entries.forgetPeer();
      for (const routes of [...others, ...second.slice(0, 1)]) {
        entries.prepare(routes);
      }
      assert.deepEqual(held(entries, second), held(new RibEntries(), second));
    }),
  );
});

test("entries of routes that are gone do not pile up while a session is down", () => {
  const entries = new RibEntries();
  const attributes = { localPref: 100, prepend: 0, communities: [], largeCommunities: [] };
  for (let round = 0; round < 50; round += 1) {
    const routes = Array.from({ length: 10 }, (_, index) => {
      const address = makeAddress("ipv4", BigInt(round * 10 + index));
      const prefix = { family: "ipv4" as const, address, length: 32, key: `${address.text}/32` };
      return { prefix, attributes };
    });
    entries.prepare(routes);
    assert.ok(entries.byKey.size <= 30, `${entries.byKey.size} entries for 10 routes`);
  }
});

test("of two routes for one prefix the first counts, prepared or not", () => {
  const [first, second] = [{ localPref: 1 }, { localPref: 2 }].map((attributes) =>
    route("10.0.0.1/32", attributes),
  );
  assert.ok(first && second);
  for (const routes of [
    [first, second],
    [second, first],
  ]) {
    const entries = new RibEntries(1);
    entries.prepare(routes);
    const adjRibOut = new AdjRibOut({ ...terms, internal: true }, entries);
    adjRibOut.setRoutes(routes, nextHops);
    const rib = new PeerRib({ asnOctets: 4, internal: true });
    rib.take(adjRibOut.take(Infinity)?.octets ?? new Uint8Array());
    assert.equal(rib.routes.get("10.0.0.1/32")?.localPref, routes[0]?.attributes.localPref);
    assert.deepEqual([adjRibOut.advertised, adjRibOut.pending], [1, 0]);
  }
});

test("prepared routes are cut into messages between prefixes, whatever their lengths", () => {
  const attributes = { localPref: 100, prepend: 0, communities: [], largeCommunities: [] };
  const routes = Array.from({ length: 3_000 }, (_, index) => ({
    prefix: makePrefix(makeAddress("ipv4", BigInt(index) << 12n), 20 + (index % 13)),
    attributes,
  }));
  const entries = new RibEntries();
  entries.prepare(routes);
  const adjRibOut = new AdjRibOut(terms, entries);
  const rib = new PeerRib({ asnOctets: 4, internal: false });
  adjRibOut.setRoutes(routes, nextHops);
  for (let output = adjRibOut.take(1); output !== undefined; output = adjRibOut.take(1)) {
    rib.take(output.octets);
  }
  assert.deepEqual(
    [...rib.routes.keys()],
    routes.map(({ prefix }) => prefix.key),
  );
  assert.equal(rib.updates, 5, "messages that are full, and End-of-RIB");
});

test("prepared routes that the session cannot carry are withheld", () => {
  const routes = Array.from({ length: 300 }, (_, index) => route(`2001:db8::${index + 1}/128`));
  const entries = new RibEntries();
  entries.prepare(routes);
  const adjRibOut = new AdjRibOut(terms, entries);
  adjRibOut.setRoutes(routes, nextHops);
  assert.equal(adjRibOut.withheld.length, 300);
  assert.equal(adjRibOut.take(Infinity)?.advertised, 0);
});
