import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import { type Decision, decideRoutes } from "../../src/speaker/decide.ts";
import type { DecisionPeer } from "../../src/speaker/peer-groups.ts";
import {
  advertisement,
  config,
  endpoint,
  labelSelector,
  node,
  pool,
  range,
  service,
  slice,
  snapshot,
} from "./fixtures.ts";

const routerA: DecisionPeer = { name: "rack-a", entryName: "rack-a" };
const routerB: DecisionPeer = { name: "rack-b", entryName: "rack-b" };

function decide(given: SpeakerSnapshot, peers: readonly DecisionPeer[] = [routerA]): Decision {
  return decideRoutes(given, peers);
}

function prefixes(decision: Decision, peer = "rack-a"): string[] {
  return (decision.routes.get(peer) ?? []).map(({ prefix }) => prefix.key);
}

function reasons(decision: Decision, key = "default/nginx"): string[] {
  return (decision.withheld.get(key) ?? []).map(({ reason }) => reason);
}

function local(name: string, ips?: readonly string[]) {
  return service(name, ips, { externalTrafficPolicy: "Local" });
}

describe("a Service that gets no route has the first reason that an operator can act on", () => {
  const cases: Record<string, SpeakerSnapshot> = {
    "not-load-balancer": snapshot([service("nginx", [], { type: "ClusterIP" })]),
    "class-not-ours": snapshot([service("nginx", [], { loadBalancerClass: "other" })]),
    "no-address": snapshot([service("nginx", [])]),
    "address-not-in-pool": snapshot([service("nginx", ["192.0.2.1"])]),
    "pool-is-layer2": snapshot(
      [service("nginx", ["192.0.2.1"])],
      {},
      {
        config: config({ layer2Pools: [{ name: "lan", ranges: [range("192.0.2.0/24")] }] }),
      },
    ),
    "node-excluded": snapshot(
      [service("nginx")],
      {},
      {
        node: node({ labels: { "node.kubernetes.io/exclude-from-external-load-balancers": "" } }),
      },
    ),
    "network-unavailable": snapshot(
      [service("nginx")],
      {},
      {
        node: node({ networkUnavailable: true }),
      },
    ),
    "no-endpoints": snapshot([service("nginx")], { "default/nginx": [] }),
    "no-local-endpoint": snapshot([local("nginx")], {
      "default/nginx": [slice("default/nginx", [endpoint("node2"), endpoint(undefined)])],
    }),
    "no-matching-advertisement": snapshot(
      [service("nginx")],
      {},
      {
        config: config({
          pools: [
            pool({
              advertisements: [
                advertisement({ serviceSelectors: [labelSelector({ app: "other" })] }),
                advertisement({ nodeSelectors: [labelSelector({ rack: "b" })] }),
              ],
            }),
          ],
        }),
      },
    ),
    "peer-not-selected": snapshot(
      [service("nginx")],
      {},
      {
        config: config({
          pools: [pool({ advertisements: [advertisement({ peers: ["rack-b"] })] })],
        }),
      },
    ),
  };
  for (const [reason, given] of Object.entries(cases)) {
    test(reason, () => {
      const decision = decide(given);
      assert.deepEqual(reasons(decision), [reason]);
      assert.deepEqual(prefixes(decision), []);
      assert.equal(decision.advertised.size, 0);
    });
  }

  test("no-peers", () => {
    assert.deepEqual(reasons(decide(snapshot([service("nginx")]), [])), ["no-peers"]);
  });

  test("a Service that is being deleted counts as none", () => {
    const given = snapshot([service("nginx", undefined, { deleting: true })]);
    assert.deepEqual(reasons(decide(given)), ["not-load-balancer"]);
  });
});

