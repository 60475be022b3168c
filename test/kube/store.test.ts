import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Store, type StoreChange } from "../../src/kube/store.ts";

interface Thing {
  readonly colour: string;
}

function recorded(store: Store<Thing>): StoreChange<Thing>[] {
  const changes: StoreChange<Thing>[] = [];
  store.onChange((change) => changes.push(change));
  return changes;
}

const red = { colour: "red" };
const blue = { colour: "blue" };

test("a list replaces everything in one step and names what is missing", () => {
  const store = new Store<Thing>();
  assert.equal(store.isSynced, false);
  store.replace(
    new Map([
      ["a", red],
      ["b", blue],
    ]),
    "10",
  );
  assert.equal(store.isSynced, true);
  const changes = recorded(store);
  const before = store.entries;
  store.replace(
    new Map([
      ["b", blue],
      ["c", red],
    ]),
    "20",
  );
  assert.deepEqual([...store.entries.keys()], ["b", "c"]);
  assert.deepEqual(changes, [{ source: "list", before, missing: new Map([["a", red]]) }]);
});

test("our own write is seen at once, and an older event does not undo it", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  store.applyOwnWrite("a", "15", blue);
  assert.equal(store.entries.get("a"), blue);
  store.applyWatchEvent("a", "12", { colour: "green" });
  assert.equal(store.entries.get("a"), blue);
  store.applyWatchEvent("a", "15", { colour: "blue" });
  assert.equal(store.entries.get("a"), blue);
  store.applyWatchEvent("a", "16", { colour: "green" });
  assert.equal(store.entries.get("a")?.colour, "green");
});

test("only the event that our own write made is its echo, and it is one once", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  store.applyOwnWrite("a", "15", blue);
  const changes = recorded(store);
  assert.equal(store.takeEcho("a", "14"), false);
  assert.equal(store.takeEcho("b", "15"), false);
  assert.equal(store.takeEcho("a", "15"), true);
  assert.equal(store.takeEcho("a", "15"), false);
  assert.deepEqual(changes, []);
  store.applyOwnWrite("a", "15", red);
  assert.equal(store.entries.get("a"), blue, "the watch is past that version");
});

test("an echo keeps a list that fills the Store from bringing back what was before", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  const fill = store.beginFill();
  store.applyOwnWrite("a", "15", blue);
  assert.equal(store.takeEcho("a", "15"), true);
  fill(new Map([["a", red]]), "14");
  assert.equal(store.entries.get("a"), blue);
});

test("an event of the version of a list that filled the Store is no echo", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  store.beginFill()(new Map([["a", blue]]), "15");
  assert.equal(store.takeEcho("a", "15"), false);
  store.applyOwnWrite("a", "16", red);
  assert.equal(store.takeEcho("a", "16"), true);
});

test("the answer to a write that the watch has already passed changes nothing", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  store.applyWatchEvent("a", "12", undefined);
  const changes = recorded(store);
  store.applyOwnWrite("a", "11", blue);
  assert.equal(store.entries.has("a"), false);
  assert.deepEqual(changes, []);
});

test("an older list keeps our own newer writes, a newer one does not", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "99");
  store.applyOwnWrite("a", "105", blue);
  store.applyOwnWrite("new", "106", blue);
  store.replace(new Map([["a", red]]), "104");
  assert.deepEqual(
    [...store.entries],
    [
      ["a", blue],
      ["new", blue],
    ],
  );
  store.replace(new Map([["a", red]]), "107");
  assert.deepEqual([...store.entries], [["a", red]]);
});

test("what filled the Store while a list was on its way is not lost with it, if it is as new", () => {
  const store = new Store<Thing>();
  store.replace(new Map(), "10");
  const fill = store.beginFill();
  fill(new Map([["passed-over", red]]), "12");
  store.replace(new Map([["a", blue]]), "12");
  assert.deepEqual([...store.entries.keys()].toSorted(), ["a", "passed-over"]);
  store.replace(new Map([["a", blue]]), "13");
  assert.deepEqual([...store.entries.keys()], ["a"]);
});

test("a bookmark beyond our own write ends its special standing", () => {
  const store = new Store<Thing>();
  store.replace(new Map(), "10");
  store.applyOwnWrite("a", "12", blue);
  store.advance("13");
  store.replace(new Map(), "13");
  assert.equal(store.entries.has("a"), false);
});

test("a projection that did not change keeps its identity and is not reported", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  const changes = recorded(store);
  store.applyWatchEvent("a", "11", { colour: "red" });
  assert.equal(store.entries.get("a"), red);
  assert.equal(store.keepIdentity("a", { colour: "red" }), red);
  assert.deepEqual(changes, []);
});

test("a listener that ended is not called any more", () => {
  const store = new Store<Thing>();
  let calls = 0;
  const end = store.onChange(() => {
    calls += 1;
  });
  store.applyWatchEvent("a", "1", red);
  end();
  store.applyWatchEvent("a", "2", blue);
  assert.equal(calls, 1);
});

/**
 * A server with one history of writes, some of them ours. The watch brings them in order; the
 * answers to our own arrive at any time.
 */
test("in whatever order answers and events arrive, the newest that arrived is held", () => {
  const write = fc.record({
    key: fc.constantFrom("a", "b"),
    isDeleted: fc.boolean(),
    isOurs: fc.boolean(),
    answeredAfter: fc.nat(6),
  });
  fc.assert(
    fc.property(fc.array(write, { maxLength: 12 }), (writes) => {
      const store = new Store<Thing>();
      store.replace(new Map(), "0");
      const arrived = new Map<string, { version: number; value: Thing | undefined }>();
      const note = (key: string, version: number, value: Thing | undefined) => {
        if (version >= (arrived.get(key)?.version ?? 0)) {
          arrived.set(key, { version, value });
        }
      };
      const value = (index: number) =>
        writes[index]?.isDeleted === true ? undefined : { colour: `version ${index + 1}` };
      for (let step = 0; step < writes.length + 7; step += 1) {
        writes.forEach(({ key, isOurs, answeredAfter }, index) => {
          const answer = value(index);
          // An answer may come up to three steps before its event, or after.
          if (isOurs && answer !== undefined && index + answeredAfter - 3 === step) {
            note(key, index + 1, answer);
            store.applyOwnWrite(key, String(index + 1), answer);
          }
        });
        const event = writes[step];
        if (event !== undefined) {
          note(event.key, step + 1, value(step));
          store.applyWatchEvent(event.key, String(step + 1), value(step));
        }
        for (const [key, { value: expected }] of arrived) {
          assert.deepEqual(store.entries.get(key), expected);
        }
      }
    }),
  );
});

test("a fill takes in what was passed over, but for what the watch named meanwhile", () => {
  const store = new Store<Thing>();
  store.replace(new Map([["a", red]]), "10");
  const fill = store.beginFill();
  store.applyWatchEvent("b", "14", undefined);
  store.applyWatchEvent("c", "15", { colour: "green" });
  fill(
    new Map([
      ["b", blue],
      ["c", blue],
      ["d", blue],
    ]),
    "13",
  );
  assert.equal(store.entries.has("b"), false);
  assert.equal(store.entries.get("c")?.colour, "green");
  assert.equal(store.entries.get("d"), blue);
  store.applyWatchEvent("d", "12", red);
  assert.equal(store.entries.get("d"), blue);
  store.applyWatchEvent("d", "16", undefined);
  assert.equal(store.entries.has("d"), false);
});
