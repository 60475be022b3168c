import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodePrefixes, encodePrefix, prefixOctets } from "../../../src/bgp/codec/nlri.ts";
import { Reader } from "../../../src/bgp/codec/reader.ts";
import { Writer } from "../../../src/bgp/codec/writer.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";

function reader(octets: Uint8Array): Reader {
  return new Reader(octets, () => new Error("short"));
}

for (const family of ["ipv4", "ipv6"] as const) {
  test(`${family} prefixes survive the wire, in the octets that were announced for them`, () => {
    fc.assert(
      fc.property(fc.array(arbitrary.prefix(family)), (prefixes) => {
        const writer = new Writer();
        for (const prefix of prefixes) {
          const before = writer.length;
          encodePrefix(prefix, writer);
          assert.equal(writer.length - before, prefixOctets(prefix));
        }
        const decoded = decodePrefixes(reader(writer.toBytes()), family);
        assert.deepEqual([...decoded], prefixes);
        assert.equal(decoded.length, prefixes.length);
      }),
    );
  });
}

test("bits past the length are cleared", () => {
  const [prefix] = decodePrefixes(reader(Uint8Array.of(9, 10, 255)), "ipv4");
  assert.equal(prefix?.key, "10.128.0.0/9");
});

test("what is wrong is found before anybody asks for the prefixes", () => {
  const decode = (...octets: readonly number[]) =>
    decodePrefixes(reader(Uint8Array.from(octets)), "ipv4");
  assert.throws(() => decode(8, 10, 33, 1, 2, 3, 4, 5), /prefix of 33 bits/);
  assert.throws(() => decode(8, 10, 24, 1, 2), /short/);
});

test("the prefixes are still there when the octets that they came in are overwritten", () => {
  const octets = Uint8Array.of(8, 10, 16, 172, 16);
  const prefixes = decodePrefixes(reader(octets), "ipv4");
  octets.fill(0);
  const keys = () => Array.from(prefixes, ({ key }) => key);
  assert.deepEqual(keys(), ["10.0.0.0/8", "172.16.0.0/16"]);
  assert.deepEqual(keys(), ["10.0.0.0/8", "172.16.0.0/16"], "as often as one likes");
});
