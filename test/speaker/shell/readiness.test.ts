import assert from "node:assert/strict";
import { test } from "node:test";
import { Readiness } from "../../../src/speaker/shell/readiness.ts";
import { sessionStatus } from "../fixtures.ts";

const synced = sessionStatus({ state: "Established", synced: true });
const behind = sessionStatus({ name: "rack-b", state: "Connect" });

test("ready when every peer got its End-of-RIB, and no more unready when a session is lost", () => {
  const readiness = new Readiness(1_000);
  assert.deepEqual(readiness.whyNot([], [synced, behind], 2_000), [
    "rack-b has not got all routes yet (Connect)",
  ]);
  assert.deepEqual(readiness.whyNot([], [synced], 3_000), []);
  assert.deepEqual(readiness.whyNot([], [synced, behind], 4_000), []);
});

test("ready 30 s after the start in any case, if there is nothing else to wait for", () => {
  const readiness = new Readiness(1_000);
  const waiting = ["Services could not be read yet"];
  assert.deepEqual(readiness.whyNot(waiting, [behind], 31_000), waiting);
  assert.equal(readiness.whyNot([], [behind], 30_999).length, 1);
  assert.deepEqual(readiness.whyNot([], [behind], 31_000), []);
});

test("a node without peers is ready as soon as it has decided", () => {
  assert.deepEqual(new Readiness(0).whyNot([], [], 1), []);
});
