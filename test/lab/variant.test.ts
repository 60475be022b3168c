import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { formatConfig } from "../../lab/speaker-config.ts";
import { describeVariant, isPlain, parseVariant, plainVariant } from "../../lab/variant.ts";
import { parseConfig } from "../../src/config/parse.ts";

const none = { ibgp: false, ipv6: false, "dual-stack": false, bfd: false, routers: "1" };
const flags = [
  none,
  { ...none, ibgp: true },
  { ...none, ipv6: true },
  { ...none, "dual-stack": true, routers: "2" },
  { ...none, ibgp: true, bfd: true },
  { ...none, ipv6: true, bfd: true, routers: "2" },
];

test("a lab without options is the scenario, with the example's configuration", () => {
  assert.equal(isPlain(parseVariant(none)), true);
  const example = readFileSync("deploy/examples/config.yaml", "utf8");
  const [, config = ""] = example.split("  config: |\n");
  assert.equal(formatConfig(plainVariant), config.replace(/^ {4}/gm, ""));
});

for (const flag of flags) {
  const variant = parseVariant(flag);
  test(`the configuration is one that RouteLB takes: ${describeVariant(variant) || "no option"}`, () => {
    assert.deepEqual(parseConfig(formatConfig(variant)).findings, []);
  });
}
