import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { decideRoutes } from "../../src/speaker/decide.ts";
import { SentWeights } from "../../src/speaker/shell/sent-weights.ts";
import { countLocal, octetsPerEndpoint, weightRestMs } from "../../src/speaker/weights.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { advertisement, config, endpoint, pool, service, slice, snapshot } from "./fixtures.ts";

const peers = [{ name: "router", entryName: "router" }];
const local = { externalTrafficPolicy: "Local" } as const;
const weighted = config({ pools: [pool({ weights: true, weightCommunity: 64512 })] });
const address = "172.16.7.192";

function endpoints(count: number, nodeName = "node1", state: "ready" | "ending" = "ready") {
  return Array.from({ length: count }, (_, index) => ({
    ...endpoint(nodeName, state),
    address: `10.244.${index >> 8}.${index & 255}`,
  }));
}

/** A `Local` Service with so many endpoints here, and one elsewhere. */
function given(count: number, overrides: Partial<SpeakerSnapshot> = {}): SpeakerSnapshot {
  const slices = [slice("default/nginx", [...endpoints(count), endpoint("node2")])];
  const nginx = service("nginx", [address], local);
  return snapshot([nginx], { "default/nginx": slices }, { config: weighted, ...overrides });
}

function attributesOf(snapshot: SpeakerSnapshot, prefix = `${address}/32`) {
  const routes = decideRoutes(snapshot, peers).routes.get("router") ?? [];
  return routes.find((route) => route.prefix.key === prefix)?.attributes;
}

function weightOf(snapshot: SpeakerSnapshot): number | undefined {
  const { linkBandwidth } = attributesOf(snapshot) ?? {};
  return linkBandwidth === undefined ? undefined : linkBandwidth / octetsPerEndpoint;
}

test("routes of Local Services carry the count of local endpoints, also as a community", () => {
  for (const count of [1, 2, 4, 35, 100]) {
    const { linkBandwidth, communities } = attributesOf(given(count)) ?? {};
    assert.equal(linkBandwidth, count * 1_000_000);
    assert.deepEqual(communities, [64512 * 65536 + count]);
  }
  assert.equal(weightOf(given(5_000)), 4_000);
  const silent = config({ pools: [pool({ weights: true })] });
  assert.deepEqual(attributesOf(given(3, { config: silent }))?.communities, []);
  assert.equal(weightOf(given(3, { config: config() })), undefined);
});

test("an endpoint in several slices counts once, and only those of the family", () => {
  const [one, two] = endpoints(2);
  assert.ok(one !== undefined && two !== undefined);
  const slices = [
    slice("default/nginx", [one, two]),
    slice("default/nginx", [one]),
    slice("default/nginx", endpoints(7), "ipv6"),
  ];
  assert.equal(countLocal(slices, "ipv4"), 2);
  assert.equal(countLocal(slices, "ipv6"), 7);
});

test("Cluster Services and aggregates carry none", () => {
  const cluster = service("nginx", [address]);
  assert.equal(weightOf(snapshot([cluster], {}, { config: weighted })), undefined);
  const aggregates = advertisement({ aggregationLength: 24 });
  const shorter = config({ pools: [pool({ weights: true, advertisements: [aggregates] })] });
  const both = given(3, { config: shorter });
  assert.equal(attributesOf(both, "172.16.7.0/24")?.linkBandwidth, undefined);
  assert.equal(weightOf(both), 3);
});

test("a route that is kept without ready endpoints counts the serving ones, never 0", () => {
  const kept = (state: "ending" | "ready") => {
    const slices = [slice("default/nginx", endpoints(2, "node1", state))];
    const nginx = service("nginx", [address], local);
    return snapshot([nginx], { "default/nginx": slices }, { config: weighted });
  };
  assert.equal(weightOf(kept("ending")), 2);
  assert.equal(weightOf(kept("ready")), 2);
});

test("on a shared address the smallest count of its Local Services holds", () => {
  const key = (name: string) => `default/${name}`;
  const shared = (policy: "Local" | "Cluster", third = 0) =>
    snapshot(
      [
        service("a", [address], local),
        service("b", [address], { externalTrafficPolicy: policy }),
        service("c", [address], local),
      ],
      {
        [key("a")]: [slice(key("a"), endpoints(5))],
        [key("b")]: [slice(key("b"), endpoints(2))],
        [key("c")]: third === 0 ? [] : [slice(key("c"), endpoints(third))],
      },
      { config: weighted },
    );
  assert.equal(weightOf(shared("Local")), 2);
  assert.equal(weightOf(shared("Cluster")), 5);
  assert.equal(weightOf(shared("Cluster", 3)), 3);
});

test("a weight rests for 30 s after a change; the first one is no change", () => {
  const clock = new ManualClock();
  let isDue = false;
  const sent = new SentWeights({
    clock,
    onChange: () => {
      isDue = true;
    },
  });
  const decide = (count: number) => {
    isDue = false;
    const nowMs = clock.now();
    const made = given(count, { weights: sent.known, nowMs });
    sent.follow(decideRoutes(made, peers).weights, nowMs);
    return weightOf(made);
  };
  assert.equal(decide(1), 1);
  assert.equal(decide(2), 2);
  assert.deepEqual(clock.delays, []);
  clock.advance(1_000);
  assert.equal(decide(4), 2);
  assert.equal(decide(5), 2);
  clock.advance(weightRestMs - 1_001);
  assert.deepEqual([isDue, decide(4)], [false, 2]);
  clock.advance(1);
  assert.deepEqual([isDue, decide(4)], [true, 4]);
  assert.equal(decide(3), 4);
  assert.equal(decide(4), 4);
  assert.deepEqual(clock.delays, []);
  clock.advance(weightRestMs);
  assert.equal(decide(4), 4);
  assert.equal(decide(3), 3);
  assert.equal(decide(0), undefined);
  assert.equal(sent.known.size, 0);
  assert.equal(decide(9), 9);
  sent.close();
  assert.deepEqual(clock.delays, []);
});

test("whatever endpoints do, a weight is at least 1 and changes at most once in 30 s", () => {
  const steps = fc.array(
    fc.record({
      count: fc.integer({ min: 1, max: 5 }),
      restMs: fc.integer({ min: 0, max: 20_000 }),
    }),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, (moves) => {
      const clock = new ManualClock();
      const sent = new SentWeights({ clock, onChange: () => undefined });
      const changedAt: number[] = [];
      let before: number | undefined;
      for (const { count, restMs } of moves) {
        clock.advance(restMs);
        const nowMs = clock.now();
        const made = given(count, { weights: sent.known, nowMs });
        const { weights } = decideRoutes(made, peers);
        sent.follow(weights, nowMs);
        const weight = weightOf(made);
        assert.ok(weight !== undefined && weight >= 1);
        assert.equal(weights.get(address)?.wanted, count);
        if (before !== undefined && weight !== before) {
          changedAt.push(nowMs);
        }
        before = weight;
      }
      for (const [index, atMs] of changedAt.entries()) {
        assert.ok(index === 0 || atMs - (changedAt[index - 1] ?? 0) >= weightRestMs);
      }
      sent.close();
    }),
  );
});
