import assert from "node:assert/strict";
import { test } from "node:test";
import type { EventNote } from "../../../src/kube/event-note.ts";
import { SessionEvents } from "../../../src/speaker/shell/session-events.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { node, sessionStatus } from "../fixtures.ts";

function setUp() {
  const clock = new ManualClock();
  const advance = (ms: number) => clock.advance(ms);
  const notes: EventNote[] = [];
  const events = new SessionEvents({
    clock,
    node: () => node(),
    record: (note) => notes.push(note),
  });
  return { events, advance, notes, clock };
}

const up = sessionStatus({ state: "Established" });
const down = sessionStatus({
  state: "Idle",
  lastError: { atWallTimeMs: 0, kind: "hold-timer-expired", text: "nothing heard for 90 s" },
});

test("a session that comes up and goes down gives one Event each, with the reason", () => {
  const { events, notes } = setUp();
  events.take(down);
  events.take(up);
  events.take(up);
  events.take(down);
  assert.deepEqual(
    notes.map(({ type, reason, part, message }) => [type, reason, part, message]),
    [
      ["Normal", "BGPSessionUp", "rack-a", "BGP session with rack-a is up"],
      [
        "Warning",
        "BGPSessionDown",
        "rack-a",
        "BGP session with rack-a is down: nothing heard for 90 s",
      ],
    ],
  );
  assert.equal(notes[0]?.subject.name, "node1");
  assert.equal(notes[0]?.subject.namespace, undefined);
});

test("a session that we replace because its configuration changed says so", () => {
  const { events, notes } = setUp();
  events.take(up);
  events.take(sessionStatus({ state: "Connect" }));
  assert.equal(
    notes.at(-1)?.message,
    "BGP session with rack-a is down: closed by this speaker, because the configuration of this peer changed",
  );
});

test("a flapping session gives no third Event within ten minutes, then says how it ended", () => {
  const { events, notes, advance } = setUp();
  for (const status of [up, down, up, down, up]) {
    events.take(status);
  }
  assert.equal(notes.length, 2);
  advance(599_000);
  assert.equal(notes.length, 2);
  advance(1_000);
  assert.deepEqual(
    notes.map(({ reason }) => reason),
    ["BGPSessionUp", "BGPSessionDown", "BGPSessionUp"],
  );
});

test("a session that is removed is forgotten, and its timer with it", () => {
  const { events, notes, advance, clock } = setUp();
  for (const status of [up, down, up]) {
    events.take(status);
  }
  assert.equal(clock.delays.length, 1);
  events.forget("rack-a");
  assert.deepEqual(clock.delays, []);
  advance(700_000);
  assert.equal(notes.length, 2);
});
