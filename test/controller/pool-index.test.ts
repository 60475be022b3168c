import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  admits,
  automaticPools,
  isAvoided,
  PoolIndex,
  usableAddresses,
} from "../../src/controller/pool-index.ts";
import { makeAddress } from "../../src/net/address.ts";
import { nthAddress, rangeSize } from "../../src/net/range.ts";
import { config, pool, service } from "./fixtures.ts";

test("the number of usable addresses is what counting them gives", () => {
  fc.assert(
    fc.property(fc.nat(2_000), fc.nat(1_500), fc.boolean(), (first, length, avoidBuggyIps) => {
      const at = (offset: number) => makeAddress("ipv4", BigInt(0x0a000000 + offset)).text;
      const p = pool("p", [`${at(first)}-${at(first + length)}`], { avoidBuggyIps });
      const [range] = p.ranges;
      assert.ok(range !== undefined);
      let count = 0n;
      for (let n = 0n; n < rangeSize(range); n += 1n) {
        count += isAvoided(p, "ipv4", nthAddress(range, n).value) ? 0n : 1n;
      }
      assert.equal(usableAddresses(p, "ipv4"), count);
    }),
  );
});

test("avoid-buggy-ips leaves IPv6 alone", () => {
  const p = pool("p", ["2001:db8::/120"], { avoidBuggyIps: true });
  assert.equal(usableAddresses(p, "ipv6"), 256n);
  assert.equal(usableAddresses(p, "ipv4"), 0n);
});

test("the pool of an address is found among many ranges of both families", () => {
  const pools = [
    pool("a", ["10.0.9.0/24", "2001:db8:1::/64"]),
    pool("b", ["10.0.1.5-10.0.1.6", "10.0.3.0/24"]),
    pool("c", ["10.0.2.0/24", "2001:db8::/64"]),
  ];
  const index = new PoolIndex(config(pools));
  for (const each of pools) {
    for (const { first, last, family } of each.ranges) {
      assert.equal(index.poolOf(first), each);
      assert.equal(index.poolOf(last), each);
      const after = makeAddress(family, last.value + 1n);
      assert.notEqual(index.poolOf(after), each);
    }
  }
  assert.equal(index.poolOf(makeAddress("ipv4", 0x0a000104n)), undefined);
  assert.equal(index.poolNamed("b"), pools[1]);
  assert.equal(index.hasLayer2, false);
});

test("service-allocation: any of the namespaces or their selectors, and any service selector", () => {
  const prod = { matchLabels: { env: "prod" }, matchExpressions: [] };
  const gold = { matchLabels: { tier: "gold" }, matchExpressions: [] };
  const rule = { priority: 1, namespaces: [], namespaceSelectors: [], serviceSelectors: [] };
  const asks = service("a", { namespace: "x", labels: { tier: "gold" } });
  const admitted = (more: object, labels: Record<string, string> = {}) =>
    admits(pool("p", ["10.0.0.0/30"], { serviceAllocation: { ...rule, ...more } }), asks, labels);
  assert.ok(admitted({}));
  assert.ok(admitted({ namespaces: ["x"] }));
  assert.ok(!admitted({ namespaces: ["y"] }));
  assert.ok(admitted({ namespaces: ["y"], namespaceSelectors: [prod] }, { env: "prod" }));
  assert.ok(!admitted({ namespaceSelectors: [prod] }, { env: "dev" }));
  assert.ok(admitted({ namespaces: ["x"], serviceSelectors: [gold] }));
  assert.ok(!admitted({ namespaces: ["y"], serviceSelectors: [gold] }));
});

test("priority 0 comes after every number, and before pools without service-allocation", () => {
  const rule = { namespaces: [], namespaceSelectors: [], serviceSelectors: [] };
  const withPriority = (name: string, priority: number) =>
    pool(name, ["10.0.0.0/30"], { serviceAllocation: { ...rule, priority } });
  const pools = [
    pool("plain", ["10.0.0.0/30"]),
    withPriority("zero", 0),
    withPriority("two", 2),
    withPriority("one", 1),
    pool("never", ["10.0.0.0/30"], { autoAssign: false }),
  ];
  assert.deepEqual(
    automaticPools(pools, service("a"), {}).map(({ name }) => name),
    ["one", "two", "zero", "plain"],
  );
});
