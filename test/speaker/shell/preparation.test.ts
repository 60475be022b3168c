import assert from "node:assert/strict";
import { test } from "node:test";
import { decideRoutes } from "../../../src/speaker/decide.ts";
import { Preparation } from "../../../src/speaker/shell/preparation.ts";
import { standingIn } from "../../../src/speaker/standing.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { service, snapshot } from "../fixtures.ts";

/** Time passes whenever it is looked at. */
class TiringClock extends ManualClock {
  override now(): number {
    this.advance(4);
    return super.now();
  }
}

function manyServices() {
  return snapshot(
    Array.from({ length: 500 }, (_, index) =>
      service(`svc${index}`, [`172.16.7.${192 + (index % 64)}`], {
        type: index % 2 === 0 ? "LoadBalancer" : "ClusterIP",
      }),
    ),
  );
}

test("thousands of Services are prepared in pieces, until all are", () => {
  const preparation = new Preparation(manyServices());
  const clock = new TiringClock();
  let pieces = 1;
  while (!preparation.run(clock)) {
    pieces += 1;
  }
  assert.ok(pieces > 3, `${pieces} pieces`);
  assert.ok(preparation.run(clock));
});

test("what was prepared is what a decision finds, and changes nothing of it", () => {
  const given = manyServices();
  const expected = decideRoutes(structuredClone(given), [{ name: "a", entryName: "a" }]);
  assert.ok(new Preparation(given).run(new ManualClock()));
  const [first] = given.services.values();
  assert.ok(first !== undefined);
  assert.equal(standingIn(given, first), standingIn(given, first));
  assert.deepEqual(decideRoutes(given, [{ name: "a", entryName: "a" }]), expected);
});

test("a Service that comes or goes meanwhile does no harm", () => {
  const given = manyServices();
  const services = new Map(given.services);
  const preparation = new Preparation({ ...given, services });
  const clock = new TiringClock();
  preparation.run(clock);
  services.delete("default/svc400");
  services.set("default/new", service("new"));
  while (!preparation.run(clock)) {
    // Goes on.
  }
  assert.equal(services.size, 500);
});
