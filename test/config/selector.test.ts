import assert from "node:assert/strict";
import { test } from "node:test";
import { peerWith } from "../support/config-text.ts";

test("a selector without conditions matches every node, alone or among others", () => {
  assert.deepEqual(peerWith("node-selectors: [{}]").nodeSelectors, []);
  assert.deepEqual(peerWith("node-selectors: [~, {match-labels: {a: b}}]").nodeSelectors, []);
});

test("selectors keep labels and expressions", () => {
  const lines = `node-selectors:
- match-labels: {rack: 1, tier: ~}
  match-expressions:
  - {key: kubernetes.io/hostname, operator: In, values: [a, b]}
  - {key: gpu, operator: DoesNotExist}`;
  assert.deepEqual(peerWith(lines).nodeSelectors, [
    {
      matchLabels: { rack: "1", tier: "" },
      matchExpressions: [
        { key: "kubernetes.io/hostname", operator: "In", values: ["a", "b"] },
        { key: "gpu", operator: "DoesNotExist", values: [] },
      ],
    },
  ]);
});
