import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { GarbageError } from "../../src/kube/client.ts";
import { ListSplitter } from "../../src/kube/list-splitter.ts";

function split(text: string, sizes: readonly number[] = []) {
  const items: unknown[] = [];
  const splitter = new ListSplitter((item) => items.push(item));
  const octets = Buffer.from(text);
  let start = 0;
  for (const size of sizes) {
    splitter.push(octets.subarray(start, start + size));
    start += size;
  }
  splitter.push(octets.subarray(start));
  return { items, rest: splitter.end() };
}

const jsonObject = fc.dictionary(
  fc.oneof(fc.constantFrom("items", "metadata", "a"), fc.string()),
  fc.jsonValue(),
);
const spacing = fc.constantFrom(undefined, 2, "\t");

test("whatever a list holds and however it arrives, its items are those of JSON.parse", () => {
  fc.assert(
    fc.property(
      fc.record({ kind: fc.string(), metadata: jsonObject }),
      fc.array(jsonObject),
      jsonObject,
      fc.array(fc.integer({ min: 0, max: 40 })),
      spacing,
      (head, items, tail, sizes, space) => {
        const { items: _, ...after } = tail;
        const list = { ...head, items, ...after };
        const text = JSON.stringify(list, undefined, space);
        const expected: unknown = JSON.parse(JSON.stringify({ ...list, items: [] }));
        const got = split(text, sizes);
        assert.deepEqual(got.items, JSON.parse(JSON.stringify(items)));
        assert.deepEqual(got.rest, expected);
      },
    ),
  );
});

test("any octets at all give a list or a GarbageError", () => {
  const near = fc.stringMatching(/^\{("items":|"items":\[|[{}[\]",:\\a ])*$/);
  fc.assert(
    fc.property(fc.oneof(near, fc.string()), fc.array(fc.nat(9)), (text, sizes) => {
      try {
        split(text, sizes);
      } catch (error) {
        assert.ok(error instanceof GarbageError, String(error));
      }
    }),
  );
});

test("an empty list may have null for its items", () => {
  const text = '{"kind":"ServiceList","metadata":{"resourceVersion":"7"},"items":null}\n';
  assert.deepEqual(split(text), {
    items: [],
    rest: { kind: "ServiceList", metadata: { resourceVersion: "7" }, items: null },
  });
});

test("a Status in place of a list is given as it is", () => {
  const status = { kind: "Status", details: { items: [{ a: 1 }] }, message: '"items":[' };
  assert.deepEqual(split(JSON.stringify(status)), { items: [], rest: status });
});

test("items that are not objects, and lists cut short, are refused", () => {
  for (const text of ['{"items":[1]}', '{"items":["a"]}', '{"items":[{}', '{"items":[{}]', ""]) {
    assert.throws(() => split(text), GarbageError, text);
  }
});
