import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Route } from "../../src/bgp/route.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import { countWithdrawals, isMassWithdrawal } from "../../src/speaker/guard.ts";

function routes(numbers: Iterable<number>): readonly Route[] {
  return [...new Set(numbers)].map((number) => {
    const prefix = parsePrefix(`10.0.0.${number}/32`) ?? assert.fail();
    const attributes = { localPref: 100, prepend: 0, communities: [], largeCommunities: [] };
    return { prefix, attributes };
  });
}

test("only what the change itself takes away from what is advertised counts", () => {
  const of = (...numbers: number[]) => new Map([["a", routes(numbers)]]);
  const found = countWithdrawals(of(1, 2, 3), of(2, 3, 4), of(3, 5));
  assert.deepEqual(found, { withdrawn: 1, advertised: 3 });
});

test("each session counts by itself; one that is gone has nothing", () => {
  const both = new Map([
    ["a", routes([1, 2])],
    ["b", routes([1, 2])],
  ]);
  const one = new Map([["a", routes([1, 2])]]);
  assert.deepEqual(countWithdrawals(both, both, one), { withdrawn: 2, advertised: 4 });
});

test("fewer than ten are never too many, nor is the share itself", () => {
  assert.ok(!isMassWithdrawal({ withdrawn: 9, advertised: 9 }, 0.5));
  assert.ok(isMassWithdrawal({ withdrawn: 10, advertised: 10 }, 0.5));
  assert.ok(!isMassWithdrawal({ withdrawn: 10, advertised: 20 }, 0.5));
  assert.ok(isMassWithdrawal({ withdrawn: 11, advertised: 20 }, 0.5));
  assert.ok(!isMassWithdrawal({ withdrawn: 20, advertised: 20 }, 1));
});

test("a change that takes nothing away withdraws nothing; none withdraws more than there is", () => {
  const some = fc.array(fc.nat({ max: 20 })).map((numbers) => new Map([["a", routes(numbers)]]));
  fc.assert(
    fc.property(some, some, some, (advertised, kept, changed) => {
      assert.equal(countWithdrawals(advertised, kept, kept).withdrawn, 0);
      const { withdrawn, advertised: all } = countWithdrawals(advertised, kept, changed);
      assert.ok(withdrawn <= all);
    }),
  );
});
