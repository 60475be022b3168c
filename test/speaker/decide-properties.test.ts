import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Endpoint, ReducedSlice } from "../../src/cluster/endpoint.ts";
import type { Service } from "../../src/cluster/service.ts";
import type { SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { compareAddresses } from "../../src/net/address.ts";
import { prefixContains } from "../../src/net/prefix.ts";
import { rangeContains } from "../../src/net/range.ts";
import { decideRoutes } from "../../src/speaker/decide.ts";
import {
  address,
  advertisement,
  config,
  labelSelector,
  node,
  pool,
  range,
  service,
  slice,
  snapshot,
} from "./fixtures.ts";

const peers = ["rack-a", "rack-b", "rack-c"].map((name) => ({ name, entryName: name }));

const arbitraryEndpoint: fc.Arbitrary<Endpoint> = fc.record(
  {
    address: fc.constantFrom("10.244.1.1", "10.244.1.2", "10.244.2.1"),
    nodeName: fc.constantFrom("node1", "node2", "node3"),
    ready: fc.boolean(),
    serving: fc.boolean(),
    terminating: fc.boolean(),
  },
  { requiredKeys: ["address", "ready", "serving", "terminating"] },
);

/** Few names and addresses, so that Services often share one. */
const arbitraryService: fc.Arbitrary<readonly [Service, readonly ReducedSlice[]]> = fc
  .record({
    ips: fc.uniqueArray(
      fc.constantFrom("172.16.7.192", "172.16.7.193", "192.0.2.1", "198.51.100.1", "2001:db8::5"),
      { maxLength: 3 },
    ),
    policy: fc.constantFrom("Cluster" as const, "Local" as const),
    type: fc.constantFrom("LoadBalancer", "LoadBalancer", "LoadBalancer", "ClusterIP"),
    app: fc.constantFrom("x", "y"),
    creationSeconds: fc.nat({ max: 3 }),
    med: fc.constantFrom("5", "50", "500"),
    endpoints: fc.array(fc.tuple(arbitraryEndpoint, fc.constantFrom("ipv4", "ipv6")), {
      maxLength: 4,
    }),
  })
  .map(({ ips, policy, type, app, creationSeconds, med, endpoints }) => [
    service("to-be-named", ips, {
      externalTrafficPolicy: policy,
      type,
      labels: { app },
      creationSeconds,
      annotations: { "routelb.io/med": med },
    }),
    endpoints.map(([endpoint, family]) =>
      slice("to-be-named", [endpoint], family === "ipv4" ? "ipv4" : "ipv6"),
    ),
  ]);

const arbitraryAdvertisement = fc
  .record({
    aggregationLength: fc.constantFrom(24, 26, 32),
    localPref: fc.nat({ max: 3 }),
    med: fc.nat({ max: 3 }),
    prepend: fc.nat({ max: 3 }),
    communities: fc.array(
      fc.nat({ max: 3 }).map((value) => ({ type: "standard" as const, value })),
      { maxLength: 2 },
    ),
    peers: fc.subarray(["rack-a", "rack-b"]),
    nodeSelectors: fc.constantFrom([], [labelSelector({ rack: "a" })], [labelSelector({ x: "y" })]),
    serviceSelectors: fc.constantFrom([], [labelSelector({ app: "x" })]),
  })
  .map((overrides) => advertisement(overrides));

const arbitrarySnapshot: fc.Arbitrary<SpeakerSnapshot> = fc
  .record({
    services: fc.array(arbitraryService, { maxLength: 6 }),
    advertisements: fc.array(arbitraryAdvertisement, { minLength: 1, maxLength: 3 }),
    networkUnavailable: fc.constantFrom(false, false, false, true),
  })
  .map(({ services, advertisements, networkUnavailable }) => {
    const named = services.map(([one, slices], index) => {
      const name = `svc${index}`;
      const key = `default/${name}`;
      return [{ ...one, name, key }, slices.map((each) => ({ ...each, serviceKey: key }))] as const;
    });
    return snapshot(
      named.map(([one]) => one),
      Object.fromEntries(named.map(([one, slices]) => [one.key, slices])),
      {
        config: config({
          pools: [
            pool({
              advertisements,
              serviceAnnotations: { communities: [], med: { min: 0, max: 100 } },
            }),
            pool({ name: "second", ranges: [range("192.0.2.0/24")], advertisements }),
          ],
        }),
        node: node({ networkUnavailable }),
      },
    );
  });

test("a route always stands for an address in a Service's status and in a pool", () => {
  fc.assert(
    fc.property(arbitrarySnapshot, (given) => {
      const inStatus = [...given.services.values()]
        .filter(({ type }) => type === "LoadBalancer")
        .flatMap(({ ingress }) => ingress.flatMap(({ ip }) => (ip === undefined ? [] : [ip])))
        .map(address);
      const ranges = given.config.pools.flatMap((one) => one.ranges);
      const allowed = inStatus.filter((ip) => ranges.some((one) => rangeContains(one, ip)));
      for (const routes of decideRoutes(given, peers).routes.values()) {
        for (const { prefix } of routes) {
          assert.ok(
            allowed.some((ip) => prefixContains(prefix, ip)),
            prefix.key,
          );
        }
      }
    }),
  );
});

test("every address of a load balancer is advertised, or withheld with a reason, for each peer", () => {
  fc.assert(
    fc.property(arbitrarySnapshot, (given) => {
      const decision = decideRoutes(given, peers);
      for (const { key, type, ingress } of given.services.values()) {
        const withheld = decision.withheld.get(key) ?? [];
        for (const { ip } of type === "LoadBalancer" ? ingress : []) {
          const whole = withheld.filter(({ address: at, peer }) => at === ip && peer === undefined);
          const perPeer = withheld.filter(
            ({ address: at, peer }) => at === ip && peer !== undefined,
          );
          const isAdvertised = decision.advertised.get(key)?.includes(ip ?? "") === true;
          assert.ok(whole.length <= 1);
          assert.equal(whole.length === 0 && perPeer.length < peers.length, isAdvertised);
        }
      }
    }),
  );
});

test("the routes of a peer are sorted, one per prefix, and every peer has a list", () => {
  fc.assert(
    fc.property(arbitrarySnapshot, (given) => {
      const { routes } = decideRoutes(given, peers);
      assert.deepEqual(
        [...routes.keys()].toSorted(),
        peers.map(({ name }) => name),
      );
      for (const list of routes.values()) {
        const keys = list.map(({ prefix }) => prefix.key);
        assert.equal(new Set(keys).size, keys.length);
        const sorted = list
          .map(({ prefix }) => prefix)
          .toSorted((a, b) => compareAddresses(a.address, b.address) || a.length - b.length);
        assert.deepEqual(
          keys,
          sorted.map(({ key }) => key),
        );
      }
    }),
  );
});

test("the order of Services, slices, endpoints and peers does not matter", () => {
  fc.assert(
    fc.property(arbitrarySnapshot, (given) => {
      const turned: SpeakerSnapshot = {
        ...given,
        services: new Map([...given.services].toReversed()),
        endpointSlices: new Map(
          [...given.endpointSlices].toReversed().map(([key, slices]) => [key, slices.toReversed()]),
        ),
      };
      assert.deepEqual(decideRoutes(turned, peers.toReversed()), decideRoutes(given, peers));
    }),
  );
});

test("endpoints that change under Services that do not are seen", () => {
  fc.assert(
    fc.property(arbitrarySnapshot, arbitrarySnapshot, (given, other) => {
      decideRoutes(given, peers);
      const changed: SpeakerSnapshot = {
        ...given,
        endpointSlices: other.endpointSlices,
      };
      assert.deepEqual(decideRoutes(changed, peers), decideRoutes(structuredClone(changed), peers));
      const configured: SpeakerSnapshot = { ...given, config: other.config };
      assert.deepEqual(
        decideRoutes(configured, peers),
        decideRoutes(structuredClone(configured), peers),
      );
    }),
  );
});

test("what was decided before has no part in a decision", () => {
  fc.assert(
    fc.property(arbitrarySnapshot, (given) => {
      const remembered = decideRoutes(given, peers);
      const afresh = structuredClone(given);
      assert.deepEqual(decideRoutes(afresh, peers), remembered);
      assert.deepEqual(decideRoutes(given, peers), remembered);
    }),
  );
});
