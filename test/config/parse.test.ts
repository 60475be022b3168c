import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";

const scenario = `peers:
- my-asn: 64522
  peer-asn: 64512
  peer-address: 172.16.9.1
address-pools:
- name: my-ip-space
  protocol: bgp
  avoid-buggy-ips: true
  addresses:
  - 172.16.7.192/26
`;

test("the scenario's file gives one peer and one pool, with the defaults filled in", () => {
  const parsed = parseConfig(scenario);
  assert.deepEqual(parsed.findings, []);
  assert.ok(parsed.ok);
  const [peer] = parsed.config.peers;
  assert.equal(peer?.name, "172.16.9.1:179");
  assert.equal(peer.myAsn, 64522);
  assert.equal(peer.peerAsn, 64512);
  assert.equal(peer.holdTimeSeconds, 90);
  assert.equal(peer.sendHoldTimeSeconds, 480);
  const [pool] = parsed.config.pools;
  assert.equal(pool?.name, "my-ip-space");
  assert.equal(pool.avoidBuggyIps, true);
  assert.equal(pool.autoAssign, true);
  assert.equal(pool.ranges[0]?.first.text, "172.16.7.192");
  assert.equal(pool.advertisements[0]?.localPref, 100);
});

test("a value out of range is found with its line, column, path and cure", () => {
  const parsed = parseConfig("peers:\n- my-asn: 64522\n  peer-asn: 0\n  peer-address: 10.0.0.1\n");
  assert.equal(parsed.ok, false);
  assert.deepEqual(
    parsed.findings.map((finding) => formatFinding(finding)),
    ["config:3:13: peers[0].peer-asn: 0 is out of range: an AS number is 1 to 4294967295"],
  );
});
