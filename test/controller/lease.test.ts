import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import {
  actingTenure,
  type LeaseMemory,
  type LeaseRecord,
  leaseSpec,
  observeLease,
  planLease,
  releasedSpec,
  takeWritten,
} from "../../src/controller/lease.ts";
import {
  type ArrivedWrite,
  LeaseWorld,
  terms as lengths,
  type ReplicaPlan,
} from "./lease-world.ts";

const terms = { ...lengths, identity: "me" };

function lease(fields: Partial<LeaseRecord> = {}): LeaseRecord {
  return {
    resourceVersion: "1",
    holder: "other",
    durationMs: 15_000,
    transitions: 0,
    acquireTime: "2026-01-01T00:00:00.000000Z",
    ...fields,
  };
}

/** What is known after these reads, each at its moment. */
function after(...reads: readonly (readonly [LeaseRecord | undefined, number])[]): LeaseMemory {
  return reads.reduce<LeaseMemory>(
    (memory, [record, nowMs]) => observeLease(memory, terms, record, nowMs),
    {},
  );
}

const at = (ms: number, wallMs = ms) => ({ steadyMs: ms, wallMs });

describe("a Lease", () => {
  test("that never was is made, and acted on at once", () => {
    assert.deepEqual(planLease(after([undefined, 5]), terms, 5), { type: "create", actDelayMs: 0 });
  });

  test("that another held and that is gone is made, but the other is waited for", () => {
    const memory = after([lease(), 0], [undefined, 1_000]);
    assert.deepEqual(planLease(memory, terms, 1_000), { type: "create", actDelayMs: 25_000 });
  });

  test("that was released is taken and acted on at once", () => {
    const record = lease({ holder: "" });
    const step = planLease(after([record, 0]), terms, 0);
    assert.deepEqual(step, { type: "take", record, actDelayMs: 0 });
  });

  test("that another holds is left alone until it did not change for its duration", () => {
    const memory = after([lease(), 0], [lease(), 9_000]);
    assert.deepEqual(planLease(memory, terms, 14_999), { type: "wait" });
    const step = planLease(memory, terms, 15_000);
    assert.deepEqual(step, { type: "take", record: lease(), actDelayMs: 10_000 });
    const renewed = observeLease(memory, terms, lease({ resourceVersion: "2" }), 14_000);
    assert.deepEqual(planLease(renewed, terms, 28_999), { type: "wait" });
    assert.equal(planLease(renewed, terms, 29_000).type, "take");
  });

  test("of a longer promise than ours is left alone for that long", () => {
    const memory = after([lease({ durationMs: 60_000 }), 0]);
    assert.deepEqual(planLease(memory, terms, 59_999), { type: "wait" });
    assert.equal(planLease(memory, terms, 60_000).type, "take");
  });

  test("whose taking was not answered counts as one of unknown past", () => {
    const record = lease({ holder: "me", resourceVersion: "7" });
    const memory = after([lease(), 0], [record, 20_000]);
    const step = planLease(memory, terms, 20_000);
    assert.equal(step.type, "renew");
    if (step.type === "renew") {
      const held = takeWritten(memory, terms, step, record, at(20_000));
      assert.equal(actingTenure(held, terms, at(29_999)), undefined);
      assert.equal(held.tenure?.actFromMs, 30_000);
    }
  });
});

