import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  decisionGates,
  type Gate,
  gateNames,
  gateOf,
  peerGates,
  sessionGates,
} from "../../src/speaker/gates.ts";

test("docs/explain.md tells each reason with its gate and cure, and no other", () => {
  const rows = [decisionGates, peerGates, sessionGates]
    .flatMap((gates) => Object.entries<Gate>(gates))
    .map(([reason, { gate, cure }]) => `| ${gate} | \`${reason}\` | ${cure} |`);
  const text = readFileSync("docs/explain.md", "utf8");
  assert.deepEqual(text.match(/^\| \w+ \| `[\w-]+` \| .*$/gm), rows);
});

test("reasons of a decision stand in the order of their gates", () => {
  const order = Object.values<Gate>(decisionGates).map(({ gate }) => gateNames.indexOf(gate));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.equal(gateOf("unheard-of"), undefined);
});
