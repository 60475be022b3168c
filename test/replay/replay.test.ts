import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Replay, type ReplayEvent } from "./replay.ts";

/**
 * Every folder is a story: `config.yaml`, what happens in `events.jsonl`, and in `expected.jsonl`
 * what the routers get and which reasons change. A moment that `expected.jsonl` does not name is one
 * in which nothing follows. `--test-update-snapshots` writes it anew, for a reader to judge.
 */
for (const entry of readdirSync(import.meta.dirname, { withFileTypes: true })) {
  if (!entry.isDirectory()) continue;
  const folder = join(import.meta.dirname, entry.name);
  test(`replay: ${entry.name.replaceAll("-", " ")}`, async (t) => {
    const events = readFileSync(join(folder, "events.jsonl"), "utf8")
      .split("\n")
      .filter(Boolean)
      .map((line): ReplayEvent => JSON.parse(line));
    const replay = new Replay(readFileSync(join(folder, "config.yaml"), "utf8"));
    const outcomes = await replay.run(events);
    const lines = outcomes.map((outcome) => `${JSON.stringify(outcome)}\n`).join("");
    t.assert.fileSnapshot(lines, join(folder, "expected.jsonl"), { serializers: [String] });
  });
}
