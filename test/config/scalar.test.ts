import assert from "node:assert/strict";
import { test } from "node:test";
import { accept, peerWith, poolWith } from "../support/config-text.ts";

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
