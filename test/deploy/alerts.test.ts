import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { parse } from "yaml";
import { run } from "../../lab/command.ts";
import { type Json, listAt, textAt } from "../../lab/kube/json.ts";
import { ControllerMetrics } from "../../src/controller/shell/metrics.ts";
import { MetricsRegistry } from "../../src/runtime/metrics.ts";
import { SpeakerMetrics } from "../../src/speaker/shell/metrics.ts";
import { deployFolder } from "./manifests.ts";

const rulesFile = join(deployFolder, "components/monitoring/routelb.rules.yaml");

test("promtool takes the alerting rules, and they fire when they should", async (t) => {
  t.diagnostic((await run("promtool", ["check", "rules", rulesFile])).trim());
  t.diagnostic(
    (await run("promtool", ["test", "rules", join(import.meta.dirname, "alerts.yaml")])).trim(),
  );
});

test("every metric that a rule names is one that the daemons have", async () => {
  const speaker = new MetricsRegistry();
  const controller = new MetricsRegistry();
  const made = [new SpeakerMetrics(speaker, "node1"), new ControllerMetrics(controller)];
  assert.equal(made.length, 2);
  const served = `${await speaker.text()}${await controller.text()}`;
  const rules: Json = parse(readFileSync(rulesFile, "utf8"));
  const expressions = listAt(rules, "groups")
    .flatMap((group) => listAt(group, "rules"))
    .map((rule) => textAt(rule, "expr") ?? "");
  assert.equal(expressions.length, 5);
  for (const expression of expressions) {
    for (const [name] of expression.matchAll(/routelb_\w+/g)) {
      assert.match(served, new RegExp(`^# TYPE ${name} gauge$`, "m"), expression);
    }
  }
});
