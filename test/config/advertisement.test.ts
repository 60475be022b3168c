import assert from "node:assert/strict";
import { test } from "node:test";
import {
  accept,
  advertisementsWith,
  findingsOf,
  poolText,
  poolWith,
} from "../support/config-text.ts";

test("an alias of bgp-communities wins over a literal or a well-known name of its spelling", () => {
  const config = accept(`bgp-communities: {"1:1": "5:5", no-export: "6:6", mine: large:1:2:3}
address-pools:
- name: a
  protocol: bgp
  addresses: [10.0.0.0/24]
  bgp-advertisements:
  - communities: ["1:1", no-export, mine, no-advertise, 007:1, 7:1]
`);
  assert.deepEqual(config.pools[0]?.advertisements[0]?.communities, [
    { type: "standard", value: 0x50005 },
    { type: "standard", value: 0x60006 },
    { type: "large", value: [1, 2, 3] },
    { type: "standard", value: 0xffffff02 },
    { type: "standard", value: 0x70001 },
  ]);
});

test("advertisements of several lengths may have several localprefs, as in MetalLB's example", () => {
  const advertisements =
    advertisementsWith(`- {aggregation-length: 32, localpref: 100, communities: [no-advertise]}
- {aggregation-length: 24}`);
  assert.deepEqual(
    advertisements.map(({ aggregationLength, localPref }) => [aggregationLength, localPref]),
    [
      [32, 100],
      [24, 100],
    ],
  );
});

test("equal lengths with two localprefs are told apart by peers or selectors", () => {
  const selectors = ["node-selectors", "service-selectors"].map((key) =>
    poolWith(`bgp-advertisements:
- {localpref: 50, ${key}: [{match-labels: {a: b}}]}
- {localpref: 60}`),
  );
  assert.equal(selectors.length, 2);
  const config = accept(`peers:
- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1, name: left}
- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.2}
address-pools:
- name: a
  protocol: bgp
  addresses: [10.1.0.0/24]
  bgp-advertisements:
  - {localpref: 50, peers: [left]}
  - {localpref: 60, peers: ["10.0.0.2:179"]}
`);
  assert.equal(config.pools[0]?.advertisements.length, 2);
});

const refused: Readonly<Record<string, readonly string[]>> = {
  "- {aggregation-length: 23}": [
    "6:26: address-pools[0].bgp-advertisements[0].aggregation-length: 23 is shorter than the networks in 10.0.0.0/24 of this pool: use 24 to 32",
  ],
  "- {aggregation-length: 33}": [
    "6:26: address-pools[0].bgp-advertisements[0].aggregation-length: 33 is out of range: an IPv4 aggregation length is 0 to 32",
  ],
  "- {aggregation-length-v6: 129}": [
    "6:29: address-pools[0].bgp-advertisements[0].aggregation-length-v6: 129 is out of range: an IPv6 aggregation length is 0 to 128",
  ],
  "- {localpref: -1}": [
    "6:17: address-pools[0].bgp-advertisements[0].localpref: -1 is out of range: a LOCAL_PREF is 0 to 4294967295",
  ],
  "- {communities: [no-exprt]}": [
    "6:20: address-pools[0].bgp-advertisements[0].communities[0]: no-exprt is no community: did you mean no-export?",
  ],
  "- {communities: ['65536:1']}": [
    "6:20: address-pools[0].bgp-advertisements[0].communities[0]: 65536:1 is no community: a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export, or a name of bgp-communities",
  ],
  "- {communities: ['1:2:3']}": [
    "6:20: address-pools[0].bgp-advertisements[0].communities[0]: 1:2:3 is no community: a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export, or a name of bgp-communities",
  ],
  "- {communities: ['large:1:2']}": [
    "6:20: address-pools[0].bgp-advertisements[0].communities[0]: large:1:2 is no community: a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export, or a name of bgp-communities",
  ],
  "- {communities: ['1:2', '1:2']}": [
    "6:27: address-pools[0].bgp-advertisements[0].communities[1]: 1:2 stands twice in this list: remove one",
  ],
  "- {peers: [ghost]}": [
    "6:14: address-pools[0].bgp-advertisements[0].peers[0]: ghost is no peer: there are none",
  ],
  "- {prepend: 255}": [
    "6:15: address-pools[0].bgp-advertisements[0].prepend: 255 is out of range: our AS number is repeated 0 to 254 times",
  ],
  "- {aggregation-length: 24, service-selectors: [{match-labels: {a: b}}]}": [
    "6:49: address-pools[0].bgp-advertisements[0].service-selectors: an aggregate is of many Services: leave aggregation-length and aggregation-length-v6 at 32 and 128",
  ],
  "- {localpref: 5}\n- {localpref: 5}": [
    "7:5: address-pools[0].bgp-advertisements[1]: is the same as address-pools[0].bgp-advertisements[0]: remove one of them",
  ],
  "- {localpref: 5}\n- {localpref: 6}": [
    "7:17: address-pools[0].bgp-advertisements[1].localpref: localpref 6 contradicts 5 of address-pools[0].bgp-advertisements[0], which has the same prefixes and peers: make them equal, or tell them apart with peers, node-selectors or service-selectors",
  ],
  "- {localpref: 5, med: 1}\n- {med: 1, localpref: 5}": [
    "7:5: address-pools[0].bgp-advertisements[1]: is the same as address-pools[0].bgp-advertisements[0]: remove one of them",
  ],
};

