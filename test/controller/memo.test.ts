import assert from "node:assert/strict";
import { test } from "node:test";
import { Memo } from "../../src/cluster/memo.ts";

test("what is remembered of an object is no part of it", () => {
  const memo = new Memo<{ readonly name: string }, number>();
  const object = { name: "a" };
  assert.equal(memo.get(object), undefined);
  memo.set(object, 1);
  memo.set(object, 2);
  assert.equal(memo.get(object), 2);
  assert.deepEqual(object, { name: "a" });
  assert.equal(JSON.stringify(object), '{"name":"a"}');
  assert.deepEqual(structuredClone(object), { name: "a" });
  assert.equal(memo.get({ ...object }), undefined);
});

test("each Memo remembers for itself", () => {
  const [one, other] = [new Memo<object, string>(), new Memo<object, string>()];
  const object = {};
  one.set(object, "one");
  assert.equal(other.get(object), undefined);
  other.set(object, "other");
  assert.deepEqual([one.get(object), other.get(object)], ["one", "other"]);
});
