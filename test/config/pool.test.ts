import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/parse.ts";
import { accept, findingsOf, poolText, poolWith } from "../support/config-text.ts";

test("an IPv4-mapped address is the IPv4 address, as in Go", () => {
  const text = "peers: [{my-asn: 1, peer-asn: 2, peer-address: '::ffff:10.0.0.1'}]";
  assert.equal(accept(text).peers[0]?.name, "10.0.0.1:179");
  const [range] = poolWith("", "::ffff:10.0.0.0/120").ranges;
  assert.deepEqual([range?.first.text, range?.last.text], ["10.0.0.0", "10.0.0.255"]);
});

const ranges: Readonly<Record<string, readonly [string, string]>> = {
  "10.0.0.9/24": ["10.0.0.0", "10.0.0.255"],
  "10.0.0.9/024": ["10.0.0.0", "10.0.0.255"],
  "10.0.0.1 - 10.0.0.9": ["10.0.0.1", "10.0.0.9"],
  "10.0.0.1-10.0.0.1": ["10.0.0.1", "10.0.0.1"],
  "2001:db8::/120": ["2001:db8::", "2001:db8::ff"],
};

for (const [written, [first, last]] of Object.entries(ranges)) {
  test(`the addresses ${written} are ${first} to ${last}`, () => {
    const [range] = poolWith("", written).ranges;
    assert.deepEqual([range?.first.text, range?.last.text], [first, last]);
  });
}

test("daemons leave out a layer2 pool with a warning, and keep its name and addresses", () => {
  const parsed = parseConfig(
    "address-pools:\n- {name: old, protocol: layer2, addresses: [10.0.0.0/24]}\n",
  );
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.config.pools, []);
  assert.equal(parsed.config.layer2Pools[0]?.name, "old");
  assert.equal(parsed.findings[0]?.severity, "warning");
});

const poolLines: Readonly<Record<string, readonly string[]>> = {
  "name: b": ["5:3: address-pools[0].name: appears twice here: first on line 2"],
  "protocol: layer2": ["5:3: address-pools[0].protocol: appears twice here: first on line 3"],
  "avoid-buggy-ips: 1": ["5:20: address-pools[0].avoid-buggy-ips: 1 must be true or false"],
  "sharing: none": ["5:12: address-pools[0].sharing: none is not one of cluster, namespace"],
  "weight-community: 65536": [
    "5:21: address-pools[0].weight-community: 65536 is out of range: the first half of a community is 0 to 65535",
  ],
  "service-allocation: {priority: -1, namespaces: [Prod]}": [
    "5:34: address-pools[0].service-allocation.priority: -1 is out of range: a priority is 1 to 4294967295, low ones first; 0 is last",
    "5:51: address-pools[0].service-allocation.namespaces[0]: Prod is no name of a namespace: a-z, 0-9 and -, 63 at most",
  ],
  "service-annotations: {communities: [x], med: 100, prepend: 3-1}": [
    "5:39: address-pools[0].service-annotations.communities[0]: x is no community: a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export, or a name of bgp-communities",
    "5:48: address-pools[0].service-annotations.med: 100 is wrong: write the lowest and highest number of 0 to 4294967295 that is allowed, as in 0-100",
    "5:62: address-pools[0].service-annotations.prepend: 3-1 is wrong: write the lowest and highest number of 0 to 254 that is allowed, as in 0-3",
  ],
  "auto_assign: false": [
    "5:3: address-pools[0].auto_assign: unknown key; did you mean auto-assign?",
  ],
};

for (const [lines, findings] of Object.entries(poolLines)) {
  test(`a pool is told what is wrong with ${lines.replaceAll("\n", ", ")}`, () => {
    assert.deepEqual(findingsOf(poolText(lines)), findings);
  });
}

const files: Readonly<
  Record<string, { readonly text: string; readonly findings: readonly string[] }>
