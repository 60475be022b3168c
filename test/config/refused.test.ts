import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";

/** What `routelb lint` says of a text, without the name of the file. */
function findingsOf(text: string): string[] {
  const parsed = parseConfig(text, { layer2: "error" });
  return parsed.findings.map((finding) => formatFinding(finding).replace(/^config:/, ""));
}

function indent(lines: string): string {
  return lines.replaceAll(/^/gm, "  ");
}

/** The first of these lines is line 5, at column 3. */
function peerWith(lines: string): string {
  return `peers:\n- my-asn: 64522\n  peer-asn: 64512\n  peer-address: 10.0.0.1\n${indent(lines)}\n`;
}

/** The first of these lines is line 5, at column 3. */
function poolWith(lines: string): string {
  return `address-pools:\n- name: a\n  protocol: bgp\n  addresses: [10.0.0.0/24]\n${indent(lines)}\n`;
}

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

const passwordLines: Readonly<Record<string, readonly string[]>> = {
  "password: [s3cret]": ["5:13: peers[0].password: is a list, not a single value"],
  "password: {s3cret: s3cret}": ["5:13: peers[0].password: is a mapping, not a single value"],
  "password: s3cret\npassword: t0psecret": [
    "6:3: peers[0].password: appears twice here: first on line 5",
  ],
  "password: &a s3cret\nrouter-id: *b": [
    "6:14: peers[0].router-id: an alias (*) without an anchor (&) before it; a value that begins with * needs quotes",
  ],
  "password: s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-s3cret-":
    ["5:13: peers[0].password: has 84 bytes: TCP MD5 takes 80 at most"],
  "password: s3cret\npassword-secret: {name: routelb-peers, key: a}": [
    "6:20: peers[0].password-secret: excludes password: keep one of the two",
  ],
  "password: !s3cret x": [
    "5:21: peers[0].password: an unknown tag (!); a value that begins with ! needs quotes",
  ],
  "password: 's3cret' s3cret": [
    "5:22: text that does not belong here: a quote, comma or line break may be missing before",
  ],
  "password: @s3cret": ["5:13: a value that begins with this character needs quotes"],
  "password: *s3cret": [
    "5:13: peers[0].password: an alias (*) without an anchor (&) before it; a value that begins with * needs quotes",
    "5:13: warning: peers[0].password: is empty, so TCP MD5 is off; a password that begins with #, & or * needs quotes",
  ],
  "passwort: s3cret": ["5:3: peers[0].passwort: unknown key; did you mean password?"],
  "password s3cret: 1": ['5:3: peers[0]["?"]: unknown key; did you mean password-secret?'],
  "password: &p s3cret\nrouter-id: *p": [
    "6:14: peers[0].router-id: an alias of a password, which belongs under password only",
  ],
  "password: # s3cret": [
    "5:13: warning: peers[0].password: is empty, so TCP MD5 is off; a password that begins with #, & or * needs quotes",
  ],
};

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

