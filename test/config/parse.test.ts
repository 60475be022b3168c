import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";
import { accept, findingsOf } from "../support/config-text.ts";

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

test("every key of ours is taken", () => {
  const config = accept(`peers:
- name: rack-a
  my-asn: 64522
  peer-asn: external
  peer-address: fe80::1%eth0
  peer-port: 1179
  source-address: fe80::2%eth0
  hold-time: 9s
  keepalive-time: 3s
  connect-time: 5s
  send-hold-time: 20s
  router-id: 172.16.7.11
  node-selectors: [{match-labels: {rack: a}}]
  password-secret: {name: routelb-peers, key: rack-a}
  ttl-security: 1
  bfd-profile: fast
  graceful-restart: {restart-time: 90s}
  families: [ipv6]
  import-limit: 1000
  link-bandwidth: off
- {my-asn: 1, peer-asn: internal, peer-address: default-gateway, graceful-restart: no}
address-pools:
- name: a
  protocol: bgp
  addresses: [10.0.0.0/24]
  sharing: namespace
  service-allocation: {priority: 10, namespaces: [prod], namespace-selectors: [{}], service-selectors: []}
  weights: true
  weight-community: 64512
  service-annotations: {communities: [64512:1], med: 0-100, prepend: 0-3}
  bgp-advertisements:
  - {local-host-routes: false, med: 5, prepend: 2, peers: [rack-a]}
bfd-profiles:
- {name: fast, receive-interval: 50, transmit-interval: 60, detect-multiplier: 5, echo-mode: false, echo-interval: 70, passive-mode: true, minimum-ttl: 250}
`);
  const [rack, gateway] = config.peers;
  assert.equal(rack?.peerAsn, "external");
  assert.deepEqual(rack.password, { type: "secret", name: "routelb-peers", key: "rack-a" });
  assert.deepEqual(rack.gracefulRestart, { restartTimeSeconds: 90 });
  assert.equal(rack.ttlSecurityHops, 1);
  assert.deepEqual(rack.families, ["ipv6"]);
  assert.equal(rack.linkBandwidth, "off");
  assert.deepEqual(rack.bfdProfile, {
    name: "fast",
    receiveIntervalMs: 50,
    transmitIntervalMs: 60,
    detectMultiplier: 5,
    passiveMode: true,
    minimumTtl: 250,
  });
  assert.equal(gateway?.name, "default-gateway:179");
  assert.equal(gateway.gracefulRestart, undefined);
  const [pool] = config.pools;
  assert.deepEqual(pool?.serviceAllocation, {
    priority: 10,
    namespaces: ["prod"],
    namespaceSelectors: [{ matchLabels: {}, matchExpressions: [] }],
    serviceSelectors: [],
  });
  assert.deepEqual(pool.serviceAnnotations, {
    communities: [{ type: "standard", value: 0xfc000001 }],
    med: { min: 0, max: 100 },
    prepend: { min: 0, max: 3 },
  });
  assert.equal(pool.advertisements[0]?.localHostRoutes, false);
});

test("all errors are found at once, in the order of the text", () => {
  assert.deepEqual(
    findingsOf(`peers:
- my-asn: 1.10
  peer-asn: 0
  peer-adress: 172.16.9.1
  hold-time: 120
address-pools:
- name: a
  addresses: [10.0.0.0/8, 10.1.0.0/16, 10.0.0.1]
  bgp-advertisements:
  - {peers: [rack-a], aggregation-length: 33}
`),
    [
      "2:11: peers[0].my-asn: 1.10 is not a whole number: an AS number is 1 to 4294967295",
      "3:13: peers[0].peer-asn: 0 is out of range: an AS number is 1 to 4294967295",
      "4:3: peers[0].peer-adress: unknown key; did you mean peer-address?",
      "5:14: peers[0].hold-time: 120 has no unit: write 120s; a hold time is 0, or 3s to 65535s",
      "7:3: address-pools[0].protocol: is missing: write bgp",
      "8:27: address-pools[0].addresses[1]: 10.1.0.0/16 overlaps 10.0.0.0/8 of the same pool (address-pools[0].addresses[0]): an address may stand once only",
      "8:40: address-pools[0].addresses[2]: 10.0.0.1 lacks a length: one address is written 10.0.0.1/32",
      "10:43: address-pools[0].bgp-advertisements[0].aggregation-length: 33 is out of range: an IPv4 aggregation length is 0 to 32",
    ],
  );
});