> = {
  "nothing in a pool": {
    text: "address-pools: [{}]\n",
    findings: [
      "1:17: address-pools[0].name: is missing: a name of your choice",
      "1:17: address-pools[0].protocol: is missing: write bgp",
      "1:17: address-pools[0].addresses: is missing: write a list of networks or ranges",
    ],
  },
  "no addresses": {
    text: "address-pools: [{name: a, protocol: bgp, addresses: []}]\n",
    findings: [
      "1:53: address-pools[0].addresses: is empty: a pool needs at least one network or range",
    ],
  },
  "protocol ARP": {
    text: "address-pools: [{name: a, protocol: arp, addresses: [10.0.0.0/24]}]\n",
    findings: ["1:37: address-pools[0].protocol: arp is not a protocol: write bgp"],
  },
  "layer2 with advertisements": {
    text: "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.0/24], bgp-advertisements: [{}]}]\n",
    findings: [
      "1:37: address-pools[0].protocol: layer2 is not supported: make it bgp, or leave the pool to another load balancer",
      "1:91: address-pools[0].bgp-advertisements: a layer2 pool takes none: remove them",
    ],
  },
  "a bare address": {
    text: "address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.1]}]\n",
    findings: [
      "1:54: address-pools[0].addresses[0]: 10.0.0.1 lacks a length: one address is written 10.0.0.1/32",
    ],
  },
  mixed: {
    text: "address-pools: [{name: a, protocol: bgp, addresses: ['::1-10.0.0.1']}]\n",
    findings: [
      "1:54: address-pools[0].addresses[0]: ::1-10.0.0.1 begins in one address family and ends in the other: write a network as in 172.16.7.192/26, or a range as in 10.0.0.10-10.0.0.20",
    ],
  },
  backwards: {
    text: "address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.9-10.0.0.1]}]\n",
    findings: [
      "1:54: address-pools[0].addresses[0]: 10.0.0.9-10.0.0.1 ends before it begins: write the lower address first",
    ],
  },
  "length 33": {
    text: "address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.0/33]}]\n",
    findings: [
      "1:54: address-pools[0].addresses[0]: 10.0.0.0/33 is no addresses: write a network as in 172.16.7.192/26, or a range as in 10.0.0.10-10.0.0.20",
    ],
  },
  cidr: {
    text: "address-pools: [{name: a, protocol: bgp, cidr: [10.0.0.0/24]}]\n",
    findings: ["1:42: address-pools[0].cidr: unknown key; did you mean addresses?"],
  },
  "overlap inside": {
    text: "address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.0/24, 10.0.0.200-10.0.1.9]}]\n",
    findings: [
      "1:67: address-pools[0].addresses[1]: 10.0.0.200-10.0.1.9 overlaps 10.0.0.0/24 of the same pool (address-pools[0].addresses[0]): an address may stand once only",
    ],
  },
  "overlap between": {
    text: `address-pools:
- {name: a, protocol: layer2, addresses: [10.0.1.0/24]}
- {name: b, protocol: bgp, addresses: [10.0.0.0/16, '2001:db8::/64']}
- {name: c, protocol: bgp, addresses: ['2001:db8::1-2001:db8::2']}
`,
    findings: [
      "2:23: address-pools[0].protocol: layer2 is not supported: make it bgp, or leave the pool to another load balancer",
      "3:40: address-pools[1].addresses[0]: 10.0.0.0/16 overlaps 10.0.1.0/24 of the pool a (address-pools[0].addresses[0]): an address may stand once only",
      "4:40: address-pools[2].addresses[0]: 2001:db8::1-2001:db8::2 overlaps 2001:db8::/64 of the pool b (address-pools[1].addresses[1]): an address may stand once only",
    ],
  },
  "one name twice": {
    text: `address-pools:
- {name: a, protocol: bgp, addresses: [10.0.1.0/24]}
- {name: a, protocol: bgp, addresses: [10.0.0.0/24]}
`,
    findings: [
      "3:10: address-pools[1].name: a names an earlier pool too (address-pools[0].name): names are unique",
    ],
  },
};

for (const [name, { text, findings }] of Object.entries(files)) {
  test(`a file is refused for ${name}`, () => {
    assert.deepEqual(findingsOf(text), findings);
  });
}