describe("endpoints", () => {
  const key = "default/nginx";

  test("Cluster: a ready endpoint on any node is enough", () => {
    const given = snapshot([service("nginx")], { [key]: [slice(key, [endpoint("node3")])] });
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });

  test("Cluster: one that serves while it terminates keeps the route when none is ready", () => {
    const given = snapshot([service("nginx")], {
      [key]: [slice(key, [endpoint("node3", "ending"), endpoint("node2", "not-ready")])],
    });
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });

  test("Cluster: one that terminates and no longer serves does not", () => {
    const given = snapshot([service("nginx")], {
      [key]: [slice(key, [endpoint("node1", "gone")])],
    });
    assert.deepEqual(reasons(decide(given)), ["no-endpoints"]);
  });

  test("Local: a ready endpoint of this node advertises", () => {
    const given = snapshot([local("nginx")], {
      [key]: [slice(key, [endpoint("node2"), endpoint("node1")])],
    });
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });

  test("Local: the last endpoint of all ends: kept while it serves", () => {
    const given = snapshot([local("nginx")], {
      [key]: [slice(key, [endpoint("node1", "ending"), endpoint("node2", "gone")])],
    });
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });

  test("one good entry of an endpoint outweighs a bad one in another slice", () => {
    const good = endpoint("node1");
    const given = snapshot([local("nginx")], {
      [key]: [slice(key, [{ ...good, ready: false, serving: false }]), slice(key, [good])],
    });
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });

  test("each address is judged by the endpoints of its own family", () => {
    const given = snapshot([service("nginx", ["172.16.7.192", "2001:db8::5"])], {
      [key]: [slice(key, [endpoint("node1")], "ipv4")],
    });
    const decision = decide(given);
    assert.deepEqual(prefixes(decision), ["172.16.7.192/32"]);
    assert.deepEqual(reasons(decision), ["no-endpoints"]);
    assert.equal(decision.withheld.get(key)?.[0]?.address, "2001:db8::5");
  });
});

describe("the node", () => {
  test("--ignore-exclude-lb advertises in spite of the label", () => {
    const labels = { "node.kubernetes.io/exclude-from-external-load-balancers": "true" };
    const given = snapshot(
      [service("nginx")],
      {},
      {
        node: node({ labels }),
        ignoreExcludeLabel: true,
      },
    );
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });

  test("a cordon and taints change nothing", () => {
    const given = snapshot(
      [service("nginx")],
      {},
      {
        node: node({ unschedulable: true, taints: ["node.kubernetes.io/unreachable"] }),
      },
    );
    assert.deepEqual(prefixes(decide(given)), ["172.16.7.192/32"]);
  });
});

describe("several Services on one address", () => {
  const a = "default/a";
  const b = "default/b";

  test("Cluster: the route stays while one of them has an endpoint", () => {
    const decision = decide(snapshot([service("a"), service("b")], { [b]: [] }));
    assert.deepEqual(prefixes(decision), ["172.16.7.192/32"]);
    assert.deepEqual(reasons(decision, b), ["no-endpoints"]);
    assert.deepEqual([...decision.advertised.keys()], [a]);
  });

  test("Local: only where each of them has an endpoint", () => {
    const elsewhere = [slice(b, [endpoint("node2")])];
    const both = [slice(b, [endpoint("node1"), endpoint("node2")])];
    const inA = [slice(a, [endpoint("node1"), endpoint("node2")])];
    const services = [local("a"), local("b")];
    const apart = decide(snapshot(services, { [a]: inA, [b]: elsewhere }));
    assert.deepEqual(prefixes(apart), []);
    assert.deepEqual(reasons(apart, a), ["shared-address-elsewhere"]);
    assert.deepEqual(reasons(apart, b), ["no-local-endpoint"]);
    const together = decide(snapshot(services, { [a]: inA, [b]: both }));
    assert.deepEqual(prefixes(together), ["172.16.7.192/32"]);
  });

  test("Local: one without any endpoint does not count", () => {
    const decision = decide(snapshot([local("a"), local("b")], { [b]: [] }));
    assert.deepEqual(prefixes(decision), ["172.16.7.192/32"]);
    assert.deepEqual(reasons(decision, b), ["no-endpoints"]);
  });

  test("Local: where no node has an endpoint of each, the oldest Service decides", () => {
    const old = service("b", undefined, { externalTrafficPolicy: "Local", creationSeconds: 1 });
    const slices = { [a]: [slice(a, [endpoint("node1")])], [b]: [slice(b, [endpoint("node2")])] };
    const here = decide(snapshot([local("a"), old], slices));
    assert.deepEqual(reasons(here, a), ["shared-address-elsewhere"]);
    const turned = { [a]: [slice(a, [endpoint("node2")])], [b]: [slice(b, [endpoint("node1")])] };
    const there = decide(snapshot([local("a"), old], turned));
    assert.deepEqual(prefixes(there), ["172.16.7.192/32"]);
    assert.deepEqual([...there.advertised.keys()], [b]);
  });

  test("Local decides for a Cluster Service beside it", () => {
    const decision = decide(
      snapshot([service("a"), local("b")], { [b]: [slice(b, [endpoint("node2")])] }),
    );
    assert.deepEqual(reasons(decision, a), ["shared-address-elsewhere"]);
  });
});

