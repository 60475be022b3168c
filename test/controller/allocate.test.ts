import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import {
  ask,
  dualStack,
  pool,
  service,
  snapshot,
  summaries,
  summary,
  withStatus,
} from "./fixtures.ts";

const small = pool("small", ["10.0.0.1-10.0.0.3"]);
const other = pool("other", ["10.0.1.0/30"]);

test("pools of service-allocation come first by priority, the others as written", () => {
  const rule = { namespaces: [], namespaceSelectors: [], serviceSelectors: [] };
  const selector = { matchLabels: { tier: "gold" }, matchExpressions: [] };
  const pools = [
    pool("plain", ["10.0.0.0/32"]),
    pool("last", ["10.0.0.1/32"], {
      serviceAllocation: { ...rule, priority: 0, namespaces: ["prod"] },
    }),
    pool("second", ["10.0.0.2/32"], {
      serviceAllocation: { ...rule, priority: 20, namespaceSelectors: [selector] },
    }),
    pool("first", ["10.0.0.3/32"], {
      serviceAllocation: {
        ...rule,
        priority: 10,
        namespaces: ["prod"],
        serviceSelectors: [selector],
      },
    }),
  ];
  const services = [1, 2, 3, 4, 5].map((n) =>
    service(`a${n}`, { namespace: "prod", labels: { tier: "gold" } }),
  );
  const allocation = allocate(
    snapshot(
      pools,
      [...services, service("b6"), ask("b7", { "routelb.io/address-pool": "first" })],
      {
        namespaces: new Map([["prod", { tier: "gold" }]]),
      },
    ),
  );
  assert.deepEqual(summaries(allocation), {
    "prod/a1": "10.0.0.3",
    "prod/a2": "10.0.0.2",
    "prod/a3": "10.0.0.1",
    "prod/a4": "10.0.0.0",
    "prod/a5": "(pools-full)",
    b6: "(pools-full)",
    b7: "(pool-not-for-service)",
  });
});

test("an address stays although service-allocation of its pool no longer admits the Service", () => {
  const rule = { priority: 1, namespaces: ["prod"], namespaceSelectors: [], serviceSelectors: [] };
  const pools = [pool("p", ["10.0.0.0/30"], { serviceAllocation: rule }), other];
  const allocation = allocate(snapshot(pools, [withStatus(service("a1"), "10.0.0.1")]));
  assert.deepEqual(summaries(allocation), { a1: "10.0.0.1" });
});

test("what was given stays promised until the status shows it", () => {
  const a1 = withStatus(service("a1"), "10.0.0.1");
  const before = allocate(snapshot([small], [a1, service("a2")]));
  assert.deepEqual(summaries(before), { a1: "10.0.0.1", a2: "10.0.0.2" });

  const after = allocate(snapshot([small], [service("a2"), service("a3")]), before);
  assert.deepEqual(summaries(after), { a2: "10.0.0.2", a3: "10.0.0.1" });
});

test("a promise dies with its Service, also when another takes its name", () => {
  const before = allocate(snapshot([small], [service("a1"), service("a2")]));
  const again = service("a2", { uid: "another", creationSeconds: 1 });
  assert.deepEqual(summaries(allocate(snapshot([small], [again]), before)), { a2: "10.0.0.1" });
});

test("an emptied status is filled with the address that the Service had", () => {
  const before = allocate(snapshot([small], [withStatus(service("a1"), "10.0.0.3")]));
  const after = allocate(snapshot([small], [service("a1")]), before);
  assert.deepEqual(summaries(after), { a1: "10.0.0.3" });
});

test("a move that was promised is not given up while its write is on the way", () => {
  const a1 = withStatus(ask("a1", { "routelb.io/address-pool": "other" }), "10.0.0.1");
  const before = allocate(snapshot([small, other], [a1]));
  const rival = service("a0", { loadBalancerIP: "10.0.1.0" });
  const after = allocate(snapshot([small, other], [rival, a1]), before);
  assert.deepEqual(summaries(after), { a0: "(address-in-use)", a1: "10.0.1.0" });
});

