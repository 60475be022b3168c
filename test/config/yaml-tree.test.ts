import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/parse.ts";
import { accept, findingsOf } from "../support/config-text.ts";

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

const files: Readonly<
  Record<string, { readonly text: string; readonly findings: readonly string[] }>
> = {
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
};

for (const [name, { text, findings }] of Object.entries(files)) {
  test(`a file is refused for ${name}`, () => {
    assert.deepEqual(findingsOf(text), findings);
  });
}
