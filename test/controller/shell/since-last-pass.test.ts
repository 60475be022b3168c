import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../../src/cluster/service.ts";
import { SinceLastPass } from "../../../src/controller/shell/since-last-pass.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { service } from "../fixtures.ts";

const one = service("a");

function coming(key: string) {
  return { source: "watch", key, before: undefined, after: one } as const;
}

test("who came and went is known by key, as it was, until more than that changes", () => {
  const since = new SinceLastPass(new ManualClock());
  assert.equal(since.comeOrGone, undefined, "before the first pass");
  since.start();
  assert.ok(since.takeComeOrGone(coming("x/a")));
  assert.ok(since.takeComeOrGone({ source: "watch", key: "x/b", before: one, after: undefined }));
  assert.ok(since.takeComeOrGone(coming("x/b")));
  const known: [string, Service | undefined][] = [
    ["x/a", undefined],
    ["x/b", one],
  ];
  assert.deepEqual([...(since.comeOrGone ?? [])], known);
  assert.equal(
    since.takeComeOrGone({ source: "watch", key: "x/a", before: one, after: one }),
    false,
  );
  since.takeAnything();
  assert.equal(since.comeOrGone, undefined);
  since.start();
  assert.deepEqual([...(since.comeOrGone ?? [])], []);
});

test("nothing is kept while nobody decides, and nobody has waited for that", () => {
  const clock = new ManualClock();
  const since = new SinceLastPass(clock);
  since.start();
  since.takeComeOrGone(coming("x/a"));
  since.forget();
  clock.advance(60_000);
  since.takeComeOrGone(coming("x/b"));
  assert.equal(since.comeOrGone, undefined);
  clock.advance(5);
  assert.equal(clock.now() - since.start(), 5);
  assert.deepEqual([...(since.comeOrGone ?? [])], []);
});
