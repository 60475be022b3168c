import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProbeResult } from "../../lab/http-probe.ts";
import { formatFailures, ingressNode, unexcused } from "../../lab/sights/traffic.ts";

const result = (startMs: number, endMs: number, outcome: string, client = ""): ProbeResult => ({
  startMs,
  endMs,
  outcome,
  pod: "",
  node: "",
  client,
});

test("a failed request is excused in a window, or under way at a change of the route", () => {
  const inWindow = result(1_500, 2_500, "timeout");
  const atChange = result(4_990, 5_010, "ECONNRESET");
  const answered = result(6_000, 6_001, "200");
  const afterwards = result(6_100, 7_100, "timeout");
  const windows = [{ fromMs: 1_000, toMs: 2_000 }];
  assert.deepEqual(unexcused([inWindow, atChange, answered, afterwards], windows, [5_000]), [
    afterwards,
  ]);
});

test("a request that begins when the window is over is not excused", () => {
  const late = result(2_001, 3_001, "timeout");
  assert.deepEqual(unexcused([late], [{ fromMs: 1_000, toMs: 2_000 }], []), [late]);
});

test("failures are counted by kind", () => {
  const results = [result(0, 1, "timeout"), result(0, 1, "200"), result(0, 1, "timeout")];
  assert.equal(formatFailures(results), "2 of 3 requests failed (timeout 2)");
  assert.equal(formatFailures([result(0, 1, "200")]), "0 of 1 requests failed");
});

test("the node that a request came through is known by the client address that the Pod saw", () => {
  assert.equal(ingressNode(result(0, 1, "200", "172.16.7.12")), "node2");
  assert.equal(ingressNode(result(0, 1, "200", "10.244.3.1")), "node3");
  assert.equal(ingressNode(result(0, 1, "200", "fd00:7::12")), "node2");
  assert.equal(ingressNode(result(0, 1, "200", "fd00:10:244:3::1")), "node3");
  assert.equal(ingressNode(result(0, 1, "200", "172.16.9.11")), "client 172.16.9.11");
});