test("an address that an old leader wrote late goes to nobody who did not get it from us", () => {
  const pools = [pool("p", ["10.0.0.0/29"])];
  const [older, younger] = [service("older1"), service("younger2")];
  const first = allocate(snapshot(pools, [older, younger]));
  assert.deepEqual(summaries(first), { older1: "10.0.0.0", younger2: "10.0.0.1" });
  const slipped = [withStatus(older, "10.0.0.1"), withStatus(younger, "10.0.0.1")];
  const second = allocate(snapshot(pools, slipped), first);
  assert.deepEqual(summaries(second), { older1: "10.0.0.0", younger2: "10.0.0.1" });
});

test("the messages name pools, numbers and what to do", () => {
  const message = (pools: readonly PoolConfig[], asking: Service, others: readonly Service[]) => {
    const outcome = allocate(snapshot(pools, [...others, asking])).outcomes.get(asking.key);
    return outcome?.type === "untouched" ? "" : (outcome?.shortfall?.message ?? "");
  };
  const holder = withStatus(service("a1"), "10.0.0.1");
  const p = pool("p", ["10.0.0.1/32"]);
  assert.equal(
    message([p], service("a2"), [holder]),
    "no free IPv4 address in p (1 of 1 in use): add addresses to a pool, or delete a Service that has one",
  );
  assert.equal(
    message([p], service("a2", { loadBalancerIP: "10.0.0.1" }), [holder]),
    "the requested address 10.0.0.1 is held by Service default/a1: to share it, both Services need one value of routelb.io/allow-shared-ip",
  );
  assert.equal(
    message([], service("a2"), []),
    "no pool has IPv4 addresses: add some to address-pools in the configuration",
  );
  assert.equal(
    message([pool("q", ["10.0.0.1/32"], { autoAssign: false })], service("a2"), []),
    "no pool gives this Service an IPv4 address (q: auto-assign is false, ask for it with the annotation routelb.io/address-pool)",
  );
  const annotations = { "routelb.io/address-pool": "p" };
  assert.equal(
    message(
      [p, pool("six", ["2001:db8::/126"])],
      dualStack("a2", { annotations, ipFamilyPolicy: "RequireDualStack" }),
      [],
    ),
    "the requested pool p has no IPv6 addresses: add some to it, or ask for another pool",
  );
});

test("sizes and uses of pools are counted per family, avoided addresses left out", () => {
  const p = pool("p", ["10.0.0.250-10.0.2.5", "2001:db8::/64"], { avoidBuggyIps: true });
  const { pools } = allocate(snapshot([p], [dualStack("a1"), service("a2")]));
  assert.deepEqual(pools, [
    { name: "p", total: { ipv4: 268n - 4n, ipv6: 2n ** 64n }, used: { ipv4: 2, ipv6: 1 } },
  ]);
});

test("with a class of our own, and as the default, the right Services are ours", () => {
  const services = [
    service("none"),
    service("ours", { loadBalancerClass: "routelb.io/x" }),
    service("theirs", { loadBalancerClass: "example.com/y" }),
  ];
  const oursWith = (loadBalancerClass: { name?: string; isDefault: boolean }) => [
    ...allocate(snapshot([small], services, { loadBalancerClass })).outcomes.keys(),
  ];
  assert.deepEqual(oursWith({ isDefault: false }), ["default/none"]);
  assert.deepEqual(oursWith({ name: "routelb.io/x", isDefault: false }), ["default/ours"]);
  assert.deepEqual(oursWith({ name: "routelb.io/x", isDefault: true }), [
    "default/none",
    "default/ours",
  ]);
});

test("the answer does not depend on the order in which Services arrived", () => {
  const services = [5, 3, 1, 4, 2].map((n) => service(`a${n}`));
  const forth = allocate(snapshot([small, other], services));
  const back = allocate(snapshot([small, other], services.toReversed()));
  for (const { key } of services) {
    assert.equal(summary(forth.outcomes.get(key)), summary(back.outcomes.get(key)));
  }
});
