import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { explainService } from "../../src/cli/report/explanation.ts";
import {
  decisionGates,
  type Gate,
  gateNames,
  gateOf,
  peerGates,
  sessionGates,
} from "../../src/speaker/gates.ts";
import { service } from "./fixtures.ts";

test("docs/explain.md tells each reason with its gate and cure, and no other", () => {
  const rows = [decisionGates, peerGates, sessionGates]
    .flatMap((gates) => Object.entries<Gate>(gates))
    .map(([reason, { gate, cure }]) => `| ${gate} | \`${reason}\` | ${cure} |`);
  // The one reason that no speaker gives: there is none.
  const nobody = { speakers: [], controllers: [], nodesWithoutSpeaker: ["node0"] };
  const { addresses } = explainService(service("nginx", ["172.16.7.192"]), nobody);
  const absent = addresses[0]?.rows[0]?.obstacle;
  assert.ok(absent);
  const own = `| ${absent.gate} | \`${absent.reason}\` | ${absent.cure} |`;
  const first = rows.findIndex((row) => row.startsWith(`| ${absent.gate} |`));
  const text = readFileSync("docs/explain.md", "utf8");
  assert.deepEqual(text.match(/^\| \w+ \| `[\w-]+` \| .*$/gm), rows.toSpliced(first, 0, own));
});

test("reasons of a decision stand in the order of their gates", () => {
  const order = Object.values<Gate>(decisionGates).map(({ gate }) => gateNames.indexOf(gate));
  assert.deepEqual(
    order,
    order.toSorted((a, b) => a - b),
  );
  assert.equal(gateOf("unheard-of"), undefined);
});
