import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReducedSlice } from "../../src/cluster/endpoint.ts";
import type { Service } from "../../src/cluster/service.ts";
import type { Ending, SentWeight, SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { diffAdvertised } from "../../src/speaker/changes.ts";
import { type Decision, decideRoutes } from "../../src/speaker/decide.ts";
import { Redecider } from "../../src/speaker/redecide.ts";
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

/** One of each kind: alone, weighed, and with aggregates that several Services lead to. */
const configs = [
  config({ pools: [pool({ ranges: [range("172.16.0.0/16")], weights: true })] }),
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
];

interface Change {
  readonly name: string;
  /** undefined: the Service goes. */
  readonly service:
    | { readonly ips: readonly string[]; readonly policy: "Cluster" | "Local" }
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
        fc.nat({ max: 40 }).map((host) => `172.16.7.${host}`),
        { maxLength: 2 },
      ),
      policy: fc.constantFrom("Cluster" as const, "Local" as const),
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

interface Turn {
  readonly changes: readonly Change[];
  /** By the clock since the turn before. */
  readonly passedMs: number;
  readonly config: number;
  readonly isDraining: boolean;
  readonly isDataplaneDown: boolean;
  readonly isLeaving: boolean;
  readonly isServedElsewhere: boolean;
}

const seldom = fc.nat({ max: 9 }).map((value) => value === 0);

const arbitraryTurn: fc.Arbitrary<Turn> = fc.record({
  changes: fc.array(arbitraryChange, { maxLength: 3 }),
  passedMs: fc.constantFrom(0, 500, 2_500, 31_000),
  config: fc.nat({ max: 19 }).map((value) => (value === 0 ? 1 : 0)),
  isDraining: seldom,
  isDataplaneDown: seldom,
  isLeaving: seldom,
  isServedElsewhere: fc.boolean(),
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
        const { ips, policy } = change.service;
        this.#services.set(
          key,
          service(change.name, ips, { externalTrafficPolicy: policy, healthCheckNodePort: 30_000 }),
        );
        const endpoints = change.states.map(([nodeName, state]) => endpoint(nodeName, state));
        this.#slices.set(key, [slice(key, endpoints)]);
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
    };
    const given = {
      ...this.#base,
      ...(turn.isDraining ? { drain: { cause: "annotation" as const, sinceMs: 0 } } : {}),
      dataplane: { isNodeUnhealthy: turn.isDataplaneDown, unhealthyServices: new Set<string>() },
    };
    return { snapshot: given, changed };
  }

  follow(decision: Decision, isServedElsewhere: boolean): void {
    this.#weights = nextSentWeights(this.#weights, decision.weights, this.#nowMs);
    this.#endings = new Map(
      [...decision.endings.keys()].map((key) => [
        key,
        this.#endings.get(key) ?? { sinceMs: this.#nowMs, isServedElsewhere },
      ]),
    );
  }
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
      fc.nat({ max: 1 }),
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
          const asked = peers.map((peer) => ({ ...peer, isLeaving: turn.isLeaving }));
          const whole = decideRoutes(now, asked);
          const { decision, diff } = redecider.decide(now, asked, isFirst ? "anything" : changed);
          assert.deepEqual(plain(decision), plain(whole));
          assert.deepEqual(sorted(diff), sorted(diffAdvertised(advertised, whole.advertised)));
          advertised = whole.advertised;
          world.follow(whole, turn.isServedElsewhere);
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

test("a list of routes in which nothing changed stays the very same", () => {
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
});

test("a weight that rests is looked at again when its time has come, though nothing changed", () => {
  const world = new World();
  const redecider = new Redecider();
  const turn = {
    changes: [],
    passedMs: 0,
    config: 0,
    isDraining: false,
    isDataplaneDown: false,
    isLeaving: false,
    isServedElsewhere: false,
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
    world.follow(decision, false);
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
