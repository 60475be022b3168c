import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../../src/cluster/service.ts";
import { finish } from "../../../src/cluster/steps.ts";
import { allocationSteps, type Ledger } from "../../../src/controller/allocate.ts";
import { nothingAllocated } from "../../../src/controller/outcome.ts";
import { matters } from "../../../src/controller/shell/matters.ts";
import { diffStatus } from "../../../src/controller/status.ts";
import { pool, service, snapshot, withStatus } from "../fixtures.ts";

const pools = [pool("p", ["10.0.0.0/30"])];

function ledgerOf(...services: readonly Service[]): Ledger {
  return finish(allocationSteps(snapshot(pools, services), nothingAllocated));
}

/** The Service once all that was decided for it is written. */
function written(before: Service, { allocation }: Ledger): Service {
  const outcome = allocation.outcomes.get(before.key);
  const addresses = outcome?.type === "assigned" ? outcome.addresses : [];
  const shown = withStatus(before, ...addresses.map(({ address }) => address.text));
  const patch = diffStatus(shown, outcome, "2026-01-01T00:00:00Z");
  const annotations = Object.entries(patch?.metadata.annotations ?? {});
  return {
    ...shown,
    resourceVersion: "2",
    annotations: Object.fromEntries(annotations.map(([name, value]) => [name, value ?? ""])),
    conditions: patch?.status?.conditions ?? [],
  };
}

for (const source of ["own-write", "watch"] as const) {
  test(`what we wrote needs no decision, as ${source}: a new address, or what stands beside one`, () => {
    const fresh = service("a");
    const adopted = withStatus(service("b"), "10.0.0.3");
    const ledger = ledgerOf(fresh, adopted);
    for (const before of [fresh, adopted]) {
      const after = written(before, ledger);
      assert.equal(after.conditions.length, 1);
      assert.equal(matters({ source, key: before.key, before, after }, ledger), false);
    }
  });

  test(`an address that goes from a status may be what another waits for, as ${source}`, () => {
    const before = withStatus(service("a"), "10.0.0.2", "10.0.0.3");
    const ledger: Ledger = { ...ledgerOf(before), isTidy: true };
    const after = written(before, ledger);
    assert.equal(after.ingress.length, 1);
    assert.ok(matters({ source, key: before.key, before, after }, ledger));
  });

  test(`a first address while anything else is booked or wanted needs a decision, as ${source}`, () => {
    const [fresh, adopted] = [service("a"), withStatus(service("b"), "10.0.0.3")];
    const tidy = ledgerOf(fresh, adopted);
    const others: readonly Ledger[] = [
      { ...tidy, isTidy: false },
      { ...tidy, waiting: new Set([fresh.key, adopted.key]) },
    ];
    for (const ledger of others) {
      const isNeeded = (before: Service) =>
        matters({ source, key: before.key, before, after: written(before, ledger) }, ledger);
      assert.deepEqual([fresh, adopted].map(isNeeded), [true, false]);
    }
  });
}

test("what differs from what was decided matters, whatever wrote it", () => {
  const before = withStatus(service("a"), "10.0.0.3");
  const ledger = ledgerOf(before);
  const after = written(before, ledger);
  const others: readonly Service[] = [
    { ...after, conditions: [] },
    { ...after, ingress: [] },
    { ...after, labels: { team: "b" } },
    { ...after, deleting: true },
  ];
  for (const other of others) {
    for (const source of ["own-write", "watch"] as const) {
      assert.ok(matters({ source, key: before.key, before, after: other }, ledger));
    }
  }
});

test("a Service that is no load balancer matters if it shows traces of us", () => {
  const before = service("a");
  const after: Service = { ...before, type: "ClusterIP" };
  const change = { source: "watch", key: after.key } as const;
  assert.ok(matters({ ...change, before, after }, undefined));
  assert.equal(matters({ ...change, before: after, after }, undefined), false);
  const traces = { ...after, annotations: { "routelb.io/ip-allocated-from-pool": "p" } };
  assert.ok(matters({ ...change, before: after, after: traces }, undefined));
});