for (const [lines, findings] of Object.entries(refused)) {
  test(`an advertisement is told what is wrong with ${lines.replaceAll("\n", ", ")}`, () => {
    assert.deepEqual(findingsOf(poolText(`bgp-advertisements:\n${lines}`)), findings);
  });
}

const files: Readonly<
  Record<string, { readonly text: string; readonly findings: readonly string[] }>
> = {
  "bad alias": {
    text: `bgp-communities: {x: no-such, y: x}
address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.0/24], bgp-advertisements: [{communities: [x]}]}]
`,
    findings: [
      "1:22: bgp-communities.x: no-such is wrong: a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export",
      "1:34: bgp-communities.y: x is wrong: a community is two numbers of 0 to 65535 as in 64512:1, three of 32 bits as in large:64512:1:2, a well-known name as in no-export",
    ],
  },
  "ambiguous peer": {
    text: `peers:
- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}
- {my-asn: 1, peer-asn: 3, peer-address: 10.0.0.1}
address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.0/24], bgp-advertisements: [{peers: ['10.0.0.1:179']}]}]
`,
    findings: [
      "3:3: warning: peers[1]: is the second peer at 10.0.0.1:179: give each a name",
      "4:98: address-pools[0].bgp-advertisements[0].peers[0]: 10.0.0.1:179 is more than one peer: give each of them a name",
    ],
  },
  "range aggregated": {
    text: "address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.10-10.0.0.20], bgp-advertisements: [{aggregation-length: 28}]}]\n",
    findings: [
      "1:118: address-pools[0].bgp-advertisements[0].aggregation-length: 28 is shorter than the networks in 10.0.0.10-10.0.0.20 of this pool: use 30 to 32",
    ],
  },
};

for (const [name, { text, findings }] of Object.entries(files)) {
  test(`a file is refused for ${name}`, () => {
    assert.deepEqual(findingsOf(text), findings);
  });
}

test("more communities than an UPDATE holds are refused, which MetalLB accepts and never sends", () => {
  const communities = (count: number): string =>
    Array.from({ length: count }, (_, index) => `"1:${index}"`).join();
  const lines = (count: number): string =>
    `bgp-advertisements:\n- communities: [${communities(count)}]`;
  assert.deepEqual(findingsOf(poolText(lines(700))), []);
  assert.deepEqual(findingsOf(poolText(lines(701))), [
    "6:3: address-pools[0].bgp-advertisements: the 701 communities of this pool take 2804 octets: an UPDATE has room for 2800, 4 for each or 12 for a large one",
  ]);
});
