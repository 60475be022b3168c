import assert from "node:assert/strict";
import { test } from "node:test";
import { isComplete } from "../../src/config/fields.ts";

test("an object is complete if no member is undefined, whatever else it is", () => {
  assert.equal(isComplete({}), true);
  assert.equal(isComplete({ a: 0, b: "", c: false, d: null }), true);
  assert.equal(isComplete({ a: 1, b: undefined }), false);
});
