import { test } from "node:test";
import { loadCorpus } from "./corpus.ts";
import { fuzzSession } from "./session.ts";

test("300 hostile streams leave a session in order, whatever its state", async () => {
  const corpus = loadCorpus();
  for (let index = 0; index < 300; index += 1) {
    await fuzzSession(20_261_122, index, corpus);
  }
});
