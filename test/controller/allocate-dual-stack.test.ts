import { dualStack, pool, type Rule, service, testRules, withStatus } from "./fixtures.ts";

const small = pool("small", ["10.0.0.1-10.0.0.3"]);
const six = pool("six", ["2001:db8::/126"]);
const both = pool("both", ["10.0.2.0/30", "2001:db8:2::/126"]);

const rules: readonly Rule[] = [
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

testRules(rules);
