import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReducedSlice } from "../../src/cluster/endpoint.ts";
import type { Service } from "../../src/cluster/service.ts";
import type { Arrivals, Ending, SentWeight, SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { diffAdvertised } from "../../src/speaker/changes.ts";
import { type Decision, decideRoutes } from "../../src/speaker/decide.ts";
import { keepRoutes } from "../../src/speaker/kept-routes.ts";
import type { DecisionPeer } from "../../src/speaker/peer-groups.ts";
import { type Question, Redecider } from "../../src/speaker/redecide.ts";
import { nextSentWeights } from "../../src/speaker/weights.ts";
import {
  advertisement,
  config,
  endpoint,
  node,
  pool,
  range,
  service,
  slice,
  snapshot,
} from "./fixtures.ts";

const names = Array.from({ length: 24 }, (_, index) => `svc${index}`);
const peers = ["rack-a", "rack-b"].map((name) => ({ name, entryName: name }));

/** Alone and weighed; with aggregates that several Services lead to; for one of the peers. */
const configs = [
  config({
    pools: [pool({ ranges: [range("172.16.0.0/16"), range("2001:db8::/64")], weights: true })],
  }),
  config({
    pools: [
      pool({
        ranges: [range("172.16.0.0/16")],
        advertisements: [
          advertisement({ aggregationLength: 28, peers: ["rack-a"] }),
          advertisement({ localPref: 50 }),
        ],
      }),
    ],
  }),
  config({
    pools: [
      pool({
        ranges: [range("172.16.0.0/16")],
        advertisements: [advertisement({ peers: ["rack-a"] })],
      }),
    ],
  }),
];

interface Change {
  readonly name: string;
  /** undefined: the Service goes. */
  readonly service:
    | {
        readonly ips: readonly string[];
        readonly policy: "Cluster" | "Local";
        /** Its annotations ask for what the pool does not grant. */
        readonly asks?: boolean;
      }
    | undefined;
  readonly states: readonly (readonly [
    nodeName: string,
    state: "ready" | "ending" | "not-ready",
  ])[];
}

const arbitraryChange: fc.Arbitrary<Change> = fc.record({
  name: fc.constantFrom(...names.slice(0, 5)),
  service: fc.option(
    fc.record({
      ips: fc.uniqueArray(
        fc.nat({ max: 50 }).map((host) => (host > 40 ? `2001:db8::${host}` : `172.16.7.${host}`)),
        { maxLength: 2 },
      ),
      policy: fc.constantFrom("Cluster" as const, "Local" as const),
      asks: fc.boolean(),
    }),
    { nil: undefined, freq: 6 },
  ),
  states: fc.array(
    fc.tuple(
      fc.constantFrom("node1", "node2"),
      fc.constantFrom("ready" as const, "ready" as const, "ending" as const, "not-ready" as const),
    ),
    { maxLength: 3 },
  ),
});

/** What bears upon every Service, or upon some that did not change. */
const rests = {
  same: {},
  "node-out": { node: node({ networkUnavailable: true }) },
  "other-class": { loadBalancerClass: { name: "other", isDefault: false } },
  "dataplane-down": { dataplane: { isNodeUnhealthy: true, unhealthyServices: new Set<string>() } },
  "first-down": unhealthy("svc0", "svc1"),
  "second-down": unhealthy("svc2", "svc8"),
  "one-peer": {},
  "other-peer": {},
  "other-entries": {},
} as const satisfies Record<string, Partial<SpeakerSnapshot>>;
type Rest = keyof typeof rests;

function unhealthy(...names: readonly string[]): Pick<SpeakerSnapshot, "dataplane"> {
  const unhealthyServices = new Set(names.map((name) => `default/${name}`));
  return { dataplane: { isNodeUnhealthy: false, unhealthyServices } };
}

function peersOf({ rest, isLeaving }: Pick<Turn, "rest" | "isLeaving">): readonly DecisionPeer[] {
  const [first, second] = peers.map((peer) => ({ ...peer, isLeaving }));
  assert.ok(first && second);
  const others: Partial<Record<Rest, readonly DecisionPeer[]>> = {
    "one-peer": [first],
    "other-peer": [first, { ...second, name: "rack-c" }],
    "other-entries": [
      { ...first, entryName: second.entryName },
      { ...second, entryName: first.entryName },
    ],
  };
  return others[rest] ?? [first, second];
}

interface Turn {
  readonly changes: readonly Change[];
  /** By the clock since the turn before. */
  readonly passedMs: number;
  readonly config: number;
  readonly isDraining: boolean;
  readonly rest: Rest;
  readonly isLeaving: boolean;
  /** What another configuration advertises stays, over one session more. */
  readonly isKeeping: boolean;
  readonly isServedElsewhere: boolean;
  /** kube-proxy says now that it has rules for all that waits. */
  readonly isConfirmed: boolean;
}

const seldom = fc.nat({ max: 9 }).map((value) => value === 0);

function isRest(text: string): text is Rest {
  return Object.hasOwn(rests, text);
}

const arbitraryTurn: fc.Arbitrary<Turn> = fc.record({
  changes: fc.array(arbitraryChange, { maxLength: 3 }),
  passedMs: fc.constantFrom(0, 500, 2_500, 31_000),
  config: fc.nat({ max: 19 }).map((value) => (value === 0 ? 1 : 0)),
  isDraining: seldom,
  rest: fc.oneof(
    { weight: 4, arbitrary: fc.constant("same" as const) },
    { weight: 1, arbitrary: fc.constantFrom(...Object.keys(rests).filter(isRest)) },
  ),
  isLeaving: seldom,
  isKeeping: fc.boolean(),
  isServedElsewhere: fc.boolean(),
  isConfirmed: fc.boolean(),
});

/** A cluster over time, as the shell hands it to decisions. */
class World {
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, readonly ReducedSlice[]>();
  readonly #node = node();
  #base = snapshot([]);
  #nowMs = 0;
  #weights: ReadonlyMap<string, SentWeight> = new Map();
  #endings: ReadonlyMap<string, Ending> = new Map();
  /** Absent: nothing was decided yet. */
  #arrivals: Arrivals | undefined;

  take(turn: Turn, configOffset: number): { snapshot: SpeakerSnapshot; changed: Set<string> } {
    this.#nowMs += turn.passedMs;
    const changed = new Set<string>();
    for (const change of turn.changes) {
      const key = `default/${change.name}`;
      changed.add(key);
      if (change.service === undefined) {
        this.#services.delete(key);
        this.#slices.delete(key);
      } else {
        const { ips, policy, asks = false } = change.service;
        this.#services.set(
          key,
          service(change.name, ips, {
            externalTrafficPolicy: policy,
            healthCheckNodePort: 30_000,
            annotations: asks ? { "routelb.io/med": "7" } : {},
          }),
        );
        const endpoints = change.states.map(([nodeName, state]) => endpoint(nodeName, state));
        this.#slices.set(key, [slice(key, endpoints), slice(key, endpoints, "ipv6")]);
      }
    }
    this.#base = {
      ...this.#base,
      config: configs[(turn.config + configOffset) % configs.length] ?? this.#base.config,
      node: this.#node,
      services: this.#services,
      endpointSlices: this.#slices,
      nowMs: this.#nowMs,
      weights: this.#weights,
      endings: this.#endings,
      ...(this.#arrivals === undefined ? {} : { arrivals: this.#arrivals }),
    };
    const given = {
      ...this.#base,
      ...(turn.isDraining ? { drain: { cause: "annotation" as const, sinceMs: 0 } } : {}),
      ...rests[turn.rest],
    };
    return { snapshot: given, changed };
  }

  follow(decision: Decision, { isServedElsewhere, isConfirmed }: Turn): void {
    this.#arrivals = {
      advertised: decision.advertised,
      routes: decision.routes,
      confirmed: new Set(isConfirmed ? decision.arrivals.keys() : []),
    };
    this.#weights = nextSentWeights(this.#weights, decision.weights, this.#nowMs);
    this.#endings = new Map(
      [...decision.endings.keys()].map((key) => [
        key,
        this.#endings.get(key) ??
          (isServedElsewhere ? { servedElsewhereSinceMs: this.#nowMs } : {}),
      ]),
    );
  }
}

