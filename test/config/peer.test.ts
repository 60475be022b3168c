import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";
import { findingsOf, peerText, peerWith } from "../support/config-text.ts";

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

const peerLines: Readonly<Record<string, readonly string[]>> = {
  "my-asn: 1": ["5:3: peers[0].my-asn: appears twice here: first on line 2"],
  "hold-time: 120": [
    "5:14: peers[0].hold-time: 120 has no unit: write 120s; a hold time is 0, or 3s to 65535s",
  ],
  "hold-time: 2s": [
    "5:14: peers[0].hold-time: 2s is out of range: a hold time is 0, or 3s to 65535s",
  ],
  "hold-time: 65536s": [
    "5:14: peers[0].hold-time: 65536s is out of range: a hold time is 0, or 3s to 65535s",
  ],
  "hold-time: 1d": [
    "5:14: peers[0].hold-time: 1d is no duration: write it as 90s or 1m30s; a hold time is 0, or 3s to 65535s",
  ],
  "hold-time: -3s": [
    "5:14: peers[0].hold-time: -3s is out of range: a hold time is 0, or 3s to 65535s",
  ],
  "keepalive-time: 0s": [
    "5:19: peers[0].keepalive-time: 0s is out of range: a keepalive time is 1s to 65535s",
  ],
  "keepalive-time: 91s": [
    "5:19: peers[0].keepalive-time: 91s is longer than the hold time, 90s: the router would close the session",
  ],
  "send-hold-time: 90s": [
    "5:19: peers[0].send-hold-time: 90s is out of range: it must be longer than the hold time, 90s",
  ],
  "connect-time: 0s": [
    "5:17: peers[0].connect-time: 0s is out of range: a connect time is 1s to 65535s",
  ],
  "router-id: 2001:db8::1": [
    "5:14: peers[0].router-id: 2001:db8::1 is wrong: a router-id is four numbers like an IPv4 address, as in 172.16.7.11, and not 0.0.0.0",
  ],
  "router-id: 0.0.0.0": [
    "5:14: peers[0].router-id: 0.0.0.0 is wrong: a router-id is four numbers like an IPv4 address, as in 172.16.7.11, and not 0.0.0.0",
  ],
  "source-address: 2001:db8::2": [
    "5:19: peers[0].source-address: 2001:db8::2 is not of the family of peer-address, 10.0.0.1",
  ],
  "source-address: node1": [
    "5:19: peers[0].source-address: node1 is wrong: write an IP address of the node, as in 172.16.7.11",
  ],
  "peer-port: 65536": ["5:14: peers[0].peer-port: 65536 is out of range: a TCP port is 1 to 65535"],
  "peer-port: '179'": [
    "5:14: peers[0].peer-port: 179 must stand without quotes: a TCP port is 1 to 65535",
  ],
  "ebgp-multihop: maybe": ["5:18: peers[0].ebgp-multihop: maybe must be true or false"],
  "ebgp-multihop: 'true'": [
    "5:18: peers[0].ebgp-multihop: true must be true or false without quotes",
  ],
  "bfd-profile: fast": ["5:16: peers[0].bfd-profile: fast is not in bfd-profiles: there are none"],
  "bfdProfile: fast": ["5:3: peers[0].bfdProfile: unknown key; did you mean bfd-profile?"],
  "hold: 3s": ["5:3: peers[0].hold: unknown key; did you mean hold-time?"],
  "vrf: red": [
    "5:3: peers[0].vrf: unknown key; the keys here are my-asn, peer-asn, peer-address, peer-port, source-address, hold-time, keepalive-time, connect-time, send-hold-time, router-id, node-selectors, password, password-secret, ebgp-multihop, ttl-security, bfd-profile, graceful-restart, families, import-limit, link-bandwidth, name",
  ],
  "password-secret: {name: Bad_Name, kee: a}": [
    "5:27: peers[0].password-secret.name: Bad_Name is wrong: write the name of a Secret",
    "5:37: peers[0].password-secret.kee: unknown key; did you mean key?",
  ],
  "password-secret: routelb-peers": [
    "5:20: peers[0].password-secret: is a single value, not a mapping with the keys name, key",
  ],
  "ttl-security: 1\nebgp-multihop: true": [
    "5:17: peers[0].ttl-security: excludes ebgp-multihop: keep one of the two",
  ],
  "ttl-security: 255": [
    "5:17: peers[0].ttl-security: 255 is out of range: the router is 1 to 254 hops away",
  ],
  "graceful-restart: {restart-time: 4096s}": [
    "5:36: peers[0].graceful-restart.restart-time: 4096s is out of range: a restart time is 1s to 4095s",
  ],
  "graceful-restart: maybe": [
    "5:21: peers[0].graceful-restart: maybe must be true or false, or {restart-time: 120s}",
  ],
  "families: []": ["5:13: peers[0].families: is empty: it takes ipv4, ipv6 or both"],
  "families: [ipv4, ipv4]": [
    "5:13: peers[0].families: names a family twice: it takes ipv4, ipv6 or both",
  ],
  "families: [ipv5]": ["5:14: peers[0].families[0]: ipv5 is not one of ipv4, ipv6"],
  "import-limit: -1": [
    "5:17: peers[0].import-limit: -1 is out of range: a limit is 1 to 4294967295 prefixes; 0 is none",
  ],
  "link-bandwidth: on": [
    "5:19: peers[0].link-bandwidth: on is not one of auto, transitive, non-transitive, off",
  ],
  "node-selectors: {match-labels: {a: b}}": [
    '5:19: peers[0].node-selectors: is a mapping, not a list: put "- " before each member, or [ ] around',
  ],
  "node-selectors: [{match-labels: {a b: c}}]": [
    '5:36: peers[0].node-selectors[0].match-labels["?"]: "a b" is no label key: [DNS name/]name, the name 63 characters of a-z, A-Z, 0-9, -, _ and . at most, first and last a letter or digit',
  ],
  "node-selectors: [{match-labels: {a: -b}}]": [
    "5:39: peers[0].node-selectors[0].match-labels.a: -b is no label value: 63 characters of a-z, A-Z, 0-9, -, _ and . at most, first and last a letter or digit",
  ],
  "node-selectors: [{match-expressions: [{key: a, operator: in, values: [b]}]}]": [
    "5:60: peers[0].node-selectors[0].match-expressions[0].operator: in is not one of In, NotIn, Exists, DoesNotExist",
  ],
  "node-selectors: [{match-expressions: [{key: a, operator: In}]}]": [
    "5:41: peers[0].node-selectors[0].match-expressions[0].values: is empty: In needs at least one value",
  ],
  "node-selectors: [{match-expressions: [{key: a, operator: Exists, values: [b]}]}]": [
    "5:76: peers[0].node-selectors[0].match-expressions[0].values: Exists takes no values: leave them out",
  ],
  "node-selectors: [{matchLabels: {a: b}}]": [
    "5:21: peers[0].node-selectors[0].matchLabels: unknown key; did you mean match-labels?",
  ],
  "node-selectors: [{match-labels: {a: b, a: c}}]": [
    "5:42: peers[0].node-selectors[0].match-labels.a: appears twice here: first on line 5",
  ],
  "node-selectors: [{match-expressions: [{operator: Exists}]}]": [
    "5:41: peers[0].node-selectors[0].match-expressions[0].key: is missing: the label's key",
  ],
};

