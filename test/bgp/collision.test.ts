import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { survivingConnection } from "../../src/bgp/collision.ts";
import { makeAddress } from "../../src/net/address.ts";
import * as arbitrary from "../support/bgp-arbitraries.ts";

const identity = fc.record({
  routerId: arbitrary.uint32.map((value) => makeAddress("ipv4", BigInt(value))),
  asn: arbitrary.uint32,
});

test("both sides keep the same connection", () => {
  fc.assert(
    fc.property(identity, identity, (local, remote) => {
      fc.pre(local.routerId.value !== remote.routerId.value || local.asn !== remote.asn);
      const here = survivingConnection(local, remote);
      const there = survivingConnection(remote, local);
      assert.notEqual(here, there, "what is opened by us here is opened by the peer there");
    }),
  );
});

test("the higher BGP Identifier wins, then the higher AS (RFC 6286)", () => {
  const one = { routerId: makeAddress("ipv4", 1n), asn: 9 };
  const two = { routerId: makeAddress("ipv4", 0xffff_ffffn), asn: 1 };
  assert.equal(survivingConnection(two, one), "opened-by-us");
  assert.equal(survivingConnection(one, { ...one, asn: 8 }), "opened-by-us");
});
