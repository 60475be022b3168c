import assert from "node:assert/strict";
import { test } from "node:test";
import { notYetActedOn } from "../../src/config/unsupported.ts";
import { accept } from "../support/config-text.ts";

test("what the scenario uses is acted on", () => {
  const config = accept(`peers: [{my-asn: 64522, peer-asn: 64512, peer-address: 172.16.9.1}]
address-pools: [{name: my-ip-space, protocol: bgp, addresses: [172.16.7.192/26]}]
`);
  assert.deepEqual(notYetActedOn(config), []);
});

test("keys without effect are named with their peer or pool, and nothing of their values", () => {
  const config = accept(`peers:
- {name: a, my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1, bfd-profile: fast, password: s3cret}
address-pools: [{name: b, protocol: bgp, addresses: [10.1.0.0/24], weights: true}]
bfd-profiles: [{name: fast}]
`);
  const found = notYetActedOn(config);
  assert.deepEqual(found.map(({ section, name, key }) => `${section} ${name} ${key}`).toSorted(), [
    "address-pools b weights",
  ]);
  assert.equal(JSON.stringify(found).includes("s3cret"), false);
});