function keptBeside(now: SpeakerSnapshot, asked: readonly DecisionPeer[]): Question {
  const next = configs[(configs.indexOf(now.config) + 1) % configs.length] ?? now.config;
  const more = { name: "rack-d", entryName: "rack-d" };
  const { arrivals: _, ...rest } = now;
  return { snapshot: { ...rest, config: next }, peers: [...asked, more] };
}

/** Maps as objects: their order means nothing, that of routes does. */
function plain({ routes, ...maps }: Decision): object {
  const asObject = (map: ReadonlyMap<string, unknown>) => Object.fromEntries(map);
  return {
    ...Object.fromEntries(Object.entries(maps).map(([name, map]) => [name, asObject(map)])),
    routes: Object.fromEntries(
      [...routes].map(([peer, list]) => [
        peer,
        list.map(({ prefix, attributes }) => [prefix.key, attributes]),
      ]),
    ),
  };
}

test("what is decided about some Services is what a whole pass decides, whatever changed before", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryTurn, { minLength: 2, maxLength: 12 }),
      fc.nat({ max: configs.length - 1 }),
      (turns, offset) => {
        const world = new World();
        const redecider = new Redecider();
        const populated = names.map((name, index) => ({
          name,
          service: { ips: [`172.16.7.${index}`], policy: "Local" as const },
          states: [["node1", "ready"] as const],
        }));
        let advertised: Decision["advertised"] = new Map();
        for (const [index, turn] of turns.entries()) {
          const isFirst = index === 0;
          const given = isFirst ? { ...turn, changes: populated } : turn;
          const { snapshot: now, changed } = world.take(given, offset);
          const asked = peersOf(turn);
          const kept = given.isKeeping ? keptBeside(now, asked) : undefined;
          const own = decideRoutes(now, asked);
          const whole =
            kept === undefined ? own : keepRoutes(own, decideRoutes(kept.snapshot, kept.peers));
          const { decision, diff } = redecider.decide(
            now,
            asked,
            isFirst ? "anything" : changed,
            kept,
          );
          assert.deepEqual(plain(decision), plain(whole));
          assert.deepEqual(sorted(diff), sorted(diffAdvertised(advertised, whole.advertised)));
          advertised = whole.advertised;
          world.follow(decision, turn);
        }
      },
    ),
    { numRuns: 400 },
  );
});

