import assert from "node:assert/strict";
import { test } from "node:test";
import { formatFigures } from "../../bench/controller/report.ts";

test("a row for each figure of any column, in their order, and a dash where one has none", () => {
  const ours = [
    { phase: "limit", name: "written per s", value: 812.4 },
    { phase: "burst", name: "peak RSS MB", value: 140 },
    { phase: "restart", name: "Services written", value: 0 },
  ];
  const theirs = [
    { phase: "limit", name: "written per s", value: 9.25 },
    { phase: "burst", name: "peak RSS MB", value: 61 },
  ];
  const table = formatFigures([
    { title: "RouteLB", figures: ours },
    { title: "MetalLB", figures: theirs },
  ]);
  assert.equal(
    table,
    `| phase | figure | RouteLB | MetalLB |
| --- | --- | ---: | ---: |
| limit | written per s | 812 | 9.3 |
| burst | peak RSS MB | 140 | 61 |
| restart | Services written | 0 | - |`,
  );
});
