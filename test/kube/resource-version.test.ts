import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isOlder } from "../../src/kube/resource-version.ts";

test("versions are ordered as the numbers that they are, however long", () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n }), fc.bigInt({ min: 0n }), (a, b) => {
      assert.equal(isOlder(String(a), String(b)), a < b);
    }),
  );
});

test("of versions that are not numbers none is older", () => {
  for (const [a, b] of [
    ["a", "b"],
    ["1", "b"],
    ["a", "2"],
    ["", "1"],
    ["01", "2"],
  ] as const) {
    assert.equal(isOlder(a, b), false);
  }
});