function sorted({ added, removed }: ReturnType<typeof diffAdvertised>): readonly string[][] {
  return [added, removed].map((list) =>
    list.map(({ service: key, ip }) => `${key} ${ip}`).toSorted(),
  );
}

test("sessions share a list of routes, the very same as long as nothing of it changes", () => {
  const services = names.map((name, index) => service(name, [`172.16.7.${192 + index}`]));
  const before = snapshot(services);
  const redecider = new Redecider();
  const { decision } = redecider.decide(before, peers, "anything");
  const [first] = services;
  assert.ok(first);
  const labelled = { ...first, labels: { other: "label" } };
  const after = { ...before, services: new Map([...before.services, [first.key, labelled]]) };
  const again = redecider.decide(after, peers, new Set([first.key])).decision;
  assert.equal(again.routes.get("rack-a"), decision.routes.get("rack-a"));
  assert.equal(again.routes.get("rack-a"), again.routes.get("rack-b"));
  const gone = { ...after, services: new Map([...after.services].slice(1)) };
  const { routes } = redecider.decide(gone, peers, new Set([first.key])).decision;
  assert.notEqual(routes.get("rack-a"), decision.routes.get("rack-a"));
  assert.equal(routes.get("rack-a"), routes.get("rack-b"));
});

test("a weight that rests is looked at again when its time has come, though nothing changed", () => {
  const world = new World();
  const redecider = new Redecider();
  const turn = {
    changes: [],
    passedMs: 0,
    config: 0,
    isDraining: false,
    rest: "same",
    isLeaving: false,
    isKeeping: false,
    isServedElsewhere: false,
    isConfirmed: true,
  } as const;
  const scaled = (count: number): Change => ({
    name: "svc0",
    service: { ips: ["172.16.7.1"], policy: "Local" },
    states: Array.from({ length: count }, () => ["node1", "ready"] as const),
  });
  const others = names.slice(1).map((name, index) => ({
    ...scaled(1),
    name,
    service: { ips: [`172.16.7.${100 + index}`], policy: "Local" as const },
  }));
  const counts = [
    { ...turn, changes: [scaled(1), ...others] },
    { ...turn, changes: [scaled(2)], passedMs: 1_000 },
    { ...turn, changes: [scaled(3)], passedMs: 1_000 },
    { ...turn, passedMs: 31_000 },
  ].map((given, index) => {
    const { snapshot: now, changed } = world.take(given, 0);
    const { decision } = redecider.decide(now, peers, index === 0 ? "anything" : changed);
    assert.deepEqual(plain(decision), plain(decideRoutes(now, peers)));
    world.follow(decision, { ...turn, ...given });
    return decision.weights.get("172.16.7.1")?.count;
  });
  assert.deepEqual(counts, [1, 2, 2, 3]);
});

