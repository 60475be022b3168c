import { poolAnnotation } from "../../src/controller/outcome.ts";
import { ask, config, pool, type Rule, service, testRules, withStatus } from "./fixtures.ts";

const small = pool("small", ["10.0.0.1-10.0.0.3"]);
const other = pool("other", ["10.0.1.0/30"]);
const six = pool("six", ["2001:db8::/126"]);

const rules: readonly Rule[] = [
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
];

testRules(rules);
