import assert from "node:assert/strict";
import { test } from "node:test";
import { WriteFailures } from "../../../src/controller/shell/write-failures.ts";
import { KubeError } from "../../../src/kube/client.ts";
import { type LogLine, recordingLogger } from "../../support/recording-logger.ts";

test("thousands that fail alike are one line, until one succeeds or another failure comes", () => {
  const lines: LogLine[] = [];
  const failures = new WriteFailures(recordingLogger(lines));
  const levels = () => lines.splice(0).map(({ level }) => level);
  const fail = (status: number, reason = "") =>
    failures.take("default/a", new KubeError(status, reason, "no"));
  fail(503);
  fail(503);
  assert.deepEqual(levels(), ["warn", "debug"]);
  fail(403);
  assert.deepEqual(levels(), ["error"]);
  failures.clear();
  fail(403);
  assert.deepEqual(levels(), ["error"]);
  fail(409, "Conflict");
  fail(404, "NotFound");
  assert.deepEqual(levels(), ["debug", "debug"], "a Service that changed or went");
});