describe("a leader", () => {
  const created = { type: "create", actDelayMs: 0 } as const;
  const held = takeWritten({}, terms, created, lease({ holder: "me" }), at(1_000));

  test("acts until its renewal is too long ago, counted from when it was sent", () => {
    assert.ok(actingTenure(held, terms, at(10_999)));
    assert.equal(actingTenure(held, terms, at(11_000)), undefined);
  });

  test("acts no more after a sleep that only the clock on the wall has noticed", () => {
    assert.equal(actingTenure(held, terms, at(1_001, 60_000)), undefined);
  });

  test("goes on in its tenure as long as nobody else held the Lease", () => {
    const record = lease({ holder: "me" });
    const late = takeWritten(held, terms, { type: "renew", record }, record, at(30_000));
    assert.equal(actingTenure(late, terms, at(30_001))?.sinceMs, 1_000);
    const lost = observeLease(late, terms, lease({ resourceVersion: "9" }), 31_000);
    assert.equal(lost.tenure, undefined);
  });

  test("writes a Lease that other programs can read", () => {
    const now = "2026-01-01T00:01:00.000000Z";
    const first = lease().acquireTime;
    const shared = { holderIdentity: "me", leaseDurationSeconds: 15, renewTime: now };
    const record = lease({ transitions: 4 });
    assert.deepEqual(
      [
        leaseSpec(created, terms, now),
        leaseSpec({ type: "take", record, actDelayMs: 0 }, terms, now),
        leaseSpec({ type: "renew", record }, terms, now),
        releasedSpec(record, now),
      ],
      [
        { ...shared, acquireTime: now, leaseTransitions: 0 },
        { ...shared, acquireTime: now, leaseTransitions: 5 },
        { ...shared, acquireTime: first, leaseTransitions: 4 },
        { leaseDurationSeconds: 1, acquireTime: first, renewTime: now, leaseTransitions: 4 },
      ],
    );
  });
});

const endMs = 180_000;
const span = fc.record({
  startMs: fc.integer({ min: 0, max: endMs }),
  lengthMs: fc.integer({ min: 1, max: 60_000 }),
});
const spans = fc.array(span, { maxLength: 3 });
const replica: fc.Arbitrary<ReplicaPlan> = fc.record({
  rate: fc.double({ min: 0.9, max: 1.1, noNaN: true }),
  startMs: fc.integer({ min: 0, max: 30_000 }),
  pauses: spans,
  sleeps: spans,
  cuts: spans,
  restarts: fc.array(fc.integer({ min: 0, max: endMs }), { maxLength: 2 }),
});

/** A small generator (mulberry32), so that a failing run can be run again. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A write that arrived after one of a later leader. */
function findOverlap(arrived: readonly ArrivedWrite[]): string | undefined {
  const begin = new Map<string, number>();
  for (const { leader, sentMs } of arrived) {
    begin.set(leader, Math.min(sentMs, begin.get(leader) ?? sentMs));
  }
  let newestMs = 0;
  for (const { leader, atMs } of arrived) {
    const beginMs = begin.get(leader) ?? 0;
    if (beginMs < newestMs) {
      return `${leader} wrote at ${atMs} ms among the writes of another`;
    }
    newestMs = beginMs;
  }
  return undefined;
}

test("two replicas never act at once, nor does a write of one arrive among the other's", () => {
  let writes = 0;
  let takeovers = 0;
  fc.assert(
    fc.property(fc.array(replica, { minLength: 2, maxLength: 3 }), fc.nat(), (plans, seed) => {
      const world = new LeaseWorld(plans, randomOf(seed));
      world.run(endMs);
      writes += world.arrived.length;
      takeovers += new Set(world.arrived.map(({ leader }) => leader)).size - 1;
      assert.equal(findOverlap(world.arrived), undefined);
    }),
    { numRuns: 300 },
  );
  assert.ok(writes > 10_000, `${writes} writes arrived`);
  assert.ok(takeovers > 100, `${takeovers} takeovers`);
});

test("with nothing in the way, somebody acts, and goes on acting", () => {
  const calm = { rate: 1, pauses: [], sleeps: [], cuts: [], restarts: [] };
  const plans = [0, 10, 20].map((startMs) => ({ ...calm, startMs }));
  const world = new LeaseWorld(plans, randomOf(1));
  world.run(endMs);
  assert.equal(new Set(world.arrived.map(({ leader }) => leader)).size, 1);
  assert.ok(world.arrived.length > 300);
});
