import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFinding, parseConfig } from "../../src/config/parse.ts";
import { peerWith } from "../support/config-text.ts";

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