describe("advertisements", () => {
  function withAdvertisements(...advertisements: ReturnType<typeof advertisement>[]) {
    return { config: config({ pools: [pool({ advertisements })] }) };
  }

  test("two Services in one aggregate give one route, which the last one withdraws", () => {
    const options = withAdvertisements(
      advertisement({ aggregationLength: 26, aggregationLengthV6: 120 }),
    );
    const services = [service("a"), service("b", ["172.16.7.193"]), service("c", ["2001:db8::9"])];
    assert.deepEqual(prefixes(decide(snapshot(services, {}, options))), [
      "172.16.7.192/26",
      "2001:db8::/120",
    ]);
    const one = { "default/a": [], "default/c": [] };
    assert.deepEqual(prefixes(decide(snapshot(services, one, options))), ["172.16.7.192/26"]);
  });

  test("a Local Service's own address goes beside its aggregate, unless switched off", () => {
    const on = withAdvertisements(advertisement({ aggregationLength: 26 }));
    assert.deepEqual(prefixes(decide(snapshot([local("nginx", ["172.16.7.200"])], {}, on))), [
      "172.16.7.192/26",
      "172.16.7.200/32",
    ]);
    const off = withAdvertisements(
      advertisement({ aggregationLength: 26, localHostRoutes: false }),
    );
    assert.deepEqual(prefixes(decide(snapshot([local("nginx", ["172.16.7.200"])], {}, off))), [
      "172.16.7.192/26",
    ]);
  });

  test("two that give one prefix merge into one route", () => {
    const options = withAdvertisements(
      advertisement({
        localPref: 100,
        med: 5,
        prepend: 2,
        communities: [
          { type: "standard", value: 7 },
          { type: "large", value: [2, 0, 0] },
        ],
      }),
      advertisement({
        localPref: 200,
        med: 9,
        prepend: 1,
        communities: [
          { type: "standard", value: 3 },
          { type: "large", value: [1, 9, 9] },
        ],
      }),
    );
    const [route] = decide(snapshot([service("nginx")], {}, options)).routes.get("rack-a") ?? [];
    assert.deepEqual(route?.attributes, {
      localPref: 200,
      med: 5,
      prepend: 1,
      communities: [3, 7],
      largeCommunities: [
        [1, 9, 9],
        [2, 0, 0],
      ],
    });
  });

  test("peers and node-selectors choose who gets a route", () => {
    const options = withAdvertisements(
      advertisement({ peers: ["rack-b"], communities: [{ type: "standard", value: 1 }] }),
      advertisement({ peers: ["rack-a", "rack-b"], nodeSelectors: [labelSelector({ rack: "b" })] }),
      advertisement({ peers: ["rack-b"], aggregationLength: 26 }),
    );
    const decision = decide(snapshot([service("nginx")], {}, options), [routerA, routerB]);
    assert.deepEqual(prefixes(decision, "rack-a"), []);
    assert.deepEqual(prefixes(decision, "rack-b"), ["172.16.7.192/26", "172.16.7.192/32"]);
    assert.deepEqual(decision.withheld.get("default/nginx"), [
      {
        reason: "peer-not-selected",
        text: "The bgp-advertisements of the pool my-ip-space that apply here do not name the peer.",
        address: "172.16.7.192",
        peer: "rack-a",
      },
    ]);
  });

  test("annotations shape a Service's own routes within the pool's limits", () => {
    const limited = pool({
      serviceAnnotations: {
        communities: [
          { type: "standard", value: 64512 * 65536 + 1 },
          { type: "large", value: [64512, 1, 2] },
          { type: "standard", value: 0xffffff01 },
        ],
        med: { min: 0, max: 100 },
      },
      advertisements: [advertisement(), advertisement({ aggregationLength: 26 })],
    });
    const annotations = {
      "routelb.io/communities": "64512:1, large:64512:1:2,no-export, 64512:9, what",
      "routelb.io/med": "30",
      "routelb.io/prepend": "1",
    };
    const given = snapshot(
      [service("nginx", undefined, { annotations })],
      {},
      {
        config: config({ pools: [limited] }),
      },
    );
    const decision = decide(given);
    const [aggregate, own] = decision.routes.get("rack-a") ?? [];
    assert.equal(own?.attributes.med, 30);
    assert.equal(own?.attributes.prepend, 0);
    assert.deepEqual(own?.attributes.communities, [64512 * 65536 + 1, 0xffffff01]);
    assert.deepEqual(own?.attributes.largeCommunities, [[64512, 1, 2]]);
    assert.deepEqual(aggregate?.attributes.communities, []);
    assert.equal(decision.refused.get("default/nginx")?.length, 3);
  });
});
