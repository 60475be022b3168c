import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Service } from "../../src/cluster/service.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { type Allocation, nothingAllocated } from "../../src/controller/outcome.ts";
import { change, pass, shown, start, steps } from "./allocation-world.ts";
import { snapshot, summary } from "./fixtures.ts";
import { check, given } from "./reference-rules.ts";

test("no sequence of changes, lost writes and restarts breaks a rule", () => {
  fc.assert(
    fc.property(start, steps, (first, sequence) => {
      let world = first;
      for (const step of sequence) {
        const before = world.allocation;
        const changed = change(world, step);
        world = pass(changed);
        check(world, changed.allocation === nothingAllocated ? nothingAllocated : before);
      }
    }),
    { numRuns: 400 },
  );
});

test("the order of Services does not matter, and without a change nothing more changes", () => {
  fc.assert(
    fc.property(start, steps, (first, sequence) => {
      const world = sequence.reduce((before, step) => pass(change(before, step)), first);
      const services = [...world.services.values()];
      const allGiven = (allocation: Allocation) => services.map((each) => given(allocation, each));
      const again = allocate(snapshot(world.pools, services), world.allocation);
      const reversed = allocate(snapshot(world.pools, services.toReversed()), world.allocation);
      assert.deepEqual(allGiven(reversed), allGiven(again));
      // What was promised and is no longer wanted is free from the pass after on.
      const onceMore = allocate(snapshot(world.pools, services), again);
      assert.deepEqual(allGiven(onceMore), allGiven(again));
    }),
    { numRuns: 200 },
  );
});

test("once all writes land, the status of every Service obeys the rules and stays as it is", () => {
  fc.assert(
    fc.property(start, steps, (first, sequence) => {
      let world = sequence.reduce((before, step) => pass(change(before, step)), first);
      for (let round = 0; round < 12; round += 1) {
        const services = new Map<string, Service>();
        for (const each of world.services.values()) {
          const outcome = world.allocation.outcomes.get(each.key);
          services.set(each.key, outcome === undefined ? each : shown(each, outcome));
        }
        world = pass({ ...world, services });
      }
      const settled = [...world.services.values()];
      const restarted = allocate(snapshot(world.pools, settled));
      for (const each of settled) {
        const outcome = world.allocation.outcomes.get(each.key);
        assert.equal(summary(restarted.outcomes.get(each.key)), summary(outcome));
        assert.deepEqual(outcome === undefined ? [] : shown(each, outcome).ingress, each.ingress);
      }
    }),
    { numRuns: 200 },
  );
});