for (const [lines, findings] of Object.entries(peerLines)) {
  test(`a peer is told what is wrong with ${lines.replaceAll("\n", ", ")}`, () => {
    assert.deepEqual(findingsOf(peerText(lines)), findings);
  });
}

const files: Readonly<
  Record<string, { readonly text: string; readonly findings: readonly string[] }>
> = {
  "AS number 1.10": {
    text: "peers: [{my-asn: 1.10, peer-asn: 2, peer-address: 10.0.0.1}]\n",
    findings: [
      "1:18: peers[0].my-asn: 1.10 is not a whole number: an AS number is 1 to 4294967295",
    ],
  },
  "AS number 64512.0": {
    text: "peers: [{my-asn: 64512.0, peer-asn: 2, peer-address: 10.0.0.1}]\n",
    findings: [
      "1:18: peers[0].my-asn: 64512.0 is not a whole number: an AS number is 1 to 4294967295",
    ],
  },
  "AS number in quotes": {
    text: "peers: [{my-asn: '64512', peer-asn: 2, peer-address: 10.0.0.1}]\n",
    findings: [
      "1:18: peers[0].my-asn: 64512 must stand without quotes: an AS number is 1 to 4294967295",
    ],
  },
  "AS number too large": {
    text: "peers: [{my-asn: 4294967296, peer-asn: 2, peer-address: 10.0.0.1}]\n",
    findings: [
      "1:18: peers[0].my-asn: 4294967296 is out of range: an AS number is 1 to 4294967295",
    ],
  },
  "AS number that is none": {
    text: "peers: [{my-asn: 1, peer-asn: extern, peer-address: 10.0.0.1}]\n",
    findings: [
      "1:31: peers[0].peer-asn: extern is not a number: an AS number is 1 to 4294967295; or write external or internal",
    ],
  },
  "nothing in a peer": {
    text: `peers:
- {}
`,
    findings: [
      "2:3: peers[0].my-asn: is missing: our AS number; an AS number is 1 to 4294967295",
      "2:3: peers[0].peer-asn: is missing: the router's AS number, external or internal",
      "2:3: peers[0].peer-address: is missing: the router's address",
    ],
  },
  "a host name": {
    text: "peers: [{my-asn: 1, peer-asn: 2, peer-address: router}]\n",
    findings: [
      "1:48: peers[0].peer-address: router is no IP address: write the router's address as in 172.16.9.1 or fe80::1%eth0, or default-gateway",
    ],
  },
  "link-local without interface": {
    text: "peers: [{my-asn: 1, peer-asn: 2, peer-address: 'fe80::1'}]\n",
    findings: [
      "1:48: peers[0].peer-address: fe80::1 is a link-local address without its interface: write the router's address as in 172.16.9.1 or fe80::1%eth0, or default-gateway",
    ],
  },
  "zone on a global address": {
    text: "peers: [{my-asn: 1, peer-asn: 2, peer-address: '2001:db8::1%eth0'}]\n",
    findings: [
      "1:48: peers[0].peer-address: 2001:db8::1%eth0 has an interface, which only a link-local address takes: write the router's address as in 172.16.9.1 or fe80::1%eth0, or default-gateway",
    ],
  },
  "0.0.0.0 as a peer": {
    text: "peers: [{my-asn: 1, peer-asn: 2, peer-address: 0.0.0.0}]\n",
    findings: [
      "1:48: peers[0].peer-address: 0.0.0.0 is the unspecified address: write the router's address as in 172.16.9.1 or fe80::1%eth0, or default-gateway",
    ],
  },
  "multihop to an internal peer": {
    text: "peers: [{my-asn: 1, peer-asn: 1, peer-address: 10.0.0.1, ebgp-multihop: true}]\n",
    findings: [
      "1:73: peers[0].ebgp-multihop: true is only for external peers, and this one is internal (peer-asn is internal or my-asn): leave it out",
    ],
  },
  "multihop to peer-asn internal": {
    text: "peers: [{my-asn: 1, peer-asn: internal, peer-address: 10.0.0.1, ebgp-multihop: yes}]\n",
    findings: [
      "1:80: peers[0].ebgp-multihop: true is only for external peers, and this one is internal (peer-asn is internal or my-asn): leave it out",
    ],
  },
  "one peer twice after defaults": {
    text: `peers:
- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}
- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1, hold-time: 90s, node-selectors: [{}]}
`,
    findings: [
      "3:3: peers[1]: is the same as peers[0], with the defaults filled in: remove one of them",
    ],
  },
  "two peers with one name": {
    text: `peers:
- {name: a, my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1}
- {name: a, my-asn: 1, peer-asn: 2, peer-address: 10.0.0.2}
`,
    findings: ["3:3: peers[1]: has the name a, as peers[0] has: names are unique"],
  },
  bfd: {
    text: `bfd-profiles:
- {name: a, detect-multiplier: 1, minimum-ttl: 255, receive-interval: 9}
- {name: a}
- {echo-mode: 1}
- {name: b, echo-mode: true}
`,
    findings: [
      "2:32: bfd-profiles[0].detect-multiplier: 1 is out of range: a detect multiplier is 2 to 255",
      "2:48: bfd-profiles[0].minimum-ttl: 255 is out of range: a minimum TTL is 1 to 254",
      "2:71: bfd-profiles[0].receive-interval: 9 is out of range: an interval is 10 to 60000 milliseconds",
      "3:10: bfd-profiles[1].name: a names an earlier profile too: names are unique",
      "4:3: bfd-profiles[2].name: is missing: a name of your choice",
      "4:15: bfd-profiles[2].echo-mode: 1 must be true or false",
      "5:24: bfd-profiles[3].echo-mode: true, but echo packets are not built: leave it out; asynchronous mode detects as fast with transmit-interval and receive-interval",
    ],
  },
};

for (const [name, { text, findings }] of Object.entries(files)) {
  test(`a file is refused for ${name}`, () => {
    assert.deepEqual(findingsOf(text), findings);
  });
}
