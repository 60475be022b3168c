import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { NotificationError } from "../../src/bgp/codec/error.ts";
import type { Notification } from "../../src/bgp/codec/notification.ts";
import type { Open } from "../../src/bgp/codec/open.ts";
import { transition } from "../../src/bgp/fsm.ts";
import type { Action, Event, FsmSettings, State, TimerName } from "../../src/bgp/fsm-types.ts";
import type { Negotiated } from "../../src/bgp/negotiate.ts";
import { makeAddress } from "../../src/net/address.ts";

const settings: FsmSettings = {
  connectTimeSeconds: 10,
  openTimeSeconds: 30,
  sendHoldTimeSeconds: 480,
};

const open: Open = {
  type: "OPEN",
  asn: 64522,
  holdTimeSeconds: 90,
  routerId: makeAddress("ipv4", 1n),
  capabilities: [],
};

function negotiatedWith(holdTimeSeconds: number): Negotiated {
  return {
    peerAsn: 64512,
    peerRouterId: makeAddress("ipv4", 2n),
    internal: false,
    holdTimeSeconds,
    keepaliveTimeSeconds: holdTimeSeconds / 3,
    families: ["ipv4"],
    fourOctetAsn: true,
    routeRefresh: true,
    enhancedRouteRefresh: true,
    extendedMessages: true,
    extendedNextHop: false,
  };
}

const negotiated = negotiatedWith(90);

function cease(subcode: number): Notification {
  return { type: "NOTIFICATION", code: 6, subcode, data: new Uint8Array() };
}

const update = {
  type: "UPDATE",
  withdrawn: [],
  attributes: { unknown: [] },
  nlri: [],
  malformed: [],
  treatAsWithdraw: false,
} as const;

const timers: readonly TimerName[] = ["ConnectRetry", "Hold", "Keepalive", "SendHold"];

/** One event of each kind, with the numbers of RFC 4271 §8.1 and RFC 9687 §3.1. */
function eventsWith(negotiated: Negotiated): readonly (readonly [string, Event])[] {
  return [
    ["1 start", { type: "start" }],
    ["4 start-passively", { type: "start-passively" }],
    ["2 stop", { type: "stop", cease: cease(2) }],
    ["2 stop-for-restart", { type: "stop-for-restart" }],
    ["8 automatic-stop", { type: "automatic-stop", cease: cease(10), text: "BFD" }],
    ...timers.map((timer, index): readonly [string, Event] => [
      `${[9, 10, 11, 29][index]} ${timer} expired`,
      { type: "timer-expired", timer },
    ]),
    ["16 tcp-connected", { type: "tcp-connected", open }],
    ["18 tcp-closed", { type: "tcp-closed" }],
    ["19 open-received", { type: "open-received", negotiated }],
    ["22 protocol-error", { type: "protocol-error", error: new NotificationError(2, 2, "AS 1") }],
    ["23 collision-lost", { type: "collision-lost", cease: cease(7) }],
    ["25 notification-received", { type: "notification-received", notification: cease(4) }],
    ["26 keepalive-received", { type: "keepalive-received" }],
    ["27 update-received", { type: "update-received", update }],
    [
      "   route-refresh-received",
      {
        type: "route-refresh-received",
        refresh: { type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: 0 },
      },
    ],
    ["   updates-sent", { type: "updates-sent" }],
    ["   output-drained", { type: "output-drained" }],
  ];
}

const states: readonly State[] = [
  { name: "Idle" },
  { name: "Connect" },
  { name: "Active" },
  { name: "OpenSent" },
  { name: "OpenConfirm", negotiated },
  { name: "Established", negotiated },
];

function printed(action: Action): string {
  switch (action.type) {
    case "connect":
      return "connect";
    case "session-up":
      return "session up";
    case "disconnect":
      return action.flush ? "close" : "drop TCP";
    case "send": {
      const { message } = action;
      return message.type === "NOTIFICATION"
        ? `send NOTIFICATION ${message.code}/${message.subcode}`
        : `send ${message.type}`;
    }
    case "start-timer":
      return `start ${action.timer} ${action.seconds}`;
    case "stop-timer":
      return `stop ${action.timer}`;
    case "session-down":
      return "session down";
    case "deliver":
      return `deliver ${action.message.type}`;
    case "failed":
      return `failed: ${action.reason.type}${action.retry === "none" ? "" : `, retry by ${action.retry}`}`;
  }
}

