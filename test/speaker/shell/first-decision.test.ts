import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { listOf, recordOf } from "../../../src/kube/json.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { endpoint, node, service, slice } from "../fixtures.ts";
import { fillStores, setUp } from "./running-speaker.ts";

/** A second look at it comes after the time that a piece of the first decision may take. */
class SlowClock extends ManualClock {
  #looksMs = 0;

  override now(): number {
    this.#looksMs += 6;
    return super.now() + this.#looksMs;
  }
}

test("a drain that ends while the first decision is made leaves no Service out of it", {
  timeout: 20_000,
}, async (t) => {
  const setup = await setUp(t, new SlowClock());
  const { stores } = setup.speaker;
  const others = Array.from({ length: 400 }, (_, index) =>
    service(`s${index}`, [`172.16.7.${192 + (index % 60)}`]),
  );
  const ends = service("ends", ["172.16.7.255"], { externalTrafficPolicy: "Local" });
  fillStores(setup, [...others, ends]);
  const states = [endpoint("node1", "ending"), endpoint("node2")];
  const [key] = [...stores.slices.entries.values()]
    .filter(({ serviceKey }) => serviceKey === ends.key)
    .map((each) => each.key);
  assert.ok(key);
  stores.slices.applyWatchEvent(key, "2", { ...slice(ends.key, states), key });
  await turn();
  stores.nodes.applyWatchEvent("node1", "2", node({ drainAnnotation: "true" }));
  await turn();
  stores.nodes.applyWatchEvent("node1", "3", node());
  while (setup.speaker.whyNotReady().includes("nothing was decided yet")) {
    await turn();
  }
  const { services } = recordOf({ ...setup.speaker.state() });
  const left = listOf(services).filter((each) => listOf(recordOf(each)["advertised"]).length === 0);
  assert.deepEqual(left, []);
});
