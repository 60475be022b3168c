import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeAddress } from "../../src/net/address.ts";
import { lastAddress } from "../../src/net/prefix.ts";
import {
  type AddressRange,
  nthAddress,
  parseRange,
  rangeContains,
  rangePrefixes,
  rangeSize,
  rangesOverlap,
} from "../../src/net/range.ts";

function range(text: string): AddressRange {
  const parsed = parseRange(text);
  assert.ok(parsed, text);
  return parsed;
}

test("a range is a CIDR or first-last, spaces allowed", () => {
  assert.equal(rangeSize(range("172.16.7.192/26")), 64n);
  assert.equal(rangeSize(range("10.0.0.10 - 10.0.0.20")), 11n);
  assert.equal(rangeSize(range("2001:db8::/120")), 256n);
  assert.equal(rangeSize(range("::/0")), 1n << 128n);
});

for (const text of [
  "10.0.0.1",
  "10.0.0.9-10.0.0.1",
  "10.0.0.1-2001:db8::1",
  "10.0.0.1-10.0.0.2-10.0.0.3",
  "fe80::1%a-fe80::2%a",
  "a-b",
  "",
]) {
  test(`"${text}" is no range`, () => {
    assert.equal(parseRange(text), undefined);
  });
}

test("the n-th address counts from the first", () => {
  assert.equal(nthAddress(range("172.16.7.192/26"), 0n).text, "172.16.7.192");
  assert.equal(nthAddress(range("172.16.7.192/26"), 63n).text, "172.16.7.255");
  assert.throws(() => nthAddress(range("172.16.7.192/26"), 64n), RangeError);
});

test("ranges overlap when they share one address", () => {
  assert.ok(rangesOverlap(range("10.0.0.0/24"), range("10.0.0.255-10.0.1.5")));
  assert.ok(!rangesOverlap(range("10.0.0.0/24"), range("10.0.1.0/24")));
  assert.ok(!rangesOverlap(range("0.0.0.0/0"), range("::/0")));
});

test("the prefixes of a range are disjoint, in order, and hold exactly its addresses", () => {
  const ends = fc.tuple(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 5_000 }));
  fc.assert(
    fc.property(ends, ([a, b]) => {
      const first = makeAddress("ipv4", BigInt(Math.min(a, b)));
      const last = makeAddress("ipv4", BigInt(Math.max(a, b)));
      const whole = range(`${first.text}-${last.text}`);
      let next = whole.first.value;
      for (const prefix of rangePrefixes(whole)) {
        assert.equal(prefix.address.value, next);
        assert.ok(rangeContains(whole, lastAddress(prefix)));
        next = lastAddress(prefix).value + 1n;
      }
      assert.equal(next, whole.last.value + 1n);
    }),
  );
});
