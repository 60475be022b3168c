import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { deriveRouterId } from "../../src/bgp/router-id.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed);
  return parsed;
}

const node = { name: "node1", addresses: ["fd00::1", "172.16.7.11"].map(address) };

test("the session's IPv4 address, else the Node's first one", () => {
  assert.equal(deriveRouterId(address("10.0.0.1"), node).text, "10.0.0.1");
  assert.equal(deriveRouterId(address("fd00::1"), node).text, "172.16.7.11");
  assert.equal(deriveRouterId(address("127.0.0.1"), node).text, "172.16.7.11");
});

test("without an IPv4 address, a hash of the Node's name that is never 0", () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      const routerId = deriveRouterId(address("fd00::1"), { name, addresses: [] });
      assert.equal(routerId.family, "ipv4");
      assert.ok(routerId.value > 0n);
    }),
  );
  const ofNode = (name: string) => deriveRouterId(address("fd00::1"), { name, addresses: [] });
  assert.notEqual(ofNode("node1").text, ofNode("node2").text);
  assert.equal(ofNode("node1").text, ofNode("node1").text);
});
