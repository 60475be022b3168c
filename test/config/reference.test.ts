import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { keys } from "../../src/config/schema.ts";
import { findingsOf } from "../support/config-text.ts";

const reference = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");
const examples = [...reference.matchAll(/^```yaml\n(.*?)^```/gms)].map(([, yaml = ""]) => yaml);

test("every example of the reference is without findings", () => {
  assert.equal(examples.length, 2);
  for (const example of examples) {
    assert.deepEqual(findingsOf(example), []);
  }
});

test("the reference tells of every key, and its last example uses each", () => {
  const whole = examples.at(-1) ?? "";
  for (const key of Object.values(keys).flat()) {
    assert.ok(reference.includes(`\`${key}\``), `docs/configuration.md lacks ${key}`);
    assert.match(whole, new RegExp(`\\b${key}:`), `the last example lacks ${key}`);
  }
});
