import assert from "node:assert/strict";
import { test } from "node:test";
import { type Address, parseAddress } from "../../src/net/address.ts";
import {
  hostPrefix,
  lastAddress,
  makePrefix,
  parsePrefix,
  prefixContains,
} from "../../src/net/prefix.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

test("host bits are dropped", () => {
  assert.equal(parsePrefix("10.1.2.3/8")?.key, "10.0.0.0/8");
  assert.equal(parsePrefix("2001:db8::ffff/112")?.key, "2001:db8::/112");
  assert.equal(parsePrefix("10.1.2.3/0")?.key, "0.0.0.0/0");
});

for (const text of [
  "10.0.0.1",
  "10.0.0.0/33",
  "::/129",
  "10.0.0.0/08",
  "10.0.0.0/",
  "fe80::%eth0/64",
  "/8",
  "10.0.0.0/-1",
]) {
  test(`"${text}" is no prefix`, () => {
    assert.equal(parsePrefix(text), undefined);
  });
}

test("a host prefix has all bits of its family", () => {
  assert.equal(hostPrefix(address("172.16.7.192")).key, "172.16.7.192/32");
  assert.equal(hostPrefix(address("2001:db8::1")).key, "2001:db8::1/128");
});

test("a length beyond the family is refused", () => {
  assert.throws(() => makePrefix(address("10.0.0.1"), 33), RangeError);
  assert.throws(() => makePrefix(address("10.0.0.1"), 1.5), RangeError);
});

test("a prefix contains its first and its last address, not their neighbours", () => {
  const prefix = makePrefix(address("172.16.7.192"), 26);
  assert.equal(lastAddress(prefix).text, "172.16.7.255");
  assert.ok(prefixContains(prefix, address("172.16.7.192")));
  assert.ok(prefixContains(prefix, address("172.16.7.255")));
  assert.ok(!prefixContains(prefix, address("172.16.7.191")));
  assert.ok(!prefixContains(prefix, address("172.16.8.0")));
  assert.ok(!prefixContains(makePrefix(address("::"), 0), address("10.0.0.1")));
});
