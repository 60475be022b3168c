import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { gracefulShutdownCommunity } from "../../src/bgp/codec/iana.ts";
import type { Node } from "../../src/cluster/node.ts";
import { familyKey, type SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { type Decision, decideRoutes } from "../../src/speaker/decide.ts";
import { nextDeadlineMs } from "../../src/speaker/departure.ts";
import {
  advertisement,
  config,
  endpoint,
  labelSelector,
  node,
  pool,
  service,
  slice,
  snapshot,
} from "./fixtures.ts";

const router = { name: "rack-a", entryName: "172.16.9.1:179" };
const key = "default/nginx";
const drainTimeMs = 10_000;

/** Each route of the peer: `prefix`, with ` leaves` behind it where it carries GRACEFUL_SHUTDOWN. */
function shown(decision: Decision, peer = "rack-a"): string[] {
  return (decision.routes.get(peer) ?? []).map(({ prefix, attributes }) => {
    const leaves = attributes.communities.includes(gracefulShutdownCommunity);
    assert.equal(attributes.localPref, leaves ? 0 : 100);
    return leaves ? `${prefix.key} leaves` : prefix.key;
  });
}

function decide(given: SpeakerSnapshot): string[] {
  return shown(decideRoutes(given, [router]));
}

function reasons(given: SpeakerSnapshot, serviceKey = key): string[] {
  const { withheld } = decideRoutes(given, [router]);
  return (withheld.get(serviceKey) ?? []).map(({ reason }) => reason);
}

function local(name: string, ips?: readonly string[], creationSeconds = 1000) {
  return service(name, ips, { externalTrafficPolicy: "Local", creationSeconds });
}

/** Our own Node drains since 0; the others are as given, each with a Ready speaker. */
function draining(nowMs: number, others?: readonly Node[]): Partial<SpeakerSnapshot> {
  const withSpeaker = new Set((others ?? []).map(({ name }) => name));
  return {
    nowMs,
    drainTimeMs,
    drain: {
      cause: "annotation",
      sinceMs: 0,
      ...(others === undefined ? {} : { others: { nodes: others, withSpeaker } }),
    },
  };
}

const node2 = node({ name: "node2" });
const node2Drains = node({ name: "node2", drainAnnotation: "true" });

describe("a draining node", () => {
  const given = [service("nginx")];

  test("says GRACEFUL_SHUTDOWN for the drain time, then withdraws", () => {
    const early = snapshot(given, {}, draining(9_999, [node2]));
    assert.deepEqual(decide(early), ["172.16.7.192/32 leaves"]);
    assert.equal(nextDeadlineMs(early), 10_000);
    const late = snapshot(given, {}, draining(10_000, [node2]));
    assert.deepEqual(decide(late), []);
    assert.deepEqual(reasons(late), ["node-draining"]);
    assert.equal(nextDeadlineMs(late), undefined);
  });

  test("had no time left when its speaker started", () => {
    const drain = draining(0, [node2]).drain;
    const since = { ...drain, cause: "cordon", sinceMs: -Infinity } as const;
    assert.deepEqual(decide(snapshot(given, {}, { drain: since })), []);
  });

  const useless: Record<string, Partial<SpeakerSnapshot>> = {
    "the others are not known": draining(60_000),
    "there are no others": draining(60_000, [node()]),
    "the others drain, too": draining(60_000, [node2Drains]),
    "the others are excluded": draining(60_000, [
      node({
        name: "node2",
        labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" },
      }),
    ]),
    "the others have no network": draining(60_000, [
      node({ name: "node2", networkUnavailable: true }),
    ]),
  };
  for (const [name, overrides] of Object.entries(useless)) {
    test(`keeps its routes, with GRACEFUL_SHUTDOWN, while ${name}`, () => {
      assert.deepEqual(decide(snapshot(given, {}, overrides)), ["172.16.7.192/32 leaves"]);
    });
  }

  test("keeps its routes while the others' speakers are not Ready", () => {
    const { drain } = draining(60_000, [node2]);
    assert.ok(drain !== undefined);
    const withSpeaker = new Set(["node1"]);
    const others = { nodes: [node2], withSpeaker };
    const overrides = { nowMs: 60_000, drain: { ...drain, others } };
    assert.deepEqual(decide(snapshot(given, {}, overrides)), ["172.16.7.192/32 leaves"]);
  });

  test("counts a cordon of others only where a cordon is a drain", () => {
    const cordoned = draining(60_000, [node({ name: "node2", unschedulable: true })]);
    assert.deepEqual(decide(snapshot(given, {}, cordoned)), []);
    const asDrain = { ...cordoned, drainOnCordon: true };
    assert.deepEqual(decide(snapshot(given, {}, asDrain)), ["172.16.7.192/32 leaves"]);
  });

  test("keeps what no other node may advertise", () => {
    const onlyHere = [advertisement({ nodeSelectors: [labelSelector({ rack: "a" })] })];
    const overrides = {
      ...draining(60_000, [node({ name: "node2", labels: { rack: "b" } })]),
      config: config({ pools: [pool({ advertisements: onlyHere })] }),
    };
    assert.deepEqual(decide(snapshot(given, {}, overrides)), ["172.16.7.192/32 leaves"]);
    const { name } = node2;
    const sameRack = draining(60_000, [node({ name, labels: { rack: "a" } })]);
    assert.deepEqual(decide(snapshot(given, {}, { ...overrides, ...sameRack })), []);
  });

  test("Local: keeps what has its endpoints here alone", () => {
    const services = [local("nginx"), local("other", ["172.16.7.193"])];
    const given = snapshot(
      services,
      { "default/other": [slice("default/other", [endpoint("node1"), endpoint("node2")])] },
      draining(60_000, [node2]),
    );
    assert.deepEqual(decide(given), ["172.16.7.192/32 leaves"]);
    assert.deepEqual(reasons(given, "default/other"), ["node-draining"]);
  });

  test("a shared Local address goes only where each of its Services has an endpoint", () => {
    const services = [local("nginx"), local("other")];
    const both = ["node1", "node2"].map((name) => endpoint(name));
    const slices = {
      [key]: [slice(key, both)],
      "default/other": [slice("default/other", [endpoint("node1")])],
    };
    const overrides = draining(60_000, [node2]);
    assert.deepEqual(decide(snapshot(services, slices, overrides)), ["172.16.7.192/32 leaves"]);
    const everywhere = { ...slices, "default/other": [slice("default/other", both)] };
    assert.deepEqual(decide(snapshot(services, everywhere, overrides)), []);
  });

  test("an aggregate leaves with the last of its addresses", () => {
    const aggregated = [advertisement({ aggregationLength: 26, localHostRoutes: false })];
    const services = [local("nginx"), local("other", ["172.16.7.193"])];
    const given = (endings: SpeakerSnapshot["endings"]) =>
      snapshot(
        services,
        { [key]: [slice(key, [endpoint("node1", "ending"), endpoint("node2")])] },
        { endings, config: config({ pools: [pool({ advertisements: aggregated })] }) },
      );
    const endings = new Map([[familyKey(key, "ipv4"), { servedElsewhereSinceMs: 0 }]]);
    assert.deepEqual(decide(given(endings)), ["172.16.7.192/26"]);
    const both = { ...given(endings), ...draining(0) };
    assert.deepEqual(decide(both), ["172.16.7.192/26 leaves"]);
  });
});

test("a session that ends soon has GRACEFUL_SHUTDOWN on all routes, the others have none", () => {
  const given = snapshot([service("nginx")]);
  const other = { name: "rack-b", entryName: "b", isLeaving: true };
  const decision = decideRoutes(given, [router, other]);
  assert.deepEqual(shown(decision), ["172.16.7.192/32"]);
  assert.deepEqual(shown(decision, "rack-b"), ["172.16.7.192/32 leaves"]);
});

describe("the last ready endpoint of a Local Service ends here, another node has a ready one", () => {
  const slices = { [key]: [slice(key, [endpoint("node1", "ending"), endpoint("node2")])] };
  const ending = (nowMs: number, servedElsewhereSinceMs?: number) =>
    snapshot([local("nginx")], slices, {
      nowMs,
      endings: new Map([
        [
          familyKey(key, "ipv4"),
          servedElsewhereSinceMs === undefined ? {} : { servedElsewhereSinceMs },
        ],
      ]),
    });

  test("nothing is known of that node yet: the route stays as it is, and it is to be asked", () => {
    const decision = decideRoutes(snapshot([local("nginx")], slices), [router]);
    assert.deepEqual(shown(decision), ["172.16.7.192/32"]);
    const found = decision.endings.get(familyKey(key, "ipv4"));
    assert.deepEqual(found?.nodes, ["node2"]);
  });

  test("that node cannot take over: the route stays", () => {
    assert.deepEqual(decide(ending(60_000)), ["172.16.7.192/32"]);
    assert.equal(nextDeadlineMs(ending(0)), undefined);
  });

  test("it can: GRACEFUL_SHUTDOWN at once, withdrawn after 2 s", () => {
    assert.deepEqual(decide(ending(0, 0)), ["172.16.7.192/32 leaves"]);
    assert.deepEqual(decide(ending(1_999, 0)), ["172.16.7.192/32 leaves"]);
    assert.equal(nextDeadlineMs(ending(0, 0)), 2_000);
    assert.deepEqual(decide(ending(2_000, 0)), []);
    assert.deepEqual(reasons(ending(2_000, 0)), ["endpoint-ending"]);
  });

  test("it can, as is found late: the 2 s begin then", () => {
    assert.deepEqual(decide(ending(61_999, 60_000)), ["172.16.7.192/32 leaves"]);
    assert.equal(nextDeadlineMs(ending(61_999, 60_000)), 62_000);
    assert.deepEqual(decide(ending(62_000, 60_000)), []);
  });

  test("it could when this speaker started: there is no time left", () => {
    assert.deepEqual(decide(ending(0, -Infinity)), []);
  });

  test("a shorter drain time counts", () => {
    assert.deepEqual(decide({ ...ending(1_000, 0), drainTimeMs: 1_000 }), []);
  });

  test("serving ends before: withdrawn", () => {
    const gone = [slice(key, [endpoint("node1", "gone"), endpoint("node2")])];
    const given = { ...ending(0, 0), endpointSlices: new Map([[key, gone]]) };
    assert.deepEqual(reasons(given), ["no-local-endpoint"]);
  });

  test("with Cluster nothing ends here", () => {
    const decision = decideRoutes(snapshot([service("nginx")], slices), [router]);
    assert.deepEqual(shown(decision), ["172.16.7.192/32"]);
    assert.equal(decision.endings.size, 0);
  });

  test("of two that share the address, the older one keeps it where it is", () => {
    const given = (nowMs: number) =>
      snapshot(
        [local("nginx", undefined, 2000), local("older", undefined, 1000)],
        { ...slices, "default/older": [slice("default/older", [endpoint("node1")])] },
        {
          nowMs,
          endings: new Map([[familyKey(key, "ipv4"), { servedElsewhereSinceMs: 0 }]]),
        },
      );
    assert.deepEqual(decide(given(0)), ["172.16.7.192/32"]);
    assert.deepEqual(decide(given(5_000)), ["172.16.7.192/32"]);
    assert.deepEqual(reasons(given(5_000)), ["endpoint-ending"]);
  });
});

test("a drain only ever takes routes away, or says GRACEFUL_SHUTDOWN", () => {
  const arbitraryNode = fc.record({
    name: fc.constantFrom("node1", "node2", "node3"),
    networkUnavailable: fc.boolean(),
    drainAnnotation: fc.constantFrom("true", "false"),
  });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom("Local", "Cluster"), fc.boolean()), { maxLength: 5 }),
      fc.array(arbitraryNode, { maxLength: 3 }),
      fc.nat({ max: 20_000 }),
      (policies, others, nowMs) => {
        const services = policies.map(([policy], index) =>
          service(`svc${index}`, [`172.16.7.${200 + index}`], {
            externalTrafficPolicy: policy === "Local" ? "Local" : "Cluster",
          }),
        );
        const slices = Object.fromEntries(
          policies.map(([, isElsewhere], index) => {
            const serviceKey = `default/svc${index}`;
            const nodes = isElsewhere ? ["node1", "node2"] : ["node1"];
            return [
              serviceKey,
              [
                slice(
                  serviceKey,
                  nodes.map((name) => endpoint(name)),
                ),
              ],
            ];
          }),
        );
        const overrides = draining(
          nowMs,
          others.map((one) => node(one)),
        );
        const before = decide(snapshot(services, slices));
        const during = decide(snapshot(services, slices, overrides));
        const allowed = new Set(before.map((prefix) => `${prefix} leaves`));
        assert.ok(during.every((one) => allowed.has(one)));
        assert.ok(nowMs >= drainTimeMs || during.length === before.length);
        const isAble = others.some(
          ({ name, networkUnavailable, drainAnnotation }) =>
            name !== "node1" && !networkUnavailable && drainAnnotation === "false",
        );
        assert.ok(isAble || during.length === before.length);
      },
    ),
  );
});
