import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";

test("without a Go that is new enough, one sentence says what to install", () => {
  const { status, stdout, stderr } = spawnSync("scripts/go.sh", ["999.1.0"], { encoding: "utf8" });
  assert.equal(status, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^This is built from source with Go 999\.1 or later, .+ go\.dev\/dl .+\n$/);
});
