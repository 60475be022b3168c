import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../src/config/model.ts";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";

function accept(text: string): Config {
  const parsed = parseConfig(text);
  assert.deepEqual(
    parsed.findings
      .filter(({ severity }) => severity === "error")
      .map((found) => formatFinding(found)),
    [],
  );
  assert.ok(parsed.ok);
  return parsed.config;
}

function peerWith(lines: string): Config["peers"][number] {
  const indented = lines.replaceAll(/^/gm, "  ");
  const text = `peers:\n- my-asn: 64522\n  peer-asn: 64512\n  peer-address: 10.0.0.1\n${indented}\n`;
  const [peer] = accept(text).peers;
  assert.ok(peer);
  return peer;
}

function poolWith(lines: string, addresses = "10.0.0.0/24"): Config["pools"][number] {
  const indented = lines.replaceAll(/^/gm, "  ");
  const text = `address-pools:\n- name: a\n  protocol: bgp\n  addresses: ["${addresses}"]\n${indented}\n`;
  const [pool] = accept(text).pools;
  assert.ok(pool);
  return pool;
}

const asNumbers: Readonly<Record<string, number>> = {
  "64512": 64512,
  "4294967295": 4294967295,
  "0x10": 16,
  "0XfC00": 64512,
  "010": 8,
  "0o17": 15,
  "0b101": 5,
  "64_512": 64512,
  "+5": 5,
  "1e3": 1000,
  "08": 8,
  "!!int '7'": 7,
};

for (const [written, value] of Object.entries(asNumbers)) {
  test(`the AS number ${written} is ${value}, as YAML 1.1 has it`, () => {
    const text = `peers:\n- {my-asn: ${written}, peer-asn: 1, peer-address: 10.0.0.1}\n`;
    assert.equal(accept(text).peers[0]?.myAsn, value);
  });
}

const booleans: Readonly<Record<string, boolean>> = {
  yes: true,
  Yes: true,
  on: true,
  y: true,
  TRUE: true,
  no: false,
  NO: false,
  off: false,
  N: false,
  False: false,
};

for (const [written, value] of Object.entries(booleans)) {
  test(`auto-assign: ${written} is ${value}, as YAML 1.1 has it`, () => {
    assert.equal(poolWith(`auto-assign: ${written}`).autoAssign, value);
  });
}

const holdTimes: Readonly<Record<string, number>> = {
  "90s": 90,
  "1m30s": 90,
  "1.5h": 5400,
  "0": 0,
  "'0s'": 0,
  "3s": 3,
  "3.999s": 3,
  "500ms": 0,
  "-0.5s": 0,
  "65535s": 65535,
  "3000000us": 3,
  '""': 90,
  "~": 90,
};

for (const [written, seconds] of Object.entries(holdTimes)) {
  test(`hold-time: ${written} is ${seconds} seconds`, () => {
    assert.equal(peerWith(`hold-time: ${written}`).holdTimeSeconds, seconds);
  });
}

test("a hold time that is cut to 0 comes with a warning", () => {
  const text = "peers:\n- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1, hold-time: 500ms}\n";
  assert.deepEqual(
    parseConfig(text).findings.map((finding) => formatFinding(finding)),
    ["config:2:63: warning: peers[0].hold-time: 500ms is cut to 0, which turns the Hold timer off"],
  );
});

test("null and empty values count as absent", () => {
  const peer = peerWith('peer-port: ~\nrouter-id: ""\nsource-address:\nnode-selectors: null');
  assert.equal(peer.peerPort, 179);
  assert.equal(peer.routerId, undefined);
  assert.equal(peer.sourceAddress, undefined);
  assert.deepEqual(peer.nodeSelectors, []);
});

test("port 0 is the default port", () => {
  assert.equal(peerWith("peer-port: 0").peerPort, 179);
});

test("texts that look like other things stay texts", () => {
  const config = accept(
    "address-pools:\n- {name: 010, protocol: bgp, addresses: [10.0.0.0/24]}\n" +
      "- {name: yes, protocol: bgp, addresses: [10.0.1.0/24]}\n",
  );
  assert.deepEqual(
    config.pools.map(({ name }) => name),
    ["010", "yes"],
  );
  assert.deepEqual(peerWith("password: 0x1").password, { type: "text", text: "0x1" });
});

