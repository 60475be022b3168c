import assert from "node:assert/strict";
import { test } from "node:test";
import { fuzzCodec } from "./codec.ts";
import { loadCorpus } from "./corpus.ts";

const corpus = loadCorpus();
const seed = 20_261_122;

test("3,000 hostile streams, split anywhere, are messages or a NotificationError", () => {
  const outcomes = new Set<string>();
  for (let index = 0; index < 3_000; index += 1) {
    const { error = "good" } = fuzzCodec(seed, index, corpus);
    outcomes.add(error.split(" ")[0] ?? "");
  }
  const expected = ["good", "1/1", "1/2", "1/3", "2/0", "3/1", "3/2", "3/10"];
  assert.deepEqual(
    expected.filter((outcome) => !outcomes.has(outcome)),
    [],
    "outcomes that the inputs do not reach",
  );
});

test("an input of a run can be made again alone", () => {
  assert.deepEqual(fuzzCodec(seed, 77, corpus), fuzzCodec(seed, 77, corpus));
});
