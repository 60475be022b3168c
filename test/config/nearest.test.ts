import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { editDistance, nearestWord } from "../../src/config/nearest.ts";
import { keys } from "../../src/config/schema.ts";

const meant: Readonly<Record<string, string | undefined>> = {
  "peer-adress": "peer-address",
  peerAddress: "peer-address",
  bfdProfile: "bfd-profile",
  my_asn: "my-asn",
  hold: "hold-time",
  holdtime: "hold-time",
  passwd: "password",
  vrf: undefined,
  constructor: undefined,
};

for (const [word, nearest] of Object.entries(meant)) {
  test(`among a peer's keys ${word} is nearest to ${nearest ?? "none"}`, () => {
    assert.equal(nearestWord(word, keys.peer), nearest);
  });
}

test("the edit distance counts letters added, removed and replaced", () => {
  assert.equal(editDistance("", "abc"), 3);
  assert.equal(editDistance("kitten", "sitting"), 3);
  fc.assert(
    fc.property(fc.string({ maxLength: 8 }), fc.string({ maxLength: 8 }), (a, b) => {
      assert.equal(editDistance(a, b), editDistance(b, a));
      assert.equal(editDistance(a, b) === 0, a === b);
      assert.ok(editDistance(a, b) <= Math.max(a.length, b.length));
    }),
  );
});
