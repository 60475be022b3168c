import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint } from "../../src/cluster/endpoint.ts";
import { reachableNodes, reachOf } from "../../src/speaker/endpoints.ts";
import { endpoint, slice } from "./fixtures.ts";

const arbitraryEndpoint: fc.Arbitrary<Endpoint> = fc.record(
  {
    address: fc.constantFrom("10.244.1.1", "10.244.1.2", "10.244.2.1"),
    nodeName: fc.constantFrom("node1", "node2", "node3"),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
  },
  { requiredKeys: ["address", "ready", "serving", "terminating"] },
);

test("a reduced slice says what the whole one said", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(arbitraryEndpoint, { maxLength: 4 }), { maxLength: 3 }),
      (lists) => {
        const slices = lists.map((endpoints) => slice("default/a", endpoints));
        const all = lists.flat();
        const ready = all.filter((one) => one.ready);
        const ending = all.filter((one) => !one.ready && one.serving && one.terminating);
        const usable = ready.length > 0 ? ready : ending;
        const isHere = (some: readonly Endpoint[]) => some.some((one) => one.nodeName === "node1");
        assert.deepEqual(reachOf(slices, "ipv4"), {
          anywhere: usable.length > 0,
          here: isHere(usable),
          isEnding: ready.length > 0 && !isHere(ready) && isHere(ending),
        });
        const nodes = usable.flatMap(({ nodeName }) => (nodeName === undefined ? [] : [nodeName]));
        assert.deepEqual(reachableNodes(slices, "ipv4"), new Set(nodes));
        assert.deepEqual(reachOf(slices, "ipv6").anywhere, false);
      },
    ),
  );
});

test("the order of endpoints, and those of other nodes that come and go, change nothing", () => {
  const [here, there] = [endpoint("node1"), endpoint("node2")];
  const before = slice("default/a", [here, there]);
  assert.deepEqual(slice("default/a", [there, here]), before);
  assert.deepEqual(slice("default/a", [here, endpoint("node2"), endpoint("node2")]), before);
  assert.deepEqual(slice("default/a", [here, there, endpoint("node1", "not-ready")]), before);
});
