import assert from "node:assert/strict";
import { test } from "node:test";
import { formatTable } from "../../bench/bgp/report.ts";

test("a table has medians, ratios to the fastest replay, and no column that nobody has", () => {
  const rows = [
    { sender: "replay", trials: [{ tableMs: 30 }, { tableMs: 10 }, { tableMs: 20 }] },
    { sender: "replay, extended messages", trials: [{ tableMs: 40 }] },
    { sender: "RouteLB", trials: [{ tableMs: 25, changeTableMs: 1.25 }, { tableMs: 25 }] },
    { sender: "slow", trials: [{ tableMs: 90 }, {}] },
  ];
  assert.equal(
    formatTable(rows, (sender) => sender.startsWith("replay")),
    [
      "| sender | table ms | change ms |",
      "| --- | ---: | ---: |",
      "| replay | 20 (1.00) | - |",
      "| replay, extended messages | 40 (2.00) | - |",
      "| RouteLB | 25 (1.25) | 1.3 |",
      "| slow | - | - |",
    ].join("\n"),
  );
});
