import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Service } from "../../src/cluster/service.ts";
import { allocationSteps, type Ledger } from "../../src/controller/allocate.ts";
import { amend } from "../../src/controller/amend.ts";
import { nothingAllocated, type Outcome } from "../../src/controller/outcome.ts";
import { shownIngress } from "../../src/controller/status.ts";
import { finish } from "../../src/controller/steps.ts";
import { anyStep, change, shown, start, type World } from "./allocation-world.ts";
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

/**
 * The Service shows what was decided for it, which is all that it wants, and showed the same addresses
 * before, or none: nothing is decided anew.
 */
function hasLanded(ledger: Ledger, before: Service, after: Service): boolean {
  const outcome = ledger.allocation.outcomes.get(after.key);
  return (
    (before.ingress.length === 0 || shownIngress(before) === shownIngress(after)) &&
    outcome?.type === "assigned" &&
    outcome.shortfall === undefined &&
    JSON.stringify(shown(before, outcome)) === JSON.stringify(after)
  );
}

test("amended step by step, a ledger is what a whole pass makes of the same Services", () => {
  let amendments = 0;
  fc.assert(
    fc.property(
      start,
      fc.array(fc.array(anyStep, { minLength: 1, maxLength: 3 }), { maxLength: 40, size: "max" }),
      (first, batches) => {
        let world = { ...first };
        let ledger = wholePass(world, undefined);
        for (const batch of batches) {
          const before = world;
          world = batch.reduce(change, world);
          const isNew = ({ key, uid }: Service, others: World) =>
            others.services.get(key)?.uid !== uid;
          const come = [...world.services.values()].filter((one) => isNew(one, before));
          const gone = [...before.services.values()].filter((one) => isNew(one, world));
          const isRest = [...world.services.values()].every((after) => {
            const known = before.services.get(after.key);
            return (
              known === after || isNew(after, before) || hasLanded(ledger, known ?? after, after)
            );
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
