import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import type { Config, PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { poolAnnotation } from "../../src/controller/outcome.ts";
import {
  config,
  dualStack,
  pool,
  service,
  snapshot,
  summaries,
  summary,
  withStatus,
} from "./fixtures.ts";

interface Row {
  readonly says: string;
  readonly pools: readonly PoolConfig[] | Config;
  readonly services: readonly Service[];
  readonly gives: Readonly<Record<string, string>>;
}

const small = pool("small", ["10.0.0.1-10.0.0.3"]);
const other = pool("other", ["10.0.1.0/30"]);
const six = pool("six", ["2001:db8::/126"]);
const both = pool("both", ["10.0.2.0/30", "2001:db8:2::/126"]);

function ask(name: string, annotations: Record<string, string>, more: Partial<Service> = {}) {
  return service(name, { annotations, ...more });
}

const rows: readonly Row[] = [
  {
    says: "the scenario's Service gets the first address of the pool",
    pools: [pool("my-ip-space", ["172.16.7.192/26"], { avoidBuggyIps: true })],
    services: [service("nginx")],
    gives: { nginx: "172.16.7.192" },
  },
  {
    says: "addresses go out lowest first, to the oldest Service first",
    pools: [small],
    services: [service("c3"), service("a1"), service("b2")],
    gives: { a1: "10.0.0.1", b2: "10.0.0.2", c3: "10.0.0.3" },
  },
  {
    says: "Services of one second are served by namespace, then by name",
    pools: [small],
    services: [
      service("b", { namespace: "x" }),
      service("a", { namespace: "y" }),
      service("a", { namespace: "x" }),
    ],
    gives: { "x/a": "10.0.0.1", "x/b": "10.0.0.2", "y/a": "10.0.0.3" },
  },
  {
    says: "what is in status is adopted before anything is given out",
    pools: [small],
    services: [service("old1"), withStatus(service("young2"), "10.0.0.1")],
    gives: { old1: "10.0.0.2", young2: "10.0.0.1" },
  },
  {
    says: "pools are used in the order in which they are written, ranges likewise",
    pools: [pool("p", ["10.0.0.9-10.0.0.9", "10.0.0.1-10.0.0.1"]), other],
    services: [service("a1"), service("a2"), service("a3")],
    gives: { a1: "10.0.0.9", a2: "10.0.0.1", a3: "10.0.1.0" },
  },
  {
    says: "avoid-buggy-ips leaves out .0 and .255, also when asked for",
    pools: [pool("p", ["10.0.0.255-10.0.1.1"], { avoidBuggyIps: true })],
    services: [service("a1"), ask("a2", { "metallb.io/loadBalancerIPs": "10.0.1.0" })],
    gives: { a1: "10.0.1.1", a2: "(address-avoided)" },
  },
  {
    says: "a pool without auto-assign gives only what is asked for",
    pools: [pool("p", ["10.0.0.1-10.0.0.9"], { autoAssign: false })],
    services: [
      service("a1"),
      ask("a2", { "routelb.io/address-pool": "p" }),
      service("a3", { loadBalancerIP: "10.0.0.7" }),
    ],
    gives: { a1: "(no-pool)", a2: "10.0.0.1", a3: "10.0.0.7" },
  },
  {
    says: "a full pool is a reason, and who has an address keeps it",
    pools: [pool("p", ["10.0.0.1/32"])],
    services: [service("a1"), withStatus(service("a2"), "10.0.0.1")],
    gives: { a1: "(pools-full)", a2: "10.0.0.1" },
  },
  {
    says: "the three annotation prefixes ask for an address alike, ours wins",
    pools: [small],
    services: [
      ask("a1", { "metallb.universe.tf/loadBalancerIPs": "10.0.0.3" }),
      ask("a2", {
        "metallb.io/loadBalancerIPs": "10.0.0.1",
        "routelb.io/loadBalancerIPs": " 10.0.0.2 ",
      }),
    ],
    gives: { a1: "10.0.0.3", a2: "10.0.0.2" },
  },
  {
    says: "an empty annotation counts as absent",
    pools: [small],
    services: [ask("a1", { "routelb.io/loadBalancerIPs": " ", "routelb.io/address-pool": "" })],
    gives: { a1: "10.0.0.1" },
  },
  {
    says: "the annotation wins over spec.loadBalancerIP",
    pools: [small],
    services: [
      ask("a1", { "metallb.io/loadBalancerIPs": "10.0.0.2" }, { loadBalancerIP: "10.0.0.3" }),
    ],
    gives: { a1: "10.0.0.2" },
  },
  {
    says: "requests that make no sense are refused with the reason",
    pools: [small, six],
    services: [
      service("a1", { loadBalancerIP: "10.0.0.300" }),
      service("a2", { loadBalancerIP: "2001:db8::1" }),
      ask("a3", { "routelb.io/loadBalancerIPs": "10.0.0.1,10.0.0.2" }),
      service("a4", { loadBalancerIP: "192.0.2.1" }),
      ask("a5", { "routelb.io/address-pool": "smal" }),
      ask("a6", { "routelb.io/address-pool": "six", "routelb.io/loadBalancerIPs": "10.0.0.1" }),
      ask("a7", { "routelb.io/address-pool": "six" }),
      service("a8", { clusterIPs: ["None"] }),
    ],
    gives: {
      a1: "(invalid-request)",
      a2: "(invalid-request)",
      a3: "(invalid-request)",
      a4: "(address-not-in-pool)",
      a5: "(unknown-pool)",
      a6: "(address-not-in-pool)",
      a7: "(no-pool)",
      a8: "(no-cluster-ip)",
    },
  },
  {
    says: "a requested pool has no fallback",
    pools: [pool("one", ["10.0.0.1/32"]), other],
    services: [
      ask("a1", { "routelb.io/address-pool": "one" }),
      ask("a2", { "routelb.io/address-pool": "one" }),
    ],
    gives: { a1: "10.0.0.1", a2: "(pools-full)" },
  },
  {
    says: "an address that somebody has is not given to who asks for it",
    pools: [small],
    services: [
      withStatus(service("a1"), "10.0.0.2"),
      service("a2", { loadBalancerIP: "10.0.0.2" }),
    ],
    gives: { a1: "10.0.0.2", a2: "(address-in-use)" },
  },
  {
    says: "a request that cannot be met leaves the Service as it was",
    pools: [small, other],
    services: [
      withStatus(service("a1"), "10.0.0.2"),
      withStatus(service("a2", { loadBalancerIP: "10.0.0.2" }), "10.0.0.3"),
      withStatus(ask("a3", { "routelb.io/address-pool": "nowhere" }), "10.0.0.1"),
      withStatus(service("a4", { loadBalancerIP: "nonsense" }), "10.0.1.0"),
    ],
    gives: {
      a1: "10.0.0.2",
      a2: "10.0.0.3 (address-in-use)",
      a3: "10.0.0.1 (unknown-pool)",
      a4: "10.0.1.0 (invalid-request)",
    },
  },
  {
    says: "a request that can be met moves the Service, and its old address is not given out yet",
    pools: [pool("tiny", ["10.0.0.1/32"]), other],
    services: [
      withStatus(ask("a1", { "routelb.io/address-pool": "other" }), "10.0.0.1"),
      ask("a2", { "routelb.io/address-pool": "tiny" }),
    ],
    gives: { a1: "10.0.1.0", a2: "(pools-full)" },
  },
  {
    says: "taking a request away moves nothing",
    pools: [small, other],
    services: [withStatus(service("a1"), "10.0.1.3")],
    gives: { a1: "10.0.1.3" },
  },
  {
    says: "two Services in status with one address: the older keeps it, the other moves",
    pools: [small],
    services: [withStatus(service("a2"), "10.0.0.1"), withStatus(service("a1"), "10.0.0.1")],
    gives: { a1: "10.0.0.1", a2: "10.0.0.2" },
  },
  {
    says: "of two in status with one address and nothing free, the younger is cleared",
    pools: [pool("p", ["10.0.0.1/32"])],
    services: [withStatus(service("a2"), "10.0.0.1"), withStatus(service("a1"), "10.0.0.1")],
    gives: { a1: "10.0.0.1", a2: "cleared (pools-full)" },
  },
  {
    says: "an address of no pool is replaced, or left if there is nothing to replace it",
    pools: [pool("p", ["10.0.0.1/32"])],
    services: [
      withStatus(service("a1"), "192.0.2.1"),
      withStatus(service("a2"), "192.0.2.2"),
      service("a3", { ingress: [{ hostname: "lb.example.net" }] }),
    ],
    gives: { a1: "10.0.0.1", a2: "(pools-full)", a3: "(pools-full)" },
  },
  {
    says: "an address that we gave from a pool that is no more is cleared",
    pools: [pool("p", ["10.0.0.1/32"])],
    services: [service("a1"), withStatus(ask("a2", { [poolAnnotation]: "gone" }), "192.0.2.2")],
    gives: { a1: "10.0.0.1", a2: "cleared (pools-full)" },
  },
  {
    says: "of two addresses of one family in status the first is kept",
    pools: [small],
    services: [withStatus(service("a1"), "10.0.0.3", "10.0.0.2"), service("a2")],
    gives: { a1: "10.0.0.3", a2: "10.0.0.1" },
  },
  {
    says: "a Service of another class, or being deleted, keeps its address from ours",
    pools: [small],
    services: [
      withStatus(service("a1", { loadBalancerClass: "example.com/lb" }), "10.0.0.1"),
      withStatus(service("a2", { deleting: true }), "10.0.0.2"),
      service("a3"),
      service("a4", { type: "ClusterIP" }),
    ],
    gives: { a3: "10.0.0.3" },
  },
  {
    says: "Services of a layer2 pool are left untouched, by name, address asked for or held",
    pools: config([small], {
      layer2Pools: [{ name: "l2", ranges: pool("l2", ["192.0.2.0/24"]).ranges }],
    }),
    services: [
      ask("a1", { "metallb.universe.tf/address-pool": "l2" }),
      service("a2", { loadBalancerIP: "192.0.2.9" }),
      withStatus(service("a3"), "192.0.2.1"),
      service("a4"),
    ],
    gives: {
      a1: "untouched (l2)",
      a2: "untouched (l2)",
      a3: "untouched (l2)",
      a4: "10.0.0.1",
    },
  },
  {
    says: "dual stack takes both addresses from one pool that has both",
    pools: [small, six, both],
    services: [dualStack("a1"), dualStack("a2", { ipFamilyPolicy: "RequireDualStack" })],
    gives: { a1: "10.0.2.0,2001:db8:2::", a2: "10.0.2.1,2001:db8:2::1" },
  },
  {
    says: "without such a pool each family comes from the first that has it, in spec's order",
    pools: [small, six],
    services: [
      dualStack("a1"),
      dualStack("a2", { ipFamilies: ["ipv6", "ipv4"], ipFamilyPolicy: "RequireDualStack" }),
    ],
    gives: { a1: "10.0.0.1,2001:db8::", a2: "2001:db8::1,10.0.0.2" },
  },
  {
    says: "PreferDualStack is content with one family, RequireDualStack gets both or nothing",
    pools: [small],
    services: [dualStack("a1"), dualStack("a2", { ipFamilyPolicy: "RequireDualStack" })],
    gives: { a1: "10.0.0.1", a2: "(no-pool)" },
  },
  {
    says: "a second family is added where the first one is kept",
    pools: [small, six, both],
    services: [withStatus(dualStack("a1"), "10.0.2.3"), withStatus(dualStack("a2"), "10.0.0.3")],
    gives: { a1: "10.0.2.3,2001:db8:2::", a2: "10.0.0.3,2001:db8::" },
  },
  {
    says: "RequireDualStack that had one address keeps it while the other cannot be had",
    pools: [small],
    services: [withStatus(dualStack("a1", { ipFamilyPolicy: "RequireDualStack" }), "10.0.0.3")],
    gives: { a1: "10.0.0.3 (no-pool)" },
  },
  {
    says: "a Service that becomes single stack gives up the other family",
    pools: [both],
    services: [withStatus(service("a1"), "10.0.2.0", "2001:db8:2::")],
    gives: { a1: "10.0.2.0" },
  },
  {
    says: "a requested address fixes its family; the other one comes from the same pool if it can",
    pools: [small, six, both],
    services: [
      dualStack("a1", { loadBalancerIP: "10.0.2.2" }),
      dualStack("a2", { annotations: { "metallb.io/loadBalancerIPs": "2001:db8::3, 10.0.0.2" } }),
    ],
    gives: { a1: "10.0.2.2,2001:db8:2::", a2: "10.0.0.2,2001:db8::3" },
  },
  {
    says: "a RequireDualStack request that is met by half moves nothing",
    pools: [small, six, pool("v4", ["10.9.0.0/30"])],
    services: [
      withStatus(
        dualStack("a1", {
          ipFamilyPolicy: "RequireDualStack",
          annotations: { "routelb.io/address-pool": "v4" },
        }),
        "10.0.0.1",
        "2001:db8::",
      ),
    ],
    gives: { a1: "10.0.0.1,2001:db8:: (no-pool)" },
  },
  {
    says: "old servers tell the family by the cluster IP alone",
    pools: [small, six],
    services: [service("a1", { ipFamilies: [], clusterIPs: ["fd00::7"] })],
    gives: { a1: "2001:db8::" },
  },
];

for (const { says, pools, services, gives } of rows) {
  test(says, () => {
    const allocation = allocate(snapshot(pools, services));
    assert.deepEqual(summaries(allocation), gives);
  });
}

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
