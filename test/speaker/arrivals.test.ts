import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { type Decision, decideRoutes } from "../../src/speaker/decide.ts";
import { advertisement, config, endpoint, pool, service, slice, snapshot } from "./fixtures.ts";

const peers = [{ name: "router", entryName: "router" }];
const key = "default/nginx";
const ipv4 = "172.16.7.192";
const ipv6 = "2001:db8::1";
const local = { externalTrafficPolicy: "Local", healthCheckNodePort: 30_100 } as const;
const nginx = service("nginx", [ipv4, ipv6], local);

interface Known {
  readonly advertised?: readonly string[];
  readonly confirmed?: readonly string[];
  /** What the session has, for whichever Service; undefined: it is new. */
  readonly routes?: Decision["routes"];
}

const nothingSent: Decision["routes"] = new Map([["router", []]]);

function arrivals({ advertised = [], confirmed = [], routes = nothingSent }: Known = {}) {
  return { advertised: new Map([[key, advertised]]), routes, confirmed: new Set(confirmed) };
}

function decide(made: SpeakerSnapshot) {
  const decision = decideRoutes(made, peers);
  return {
    advertised: decision.advertised.get(key) ?? [],
    reasons: decision.withheld.get(key)?.map(({ reason }) => reason) ?? [],
    arrivals: [...decision.arrivals],
  };
}

test("a `Local` address whose first endpoint came waits for kube-proxy, and its other family does not", () => {
  const known = arrivals({ advertised: [ipv6] });
  const arrival = { serviceKey: key, family: "ipv4", healthCheckNodePort: 30_100 };
  assert.deepEqual(decide(snapshot([nginx], {}, { arrivals: known })), {
    advertised: [ipv6],
    reasons: ["dataplane-awaited"],
    arrivals: [[`${key} ipv4`, arrival]],
  });
});

test("what stands, is confirmed, or serves while it ends waits for nothing, nor does what has no port", () => {
  const made = (one = nginx, known = arrivals()) => snapshot([one], {}, { arrivals: known });
  const endpoints = [endpoint("node1", "ending")];
  const ending = [slice(key, endpoints), slice(key, endpoints, "ipv6")];
  const { healthCheckNodePort: _, ...portless } = nginx;
  for (const [name, given] of Object.entries({
    stands: made(nginx, arrivals({ advertised: [ipv4, ipv6] })),
    confirmed: made(nginx, arrivals({ confirmed: [`${key} ipv4`, `${key} ipv6`] })),
    ending: snapshot([nginx], { [key]: ending }, { arrivals: arrivals() }),
    cluster: made({ ...nginx, externalTrafficPolicy: "Cluster" }),
    portless: made(portless),
    unasked: snapshot([nginx]),
  })) {
    const { advertised, arrivals: found } = decide(given);
    assert.deepEqual([advertised, found], [[ipv4, ipv6], []], name);
  }
});

test("kube-proxy is not asked about what another gate keeps back", () => {
  const unhealthy = { isNodeUnhealthy: true, unhealthyServices: new Set<string>() };
  const elsewhere = { matchLabels: { rack: "z" }, matchExpressions: [] };
  const others = config({
    pools: [pool({ advertisements: [advertisement({ nodeSelectors: [elsewhere] })] })],
  });
  const notNamed = config({ pools: [pool({ advertisements: [advertisement({ peers: ["b"] })] })] });
  const remote = [slice(key, [endpoint("node2")])];
  const unready = [slice(key, [endpoint("node1", "not-ready"), endpoint("node2")])];
  for (const [reason, slices, overrides] of [
    ["no-local-endpoint", remote, {}],
    ["no-local-endpoint", unready, {}],
    ["dataplane-unhealthy", undefined, { dataplane: unhealthy }],
    ["no-matching-advertisement", undefined, { config: others }],
    ["peer-not-selected", undefined, { config: notNamed }],
  ] as const) {
    const given = snapshot([nginx], slices === undefined ? {} : { [key]: slices }, {
      arrivals: arrivals(),
      ...overrides,
    });
    const { reasons, arrivals: found } = decide(given);
    assert.deepEqual([reasons[0], found], [reason, []]);
  }
});

const two = ["nginx", "other"].map((name) => service(name, [ipv4], local));

function decideBoth(known: Known, services = two) {
  const decision = decideRoutes(snapshot(services, {}, { arrivals: arrivals(known) }), peers);
  return {
    routes: decision.routes.get("router")?.map(({ prefix }) => prefix.key),
    arrivals: [...decision.arrivals.keys()],
    reasons: services.map((one) => decision.withheld.get(one.key)?.map(({ reason }) => reason)),
  };
}

test("an address that several Services share waits until kube-proxy has rules for all of them", () => {
  const both = [`${key} ipv4`, "default/other ipv4"];
  const awaited = ["dataplane-awaited"];
  const held = { routes: [], arrivals: both, reasons: [awaited, awaited] };
  assert.deepEqual(decideBoth({}), held);
  assert.deepEqual(decideBoth({ confirmed: [`${key} ipv4`] }), held);
  const goes = { routes: [`${ipv4}/32`], arrivals: [], reasons: [undefined, undefined] };
  assert.deepEqual(decideBoth({ confirmed: both }), goes);
  const cluster = service("nginx", [ipv4]);
  const mixed = decideBoth({}, [cluster, service("other", [ipv4], local)]);
  assert.deepEqual(mixed, { ...held, arrivals: ["default/other ipv4"] });
});

test("a prefix that a session has waits for nothing, whichever Service it was there for", () => {
  const withAggregate = config({
    pools: [pool({ advertisements: [advertisement({ aggregationLength: 26 })] })],
  });
  for (const [text, overrides] of [
    [ipv4, {}],
    ["172.16.7.193", { config: withAggregate }],
  ] as const) {
    const before = snapshot([service("gone", [text], local)], {}, overrides);
    const { routes } = decideRoutes(before, peers);
    const after = { ...overrides, arrivals: arrivals({ routes }) };
    const decision = decideRoutes(snapshot(two, {}, after), peers);
    assert.deepEqual([...decision.advertised.keys()], [key, "default/other"]);
    assert.equal(decision.arrivals.size, 0);
  }
});

test("a session that is new begins with all routes, so that its router keeps what it has", () => {
  const known = { routes: new Map([["another", []]]) };
  assert.deepEqual(decideBoth(known).routes, [`${ipv4}/32`]);
  assert.deepEqual(decideBoth({}).routes, []);
});