test("a selector without conditions matches every node, alone or among others", () => {
  assert.deepEqual(peerWith("node-selectors: [{}]").nodeSelectors, []);
  assert.deepEqual(peerWith("node-selectors: [~, {match-labels: {a: b}}]").nodeSelectors, []);
});

test("selectors keep labels and expressions", () => {
  const lines = `node-selectors:
- match-labels: {rack: 1, tier: ~}
  match-expressions:
  - {key: kubernetes.io/hostname, operator: In, values: [a, b]}
  - {key: gpu, operator: DoesNotExist}`;
  assert.deepEqual(peerWith(lines).nodeSelectors, [
    {
      matchLabels: { rack: "1", tier: "" },
      matchExpressions: [
        { key: "kubernetes.io/hostname", operator: "In", values: ["a", "b"] },
        { key: "gpu", operator: "DoesNotExist", values: [] },
      ],
    },
  ]);
});

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
  const pool = poolWith(`bgp-advertisements:
- {aggregation-length: 32, localpref: 100, communities: [no-advertise]}
- {aggregation-length: 24}`);
  assert.deepEqual(
    pool.advertisements.map(({ aggregationLength, localPref }) => [aggregationLength, localPref]),
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

test("one address twice with other settings is two peers with names of their own", () => {
  const parsed = parseConfig(`peers:
- {my-asn: 1, peer-asn: 2, peer-address: 2001:db8::1}
- {my-asn: 1, peer-asn: 3, peer-address: 2001:db8::1}
`);
  assert.ok(parsed.ok);
  assert.deepEqual(
    parsed.config.peers.map(({ name }) => name),
    ["[2001:db8::1]:179", "[2001:db8::1]:179#2"],
  );
  assert.deepEqual(
    parsed.findings.map((finding) => formatFinding(finding)),
    ["config:3:3: warning: peers[1]: is the second peer at [2001:db8::1]:179: give each a name"],
  );
});

test("anchors, aliases and merge keys are understood", () => {
  const config = accept(`peers:
- &first
  my-asn: 1
  peer-asn: 2
  peer-address: 10.0.0.1
- <<: *first
  peer-address: 10.0.0.2
`);
  assert.deepEqual(
    config.peers.map(({ name, peerAsn }) => [name, peerAsn]),
    [
      ["10.0.0.1:179", 2],
      ["10.0.0.2:179", 2],
    ],
  );
});

for (const [name, text] of Object.entries({
  "no text": "",
  "a comment": "# nothing yet\n",
  null: "~\n",
  "null sections": "peers:\naddress-pools: ~\n",
  JSON: '{"peers":[{"my-asn":1,"peer-asn":2,"peer-address":"10.0.0.1"}]}',
  "an explicit document": "---\npeers: []\n...\n",
  "a directive": "%YAML 1.1\n---\npeers: []\n",
  "a byte order mark and CRLF": "\ufeffpeers: []\r\naddress-pools: []\r\n",
})) {
  test(`${name} is a configuration`, () => {
    accept(text);
  });
}

test("an empty document comes with a warning", () => {
  const [finding] = parseConfig("").findings;
  assert.equal(finding?.severity, "warning");
  assert.deepEqual([finding.line, finding.column, finding.path], [1, 1, ""]);
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
- {name: fast, receive-interval: 50, transmit-interval: 60, detect-multiplier: 5, echo-mode: true, echo-interval: 70, passive-mode: true, minimum-ttl: 250}
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
    echoMode: true,
    echoIntervalMs: 70,
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

test("daemons leave out a layer2 pool with a warning, and keep its name and addresses", () => {
  const parsed = parseConfig(
    "address-pools:\n- {name: old, protocol: layer2, addresses: [10.0.0.0/24]}\n",
  );
  assert.ok(parsed.ok);
  assert.deepEqual(parsed.config.pools, []);
  assert.equal(parsed.config.layer2Pools[0]?.name, "old");
  assert.equal(parsed.findings[0]?.severity, "warning");
});
