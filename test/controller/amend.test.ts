import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Service } from "../../src/cluster/service.ts";
import { finish } from "../../src/cluster/steps.ts";
import { allocationSteps, type Ledger } from "../../src/controller/allocate.ts";
import { amend } from "../../src/controller/amend.ts";
import { nothingAllocated, type Outcome } from "../../src/controller/outcome.ts";
import { matters } from "../../src/controller/shell/matters.ts";
import { diffStatus, shownIngress, wantedIngress } from "../../src/controller/status.ts";
import { anyStep, change, start, type World } from "./allocation-world.ts";
import { pool, service, snapshot, withStatus } from "./fixtures.ts";

function wholePass(world: World, before: Ledger | undefined): Ledger {
  const services = [...world.services.values()];
  return finish(
    allocationSteps(snapshot(world.pools, services), before?.allocation ?? nothingAllocated),
  );
}

/** What of an outcome anybody sees; of several who share an address, either may be named as its holder. */
function seen(outcome: Outcome): string {
  const { shortfall } = outcome.type === "untouched" ? { shortfall: undefined } : outcome;
  const message = shortfall?.message.replace(/held by Service \S+:/, "held by another:");
  const addresses =
    outcome.type === "assigned"
      ? outcome.addresses.map(({ pool: { name }, address }) => `${name} ${address.text}`)
      : [];
  return JSON.stringify({ ...outcome, addresses, shortfall: message });
}

function assertSame(amended: Ledger, whole: Ledger): void {
  const outcomes = ({ allocation }: Ledger) =>
    new Map([...allocation.outcomes].map(([key, outcome]) => [key, seen(outcome)]));
  assert.deepEqual(outcomes(amended), outcomes(whole));
  assert.deepEqual(amended.allocation.pools, whole.allocation.pools);
}

/** Our write has landed in each Service that shows the addresses decided for it: annotation and condition. */
function marked(world: World, { allocation }: Ledger): World {
  const services = new Map(world.services);
  for (const [key, one] of services) {
    const outcome = allocation.outcomes.get(key);
    if (outcome?.type === "assigned" && wantedIngress(one, outcome) === shownIngress(one)) {
      const patch = diffStatus(one, outcome, "2026-01-01T00:00:00Z");
      const { annotations = {} } = patch?.metadata ?? {};
      const { conditions } = patch?.status ?? {};
      services.set(key, {
        ...one,
        annotations: { ...one.annotations, ...withoutNulls(annotations) },
        conditions: conditions ?? one.conditions,
      });
    }
  }
  return { ...world, services };
}

function withoutNulls(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) => (value === null ? [] : [[key, value]])),
  );
}

test("amended step by step, a ledger is what a whole pass makes of the same Services", () => {
  let amendments = 0;
  let writes = 0;
  fc.assert(
    fc.property(
      start,
      fc.array(fc.array(anyStep, { minLength: 1, maxLength: 3 }), { maxLength: 40, size: "max" }),
      (first, batches) => {
        let world = { ...first };
        let ledger = wholePass(world, undefined);
        for (const batch of batches) {
          const before = world;
          world = marked(batch.reduce(change, world), ledger);
          const isNew = ({ key, uid }: Service, others: World) =>
            others.services.get(key)?.uid !== uid;
          const come = [...world.services.values()].filter((one) => isNew(one, before));
          const gone = [...before.services.values()].filter((one) => isNew(one, world));
          const isRest = [...world.services.values()].every((after) => {
            const known = before.services.get(after.key);
            const isOther = known !== after && !isNew(after, before);
            const written = { source: "watch", key: after.key, before: known, after } as const;
            return !isOther || !matters(written, ledger);
          });
          const whole = wholePass(
            world,
            batch.some(({ type }) => type === "restart") ? undefined : ledger,
          );
          const isSimple =
            isRest && world.pools === before.pools && !batch.some(({ type }) => type === "restart");
          const amended = isSimple ? amend(ledger, { come, gone }) : undefined;
          if (amended !== undefined) {
            amendments += come.length + gone.length;
            writes += [...world.services.values()].filter(
              ({ key, conditions }) =>
                conditions.length > 0 && before.services.get(key)?.conditions.length === 0,
            ).length;
            assertSame(amended, whole);
          }
          ledger = amended ?? whole;
          const services = [...world.services.values()];
          world = {
            ...world,
            allocation: ledger.allocation,
            sent: services.flatMap((one) => {
              const outcome = ledger.allocation.outcomes.get(one.key);
              return outcome === undefined ? [] : [{ service: one, outcome }];
            }),
          };
        }
      },
    ),
    { numRuns: 500 },
  );
  assert.ok(amendments > 500, `${amendments} Services came or went`);
  assert.ok(writes > 20, `${writes} writes of ours landed`);
});

const pools = [pool("p", ["10.0.0.0/30"])];

function ledgerOf(...services: readonly Service[]): Ledger {
  return finish(allocationSteps(snapshot(pools, services), nothingAllocated));
}

function addressOf(ledger: Ledger | undefined, { key }: Service): string | undefined {
  const outcome = ledger?.allocation.outcomes.get(key);
  return outcome?.type === "assigned" ? outcome.addresses[0]?.address.text : undefined;
}

test("who comes gets the lowest free address, also one that somebody just left", () => {
  const [a, b] = [withStatus(service("a"), "10.0.0.0"), withStatus(service("b"), "10.0.0.1")];
  const [c, d] = [service("c"), service("d")];
  const came = amend(ledgerOf(a, b), { come: [c], gone: [] });
  assert.equal(addressOf(came, c), "10.0.0.2");
  const swapped = amend(ledgerOf(a, b), { come: [d], gone: [a] });
  assert.equal(addressOf(swapped, d), "10.0.0.0");
  assert.equal(addressOf(swapped, a), undefined);
  const again = { ...a, uid: "another", ingress: [] };
  assert.equal(addressOf(amend(ledgerOf(a, b), { come: [again], gone: [a] }), again), "10.0.0.0");
});

test("where somebody waits, or more than an address is left behind, a whole pass decides", () => {
  const held = ["0", "1", "2", "3"].map((end) => withStatus(service(`a${end}`), `10.0.0.${end}`));
  const [first = service("none")] = held;
  const waiting = service("waiting");
  assert.equal(amend(ledgerOf(...held, waiting), { come: [], gone: [first] }), undefined);
  assert.equal(amend(ledgerOf(...held, waiting), { come: [service("x")], gone: [] }), undefined);
  assert.ok(amend(ledgerOf(...held, waiting), { come: [], gone: [waiting] }));
  const foreign = withStatus(service("b"), "10.0.0.2", "192.0.2.1");
  assert.equal(amend(ledgerOf(foreign), { come: [], gone: [foreign] }), undefined);
  assert.equal(amend(ledgerOf(), { come: [foreign], gone: [] }), undefined);
  const ofAnother = withStatus(service("c", { loadBalancerClass: "other" }), "10.0.0.2");
  assert.equal(amend(ledgerOf(ofAnother), { come: [], gone: [ofAnother] }), undefined);
});