test("what was prepared piece by piece is what a whole pass decides", () => {
  fc.assert(
    fc.property(
      fc.array(arbitraryTurn, { minLength: 2, maxLength: 4 }),
      fc.integer({ min: 1, max: 9 }),
      (turns, size) => {
        const world = new World();
        const redecider = new Redecider();
        const [first, ...rest] = turns;
        assert.ok(first);
        const { snapshot: now, changed: all } = world.take(
          { ...first, changes: turns.flatMap(({ changes }) => changes) },
          0,
        );
        let isSame = true;
        for (let start = 0; start < all.size; start += size) {
          isSame &&= redecider.prepare(now, peers, [...all].slice(start, start + size));
        }
        assert.equal(isSame, now.drain === undefined || all.size === 0);
        // Meanwhile something happened.
        const missed = new Set<string>();
        let latest = now;
        for (const turn of rest) {
          const { snapshot: after, changed } = world.take(turn, 0);
          latest = after;
          changed.forEach((key) => missed.add(key));
        }
        const { decision, diff } = redecider.decide(latest, peers, isSame ? missed : "anything");
        const whole = decideRoutes(latest, peers);
        assert.deepEqual(plain(decision), plain(whole));
        assert.deepEqual(sorted(diff), sorted(diffAdvertised(new Map(), whole.advertised)));
      },
    ),
    { numRuns: 300 },
  );
});

const everything = snapshot(names.map((name, index) => service(name, [`172.16.7.${192 + index}`])));
const [, ...allButOne] = everything.services;
const smaller = { ...everything, services: new Map(allButOne) };

test("after a decision that was not carried out the next one is as the first", () => {
  const redecider = new Redecider();
  redecider.decide(everything, peers, "anything");
  redecider.forget();
  const { decision, diff } = redecider.decide(smaller, peers, new Set());
  assert.deepEqual(plain(decision), plain(decideRoutes(smaller, peers)));
  assert.equal(diff.added.length, names.length - 1);
  assert.deepEqual(diff.removed, []);
});

test("nothing is left of what was prepared before something else changed", () => {
  const redecider = new Redecider();
  assert.ok(redecider.prepare(everything, peers, [...everything.services.keys()]));
  assert.ok(!redecider.prepare({ ...everything, node: node() }, peers, []));
  const { decision } = redecider.decide(smaller, peers, new Set());
  assert.deepEqual(plain(decision), plain(decideRoutes(smaller, peers)));
});
