import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import { allocate } from "../../src/controller/allocate.ts";
import type { Outcome } from "../../src/controller/outcome.ts";
import {
  formatOverwritten,
  isNotKept,
  isPaused,
  observe,
  recordWrite,
  type WriteRecord,
} from "../../src/controller/write-record.ts";
import { pool, service, snapshot, withStatus } from "./fixtures.ts";

const p = pool("p", ["10.0.0.1-10.0.0.2"]);
const asking = service("a1");
const written = withStatus(asking, "10.0.0.1");
const overwritten = withStatus(asking, "192.0.2.1");

function outcomeOf(asking: Service): Outcome {
  const outcome = allocate(snapshot([p], [asking])).outcomes.get(asking.key);
  assert.ok(outcome !== undefined);
  return outcome;
}

const outcome = outcomeOf(asking);

/** Writes, and sees it overwritten, at each of these times. */
function quarrel(timesMs: readonly number[], found = overwritten): WriteRecord {
  let record: WriteRecord | undefined;
  for (const nowMs of timesMs) {
    record = observe(recordWrite(record, written, outcome), found, outcome, nowMs);
  }
  assert.ok(record !== undefined);
  return record;
}

test("what shows our write, or nothing that we still want, is no overwriting", () => {
  const record = recordWrite(undefined, written, outcome);
  assert.equal(observe(record, written, outcome, 0), record);
  const other = outcomeOf({ ...asking, loadBalancerIP: "10.0.0.2" });
  assert.deepEqual(observe(record, overwritten, other, 0).overwrittenMs, []);
});

test("one overwriting is counted once, however often it is looked at", () => {
  const record = quarrel([0]);
  const again = observe(record, overwritten, outcome, 1);
  assert.deepEqual(observe(again, overwritten, outcome, 2).overwrittenMs, [0]);
});

test("the third time within a minute makes a pause of ten minutes", () => {
  assert.equal(quarrel([0, 30_000]).pause, undefined);
  assert.equal(quarrel([0, 30_000, 60_000]).pause, undefined);
  assert.equal(quarrel([0, 30_000, 59_999]).pause?.untilMs, 59_999 + 600_000);
});

test("the pause ends with its time or with a change of the spec, and counting begins anew", () => {
  const record = quarrel([0, 1, 2]);
  const restored = { ...overwritten, labels: { a: "b" } };
  assert.notEqual(observe(record, restored, outcome, 599_999).pause, undefined);
  const ends = [
    observe(record, overwritten, outcome, 600_002),
    observe(record, { ...overwritten, ports: ["TCP:81"] }, outcome, 3),
    observe(record, { ...overwritten, loadBalancerIP: "10.0.0.2" }, outcome, 3),
    observe(
      record,
      { ...overwritten, annotations: { "routelb.io/address-pool": "p" } },
      outcome,
      3,
    ),
  ];
  for (const ended of ends) {
    assert.deepEqual([ended.pause, ended.overwrittenMs], [undefined, []]);
  }
});

test("an address that is only taken out is written again and again, after a breath each third time", () => {
  assert.equal(quarrel([0, 1], asking).pause, undefined);
  const paused = quarrel([0, 1, 2], asking);
  assert.ok(isPaused(paused, asking, outcome));
  assert.equal(paused.pause?.untilMs, 2 + 500);
  assert.deepEqual(observe(paused, asking, outcome, 502).overwrittenMs, []);
  assert.match(
    formatOverwritten({ ...asking, ingressManager: "k3s" }, "emptied"),
    /last by k3s.*--disable=servicelb.*goes on/,
  );
});

test("what the server does not keep is no difference until something else changes", () => {
  const record = recordWrite(undefined, written, outcome);
  assert.ok(isNotKept(record, written, outcome), "the annotation and the condition were dropped");
  assert.ok(!isNotKept(record, overwritten, outcome));
  const moved = outcomeOf({ ...asking, loadBalancerIP: "10.0.0.2" });
  assert.ok(!isNotKept(record, written, moved));
});

test("the Event names who overwrites and what helps", () => {
  assert.match(
    formatOverwritten({ ...overwritten, ingressManager: "k3s" }, "replaced"),
    /last by k3s: .*--lb-class/,
  );
  assert.match(formatOverwritten(overwritten, "replaced"), /managedFields does not name/);
});

test("a quarrel over our annotation or condition is one, too, but an address is written all the same", () => {
  const poolAnnotation = "routelb.io/ip-allocated-from-pool";
  const marked = { ...written, annotations: { [poolAnnotation]: "p" }, conditions: [] };
  const condition = {
    type: "routelb.io/AddressAssigned",
    status: "True",
    reason: "Assigned",
    message: "10.0.0.1 of pool p",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  } as const;
  const whole = { ...marked, conditions: [condition] };
  for (const stripped of [marked, { ...whole, annotations: {} }]) {
    let record: WriteRecord | undefined;
    for (const nowMs of [0, 1, 2]) {
      record = observe(recordWrite(record, whole, outcome), stripped, outcome, nowMs);
    }
    assert.ok(record !== undefined);
    assert.equal(record.pause?.about, "marks");
    assert.ok(isPaused(record, stripped, outcome));
    const moved = outcomeOf({ ...asking, loadBalancerIP: "10.0.0.2" });
    assert.ok(!isPaused(record, stripped, moved));
  }
  assert.match(formatOverwritten(whole, "marks"), /its address is not touched/);
});

test("in a quarrel over the address nothing at all is written", () => {
  const moved = outcomeOf({ ...asking, loadBalancerIP: "10.0.0.2" });
  assert.ok(isPaused(quarrel([0, 1, 2]), overwritten, moved));
});
