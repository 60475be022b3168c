import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReducedSlice } from "../../src/cluster/endpoint.ts";
import { SliceIndex } from "../../src/speaker/slice-index.ts";

const arbitrarySlice: fc.Arbitrary<ReducedSlice> = fc
  .record({ name: fc.constantFrom("a", "b", "c", "d"), service: fc.constantFrom("x", "y") })
  .map(({ name, service }) => ({
    key: `default/${name}`,
    serviceKey: `default/${service}`,
    family: "ipv4",
    local: [],
    readyNodes: [],
    endingNodes: [],
  }));

/** Keys of slices by Service, in one order. */
function keysByService(index: SliceIndex): Map<string, readonly string[]> {
  return new Map(
    [...index.byService]
      .map(([service, slices]): [string, readonly string[]] => [
        service,
        slices.map(({ key }) => key).toSorted(),
      ])
      .toSorted(([a], [b]) => (a < b ? -1 : 1)),
  );
}

test("after any changes the index is what it would be if it began anew", () => {
  fc.assert(
    fc.property(
      fc.array(arbitrarySlice),
      fc.array(fc.tuple(arbitrarySlice, fc.boolean())),
      (first, changes) => {
        const index = new SliceIndex();
        const held = new Map(first.map((slice) => [slice.key, slice]));
        index.replaceAll(held.values());
        for (const [slice, isDeleted] of changes) {
          const before = held.get(slice.key);
          if (isDeleted) {
            held.delete(slice.key);
          } else {
            held.set(slice.key, slice);
          }
          index.update(before, isDeleted ? undefined : slice);
        }
        const anew = new SliceIndex();
        anew.replaceAll(held.values());
        assert.deepEqual(keysByService(index), keysByService(anew));
        assert.ok([...index.byService.values()].every((slices) => slices.length > 0));
      },
    ),
  );
});

test("the list of a Service keeps its identity while another Service's slices change", () => {
  const slice = (name: string, service: string): ReducedSlice => ({
    key: `default/${name}`,
    serviceKey: `default/${service}`,
    family: "ipv4",
    local: [],
    readyNodes: [],
    endingNodes: [],
  });
  const index = new SliceIndex();
  index.replaceAll([slice("a", "x"), slice("b", "y")]);
  const list = index.byService.get("default/x");
  index.update(undefined, slice("c", "y"));
  assert.equal(index.byService.get("default/x"), list);
  assert.equal(index.byService.get("default/y")?.length, 2);
});