test("every state with every event does what the table says", (t) => {
  const lines: string[] = [];
  for (const state of states) {
    lines.push(`${state.name}:`);
    for (const [title, event] of eventsWith(negotiated)) {
      const { state: next, actions } = transition(settings, state, event);
      const to = next.name === state.name ? "" : ` -> ${next.name}`;
      const did = actions.map(printed).join("; ");
      lines.push(`  ${title}${to}${did === "" && to === "" ? " -" : ""}${did && `: ${did}`}`);
    }
    lines.push("");
  }
  const file = join(import.meta.dirname, "../golden/fsm-table.txt");
  t.assert.fileSnapshot(lines.join("\n"), file, { serializers: [(text) => text] });
});

/** Runs the events from Idle and gives each step with the timers that run after it. */
function* run(events: readonly Event[]) {
  let state: State = { name: "Idle" };
  const running = new Set<TimerName>();
  for (const event of events) {
    const before = state;
    const { state: next, actions } = transition(settings, state, event);
    state = next;
    for (const action of actions) {
      if (action.type === "start-timer") {
        running.add(action.timer);
      } else if (action.type === "stop-timer") {
        running.delete(action.timer);
      }
    }
    if (event.type === "timer-expired") {
      running.delete(event.timer);
      for (const action of actions) {
        if (action.type === "start-timer" && action.timer === event.timer) {
          running.add(action.timer);
        }
      }
    }
    yield { before, state, event, actions, running };
  }
}

function anyEvents(holdTimeSeconds: number): fc.Arbitrary<Event[]> {
  const all = eventsWith(negotiatedWith(holdTimeSeconds)).map(([, event]) => event);
  // Often enough the events that lead on, so that runs get to Established.
  const onward = all.filter(({ type }) =>
    ["start", "tcp-connected", "open-received", "keepalive-received"].includes(type),
  );
  return fc.array(fc.oneof(fc.constantFrom(...onward), fc.constantFrom(...all)), {
    maxLength: 60,
  });
}

test("Idle leaves no timer running, whatever happened", () => {
  fc.assert(
    fc.property(anyEvents(90), (events) => {
      for (const { state, running } of run(events)) {
        if (state.name === "Idle") {
          assert.deepEqual([...running], []);
        }
      }
    }),
  );
});

test("nothing is sent after a disconnect before TCP is up again", () => {
  fc.assert(
    fc.property(anyEvents(90), (events) => {
      let isUp = false;
      for (const { event, actions } of run(events)) {
        isUp ||= event.type === "tcp-connected";
        for (const action of actions) {
          assert.ok(action.type !== "send" || isUp);
          isUp &&= action.type !== "disconnect";
        }
      }
    }),
  );
});

test("with Hold Time 0 neither Hold nor Keepalive nor SendHold runs once OPEN was received", () => {
  fc.assert(
    fc.property(anyEvents(0), (events) => {
      for (const { state, running } of run(events)) {
        if (state.name === "OpenConfirm" || state.name === "Established") {
          assert.deepEqual([...running], []);
        }
      }
    }),
  );
});

test("session up and session down alternate, and Established lies between them", () => {
  fc.assert(
    fc.property(anyEvents(90), (events) => {
      let isUp = false;
      for (const { state, actions } of run(events)) {
        for (const action of actions) {
          assert.ok(action.type !== "session-up" || !isUp);
          assert.ok(action.type !== "session-down" || isUp);
          isUp = action.type === "session-up" || (isUp && action.type !== "session-down");
        }
        assert.equal(state.name === "Established", isUp);
      }
    }),
  );
});

test("a NOTIFICATION is never answered with one (RFC 4271 §6.4)", () => {
  fc.assert(
    fc.property(anyEvents(90), (events) => {
      for (const { event, actions } of run(events)) {
        if (event.type === "notification-received") {
          assert.ok(actions.every(({ type }) => type !== "send"));
        }
      }
    }),
  );
});
