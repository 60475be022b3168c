import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NotificationError } from "../../../src/bgp/codec/error.ts";
import { decodeOpen, encodeOpen, type Open } from "../../../src/bgp/codec/open.ts";
import { Writer } from "../../../src/bgp/codec/writer.ts";
import { makeAddress } from "../../../src/net/address.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";

function fromHex(hex: string): Uint8Array {
  return Buffer.from(hex.replaceAll(" ", ""), "hex");
}

function encoded(open: Open): Uint8Array {
  const writer = new Writer();
  encodeOpen(open, writer);
  return writer.toBytes();
}

test("the OPEN of FRR 8.4.4, captured", () => {
  const open = decodeOpen(
    fromHex(
      "04fc000009ac1009015402060104000100010206010400020001020280000202020002024600020641040000fc0002020600020a450800010101000201010206490402766d0002044002c0780210470e0001018000000000020180000000",
    ),
  );
  assert.equal(open.asn, 64512);
  assert.equal(open.holdTimeSeconds, 9);
  assert.equal(open.routerId.text, "172.16.9.1");
  const known = open.capabilities.filter(({ type }) => type !== "unknown");
  assert.deepEqual(known, [
    { type: "multiprotocol", afi: 1, safi: 1 },
    { type: "multiprotocol", afi: 2, safi: 1 },
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "four-octet-asn", asn: 64512 },
    { type: "extended-message" },
    { type: "hostname", hostname: "vm", domain: "" },
    {
      type: "graceful-restart",
      restarted: true,
      notification: true,
      restartTimeSeconds: 120,
      families: [],
    },
  ]);
  const others = open.capabilities.filter((one) => one.type === "unknown").map(({ code }) => code);
  assert.deepEqual(others, [128, 69, 71], "Cisco's route refresh, ADD-PATH, long-lived GR");
});

const fixed = "04 fc00 0009 0a000001";
const openErrors: readonly (readonly [string, string, number, string])[] = [
  ["version 3", `03 fc00 0009 0a000001 00`, 1, "0004"],
  ["Hold Time 1", "04 fc00 0001 0a000001 00", 6, ""],
  ["Hold Time 2", "04 fc00 0002 0a000001 00", 6, ""],
  ["BGP Identifier 0", "04 fc00 0009 00000000 00", 3, ""],
  ["parameters beyond the message", `${fixed} 04 0202 80`, 0, ""],
  ["octets behind the parameters", `${fixed} 02 0200 00`, 0, ""],
  ["octets where there are no parameters", `${fixed} 00 00`, 0, ""],
  ["a parameter that overruns", `${fixed} 02 0201`, 0, ""],
  ["a capability that overruns", `${fixed} 04 0202 4104`, 0, ""],
  ["optional parameter 1, authentication", `${fixed} 02 0100`, 4, ""],
  ["extended parameters cut short", `${fixed} ff ff 0003 0200`, 0, ""],
];

for (const [what, hex, subcode, data] of openErrors) {
  test(`an OPEN with ${what} is OPEN Message Error ${subcode}`, () => {
    assert.throws(
      () => decodeOpen(fromHex(hex)),
      (error) => {
        assert.ok(error instanceof NotificationError, String(error));
        assert.deepEqual([error.code, error.subcode], [2, subcode], error.message);
        assert.equal(Buffer.from(error.data).toString("hex"), data);
        return true;
      },
    );
  });
}

test("extended optional parameters are read whatever Opt Parm Len says (RFC 9072)", () => {
  for (const length of ["ff", "04"]) {
    const open = decodeOpen(fromHex(`${fixed} ${length} ff 0005 02 0002 0200`));
    assert.deepEqual(open.capabilities, [{ type: "route-refresh" }]);
  }
});

test("extended parameters are written only if the capabilities do not fit otherwise", () => {
  const openWith = (count: number): Open => ({
    type: "OPEN",
    asn: 1,
    holdTimeSeconds: 90,
    routerId: makeAddress("ipv4", 1n),
    capabilities: Array.from({ length: count }, () => ({ type: "route-refresh" }) as const),
  });
  assert.equal(encoded(openWith(126))[9], 254);
  const long = encoded(openWith(127));
  assert.deepEqual([...long.subarray(9, 13)], [255, 255, 1, 1]);
  assert.deepEqual(decodeOpen(long), openWith(127));
});

test("a known capability with octets that make no sense is unknown, and the OPEN stands", () => {
  const odd = decodeOpen(fromHex(`${fixed} 07 0205 4103 00fc00`));
  assert.deepEqual(odd.capabilities, [
    { type: "unknown", code: 65, octets: Uint8Array.of(0, 0xfc, 0) },
  ]);
});

test("an OPEN survives the wire", () => {
  fc.assert(
    fc.property(arbitrary.open, (open) => {
      assert.deepEqual(decodeOpen(encoded(open)), structuredClone(open));
    }),
  );
});
