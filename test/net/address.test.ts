import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  addressFromOctets,
  addressOctets,
  compareAddresses,
  isLinkLocal,
  isLoopback,
  makeAddress,
  parseAddress,
} from "../../src/net/address.ts";

const canonical: readonly (readonly [string, string])[] = [
  ["10.0.0.1", "10.0.0.1"],
  ["255.255.255.255", "255.255.255.255"],
  ["::", "::"],
  ["0:0:0:0:0:0:0:1", "::1"],
  ["2001:DB8::0001", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::ffff:10.0.0.1", "::ffff:10.0.0.1"],
  ["::ffff:a00:1", "::ffff:10.0.0.1"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["fe80::1%eth0", "fe80::1%eth0"],
];

for (const [written, text] of canonical) {
  test(`${written} is ${text}`, () => {
    assert.equal(parseAddress(written)?.text, text);
  });
}

for (const written of [
  "",
  "10.0.0",
  "10.0.0.1.",
  "10.0.0.256",
  "010.0.0.1",
  "10.0.0.1/32",
  " 10.0.0.1",
  "10.0.0.1%eth0",
  ":::",
  "1::2::3",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7:8:9",
  "1:2:3:4::5:6:7:8",
  ":1:2:3:4:5:6:7",
  "12345::",
  "::g",
  "::10.0.0.256",
  "fe80::1%",
  "localhost",
]) {
  test(`"${written}" is no address`, () => {
    assert.equal(parseAddress(written), undefined);
  });
}

const ipv4Value = fc.bigInt({ min: 0n, max: (1n << 32n) - 1n });
const ipv6Value = fc.bigInt({ min: 0n, max: (1n << 128n) - 1n });
const anyAddress = fc.oneof(
  ipv4Value.map((value) => makeAddress("ipv4", value)),
  ipv6Value.map((value) => makeAddress("ipv6", value)),
);

test("text and octets both lead back to the address", () => {
  fc.assert(
    fc.property(anyAddress, (address) => {
      assert.deepEqual(parseAddress(address.text), address);
      assert.deepEqual(addressFromOctets(address.family, addressOctets(address)), address);
    }),
  );
});

test("what node:net takes for an address without zone, we take, and nothing else", () => {
  const digits = fc.constantFrom("0", "1", "25", "ff", ":", "::", ".", "g", "2001", "1.2.3.4");
  fc.assert(
    fc.property(fc.array(digits, { maxLength: 14 }), (parts) => {
      const text = parts.join("");
      assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0, text);
    }),
    { numRuns: 2_000 },
  );
});

test("a value that does not fit the family is refused", () => {
  assert.throws(() => makeAddress("ipv4", 1n << 32n), RangeError);
  assert.throws(() => makeAddress("ipv6", -1n), RangeError);
  assert.throws(() => addressFromOctets("ipv4", new Uint8Array(5)), RangeError);
});

test("IPv4 comes before IPv6, and each family is in order of value", () => {
  const texts = ["::1", "10.0.0.10", "10.0.0.9", "::", "fe80::1%b", "fe80::1%a"];
  const addresses = texts.map(parseAddress).filter((address) => address !== undefined);
  assert.deepEqual(
    addresses.toSorted(compareAddresses).map((address) => address.text),
    ["10.0.0.9", "10.0.0.10", "::", "::1", "fe80::1%a", "fe80::1%b"],
  );
});

test("link-local and loopback are recognised at their borders", () => {
  const is = (text: string, predicate: typeof isLinkLocal): boolean => {
    const address = parseAddress(text);
    assert.ok(address);
    return predicate(address);
  };
  assert.ok(is("fe80::", isLinkLocal) && is("febf:ffff::1", isLinkLocal));
  assert.ok(!is("fec0::", isLinkLocal) && !is("169.254.0.1", isLinkLocal));
  assert.ok(is("127.255.255.255", isLoopback) && is("::1", isLoopback));
  assert.ok(!is("128.0.0.0", isLoopback) && !is("::2", isLoopback));
});
