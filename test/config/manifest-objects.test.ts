import assert from "node:assert/strict";
import { test } from "node:test";
import { readObjects } from "../../src/config/manifest-objects.ts";

test("documents and Lists give their objects, with values as the API has them", () => {
  const text = `kind: List
items:
- {kind: Service, spec: {port: 80, name: "80", headless: no, selector: ~}}
---
kind: Node
spec: {taints: [a, b]}
`;
  assert.deepEqual(readObjects(text), [
    { kind: "Service", spec: { port: 80, name: "80", headless: false, selector: null } },
    { kind: "Node", spec: { taints: ["a", "b"] } },
  ]);
  assert.deepEqual(readObjects('{"kind": "Node", "a": [1, true]}'), [
    { kind: "Node", a: [1, true] },
  ]);
  assert.deepEqual(readObjects(""), []);
});

test("what is no manifest is refused with its line", () => {
  assert.throws(() => readObjects("a: [\n"), /line \d/);
  assert.throws(() => readObjects("a: 1\n---\n- b\n"), /line 3: is no manifest/);
});