const advertisements: Readonly<Record<string, readonly string[]>> = {
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
  "a list at the top": {
    text: "- peers: []\n",
    findings: [
      "1:1: is a list, not a mapping with the keys peers, address-pools, bgp-communities, bfd-profiles",
    ],
  },
  "a scalar at the top": {
    text: "peers\n",
    findings: [
      "1:1: is a single value, not a mapping with the keys peers, address-pools, bgp-communities, bfd-profiles",
    ],
  },
  "an unknown key at the top": {
    text: "adress-pools: []\n",
    findings: ["1:1: adress-pools: unknown key; did you mean address-pools?"],
  },
  "peers that are no list": {
    text: "peers: {my-asn: 1}\n",
    findings: ['1:8: peers: is a mapping, not a list: put "- " before each member, or [ ] around'],
  },
  "a repeated section": {
    text: `peers: []
address-pools: []
peers: []
`,
    findings: ["3:1: peers: appears twice here: first on line 1"],
  },
  "two documents": {
    text: `peers: []
---
address-pools: []
`,
    findings: ["3:1: a second YAML document: put everything into one, without `---`"],
  },
  tab: {
    text: `peers:
	- my-asn: 1
`,
    findings: ["2:1: a tab in the indentation; YAML takes spaces only"],
  },
  "open bracket": {
    text: "peers: [\n",
    findings: [
      "2:1: the indentation does not fit the lines around it, or a closing ] or } is missing",
    ],
  },
  "two colons": {
    text: "peers: a: b\n",
    findings: ["1:8: a second `: ` on one line; put the value in quotes or on lines of its own"],
  },
  "open quote": {
    text: "peers: 'a\n",
    findings: ["2:1: a quote, bracket, comma, colon or space is missing here or before"],
  },
  recursion: {
    text: "peers: &p [*p]\n",
    findings: [
      "1:11: peers[0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0][0]: more than 40 levels deep, with its aliases written out",
      "1:11: peers[0]: is a list, not a mapping with the keys my-asn, peer-asn, peer-address, peer-port, source-address, hold-time, keepalive-time, connect-time, send-hold-time, router-id, node-selectors, password, password-secret, ebgp-multihop, ttl-security, bfd-profile, graceful-restart, families, import-limit, link-bandwidth, name",
    ],
  },
  "alias bomb": {
    text: `a: &a [1,1,1,1,1,1,1,1,1]
b: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]
c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]
d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]
e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]
f: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]
g: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]
`,
    findings: [
      "1:1: a: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
      "1:20: f[1][5][2][3][1][6]: more than 200000 values, with its aliases written out",
      "2:1: b: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
      "3:1: c: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
      "4:1: d: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
      "5:1: e: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
      "6:1: f: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
      "7:1: g: unknown key; the keys here are peers, address-pools, bgp-communities, bfd-profiles",
    ],
  },
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
  bfd: {
    text: `bfd-profiles:
- {name: a, detect-multiplier: 1, minimum-ttl: 255, receive-interval: 9}
- {name: a}
- {echo-mode: 1}
`,
    findings: [
      "2:32: bfd-profiles[0].detect-multiplier: 1 is out of range: a detect multiplier is 2 to 255",
      "2:48: bfd-profiles[0].minimum-ttl: 255 is out of range: a minimum TTL is 1 to 254",
      "2:71: bfd-profiles[0].receive-interval: 9 is out of range: an interval is 10 to 60000 milliseconds",
      "3:10: bfd-profiles[1].name: a names an earlier profile too: names are unique",
      "4:3: bfd-profiles[2].name: is missing: a name of your choice",
      "4:15: bfd-profiles[2].echo-mode: 1 must be true or false",
    ],
  },
  "range aggregated": {
    text: "address-pools: [{name: a, protocol: bgp, addresses: [10.0.0.10-10.0.0.20], bgp-advertisements: [{aggregation-length: 28}]}]\n",
    findings: [
      "1:118: address-pools[0].bgp-advertisements[0].aggregation-length: 28 is shorter than the networks in 10.0.0.10-10.0.0.20 of this pool: use 30 to 32",
    ],
  },
};

function refuses(
  what: string,
  table: Readonly<Record<string, readonly string[]>>,
  textOf: (lines: string) => string,
): void {
  for (const [lines, findings] of Object.entries(table)) {
    test(`${what} is told what is wrong with ${lines.replaceAll("\n", ", ")}`, () => {
      assert.deepEqual(findingsOf(textOf(lines)), findings);
    });
  }
}

refuses("a peer", peerLines, peerWith);
refuses("a pool", poolLines, poolWith);
refuses("an advertisement", advertisements, (lines) => poolWith(`bgp-advertisements:\n${lines}`));

for (const [lines, findings] of Object.entries(passwordLines)) {
  test(`no finding shows the password in ${lines.replaceAll("\n", ", ")}`, () => {
    const found = findingsOf(peerWith(lines));
    assert.deepEqual(found, findings);
    assert.equal(found.join("\n").includes("s3cret"), false);
  });
}

for (const [name, { text, findings }] of Object.entries(files)) {
  test(`a file is refused for ${name}`, () => {
    assert.deepEqual(findingsOf(text), findings);
  });
}

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

test("more communities than an UPDATE holds are refused, which MetalLB accepts and never sends", () => {
  const communities = (count: number): string =>
    Array.from({ length: count }, (_, index) => `"1:${index}"`).join();
  const lines = (count: number): string =>
    `bgp-advertisements:\n- communities: [${communities(count)}]`;
  assert.deepEqual(findingsOf(poolWith(lines(700))), []);
  assert.deepEqual(findingsOf(poolWith(lines(701))), [
    "6:3: address-pools[0].bgp-advertisements: the 701 communities of this pool take 2804 octets: an UPDATE has room for 2800, 4 for each or 12 for a large one",
  ]);
});
