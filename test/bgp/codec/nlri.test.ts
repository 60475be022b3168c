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
        assert.deepEqual(decodePrefixes(reader(writer.toBytes()), family), prefixes);
      }),
    );
  });
}

test("bits past the length are cleared", () => {
  const [prefix] = decodePrefixes(reader(Uint8Array.of(9, 10, 255)), "ipv4");
  assert.equal(prefix?.key, "10.128.0.0/9");
});
