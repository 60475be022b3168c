import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonPieces } from "../../src/runtime/json-pieces.ts";

test("the pieces together are the JSON of the whole", async () => {
  const value = fc.object({ maxDepth: 4, withSparseArray: false, withNullPrototype: false });
  await fc.assert(
    fc.asyncProperty(value, async (object) => {
      let text = "";
      for await (const piece of jsonPieces(object)) {
        text += piece;
      }
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(object)));
    }),
    { numRuns: 50 },
  );
});

test("a long list comes in pieces", async () => {
  const pieces: string[] = [];
  for await (const piece of jsonPieces({ routes: Array.from({ length: 1_000 }, () => 7) })) {
    pieces.push(piece);
  }
  assert.ok(Math.max(...pieces.map((piece) => piece.length)) < 500);
});
