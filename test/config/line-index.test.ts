import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { indexLines } from "../../src/config/line-index.ts";

test("line and column are those of an editor", () => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom("a", "\n", "\r\n", "bc"), { maxLength: 30 }), (parts) => {
      const text = parts.join("");
      const positionOf = indexLines(text);
      for (let offset = 0; offset <= text.length; offset += 1) {
        const before = text.slice(0, offset).split("\n");
        assert.deepEqual(positionOf(offset), {
          line: before.length,
          column: (before.at(-1)?.length ?? 0) + 1,
        });
      }
    }),
  );
});
