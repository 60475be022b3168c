import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Json, listAt, textAt } from "../../../lab/kube/json.ts";
import { addressesOf, conditionOf, type Objects, poolOf } from "./objects.ts";
import { ourNamespace } from "./replica.ts";

export const rulesConfig = `address-pools:
- {name: plain, protocol: bgp, addresses: [10.0.0.0/29, "fd00:1::/125"]}
- {name: asked, protocol: bgp, addresses: [10.0.1.0/30], auto-assign: false}
- {name: pair, protocol: bgp, addresses: [10.0.2.0/31], auto-assign: false}
`;

const prefixes = ["routelb.io/", "metallb.io/", "metallb.universe.tf/"];
const tcp = (port: number) => ({ ports: [{ name: "one", port }] });
const limits = { timeout: 300_000 };

const isRefused = (service: Json) => conditionOf(service)?.startsWith("False ") === true;

/** The allocation rules where the server is a real one: each test leaves no Service behind. */
export function allocationRules(objects: () => Objects): void {
  const remove = async (...names: readonly string[]) => {
    for (const name of names) await objects().remove(name);
  };

  describe("the rules, on a real API server", limits, () => {
    test("lowest address first; pool, condition and ipMode are written, and an Event", async () => {
      await objects().create("web");
      const web = await objects().untilAddress("web", "10.0.0.0");
      assert.equal(conditionOf(web), "True Assigned");
      assert.equal(poolOf(web), "plain");
      assert.equal(textAt(listAt(web, "status", "loadBalancer", "ingress")[0], "ipMode"), "VIP");
      await objects().untilEvent("web", /^IPAllocated: Assigned 10\.0\.0\.0 of pool plain/);
      await remove("web");
    });

    test("an address is asked for by the field, or by an annotation of any prefix", async () => {
      await objects().create("field", { loadBalancerIP: "10.0.1.3" });
      await objects().untilAddress("field", "10.0.1.3");
      for (const [index, prefix] of prefixes.entries()) {
        await objects().create(
          `ip${index}`,
          {},
          { [`${prefix}loadBalancerIPs`]: `10.0.1.${index}` },
        );
        await objects().untilAddress(`ip${index}`, `10.0.1.${index}`);
      }
      await objects().untilEvent("ip2", /^DeprecatedAnnotation: .*metallb\.universe\.tf/);
      await objects().create("taken", { loadBalancerIP: "10.0.1.3" });
      await objects().until("taken", "refused", (one) => isRefused(one));
      await objects().untilEvent("taken", /^AllocationFailed: .*10\.0\.1\.3/);
      await remove("field");
      await objects().untilAddress("taken", "10.0.1.3");
      await remove("taken", "ip0", "ip1", "ip2");
    });

    test("a pool is asked for by an annotation of any prefix; one that is full is waited for", async () => {
      for (const [index, prefix] of prefixes.slice(0, 2).entries()) {
        await objects().create(`pool${index}`, {}, { [`${prefix}address-pool`]: "pair" });
        await objects().untilAddress(`pool${index}`, `10.0.2.${index}`);
      }
      await objects().create("pool2", {}, { [`${prefixes[2]}address-pool`]: "pair" });
      await objects().untilEvent("pool2", /^AllocationFailed: .*pair/);
      await objects().patch("pool0", { spec: { type: "ClusterIP" } });
      await objects().untilAddress("pool2", "10.0.2.0");
      await remove("pool0", "pool1", "pool2");
    });

    test("Services of one key and other ports share an address; of one port they do not", async () => {
      const key = { "metallb.universe.tf/allow-shared-ip": "dns" };
      await objects().create("tcp", tcp(53), key);
      await objects().untilAddress("tcp", "10.0.0.0");
      await objects().create("other", tcp(54), key);
      await objects().untilAddress("other", "10.0.0.0");
      await objects().create("again", tcp(53), key);
      await objects().untilAddress("again", "10.0.0.1");
      await remove("tcp", "other", "again");
    });

    test("dual stack: both families, in the order of spec.ipFamilies", async () => {
      const families = ["IPv6", "IPv4"];
      await objects().create("prefer", { ipFamilyPolicy: "PreferDualStack" });
      await objects().untilAddress("prefer", "10.0.0.0,fd00:1::");
      await objects().create("require", {
        ipFamilyPolicy: "RequireDualStack",
        ipFamilies: families,
      });
      await objects().untilAddress("require", "fd00:1::1,10.0.0.1");
      const asked = { "routelb.io/address-pool": "asked" };
      await objects().create("half", { ipFamilyPolicy: "PreferDualStack" }, asked);
      await objects().untilAddress("half", "10.0.1.0");
      await objects().create("none", { ipFamilyPolicy: "RequireDualStack" }, asked);
      await objects().until("none", "refused", (one) => isRefused(one));
      assert.equal(await objects().addressOf("none"), "");
      await remove("prefer", "require", "half", "none");
    });

    test("a Service of another class is left alone", async () => {
      await objects().create("other", { loadBalancerClass: "example.com/other" });
      await objects().create("ours");
      await objects().untilAddress("ours", "10.0.0.0");
      const other = await objects().get("other");
      assert.deepEqual([addressesOf(other), conditionOf(other)], ["", undefined]);
      await remove("other", "ours");
    });

    test("as a ClusterIP it keeps nothing of ours, and conditions of others", async () => {
      await objects().create("web");
      const web = await objects().untilAddress("web", "10.0.0.0");
      const theirs = {
        type: "example.com/Checked",
        status: "True",
        reason: "Fine",
        message: "",
        lastTransitionTime: "2026-01-01T00:00:00Z",
      };
      const conditions = [...listAt(web, "status", "conditions"), theirs];
      await objects().patchStatus("web", { conditions });
      await objects().patch("web", { spec: { type: "ClusterIP" } });
      const after = await objects().until(
        "web",
        "without our condition",
        (one) => conditionOf(one) === undefined,
      );
      assert.deepEqual([addressesOf(after), poolOf(after)], ["", undefined]);
      const types = listAt(after, "status", "conditions").map((each) => textAt(each, "type"));
      assert.deepEqual(types, ["example.com/Checked"]);
      await remove("web");
    });

    test("what others wrote: an address of a pool stays, any other is replaced", async () => {
      const ingress = (ip: string) => ({ loadBalancer: { ingress: [{ ip }] } });
      await objects().create("theirs", { loadBalancerClass: "example.com/other" });
      await objects().patchStatus("theirs", ingress("10.0.0.0"));
      await objects().create("kept");
      await objects().untilAddress("kept", "10.0.0.1");
      await objects().patchStatus("kept", ingress("10.0.0.5"));
      await objects().create("next");
      await objects().untilAddress("next", "10.0.0.1");
      assert.equal(await objects().addressOf("kept"), "10.0.0.5");
      await objects().patchStatus("kept", ingress("192.0.2.1"));
      await objects().untilAddress("kept", "10.0.0.5");
      await remove("theirs", "kept", "next");
    });

    test("a move is make-before-break, and one that cannot be done changes nothing", async () => {
      await objects().create("rival", { loadBalancerIP: "10.0.1.1" });
      await objects().untilAddress("rival", "10.0.1.1");
      await objects().create("mover");
      const mover = await objects().untilAddress("mover", "10.0.0.0");
      const ask = { metadata: { annotations: { "routelb.io/loadBalancerIPs": "10.0.1.1" } } };
      await objects().patch("mover", ask);
      await objects().untilEvent("mover", /^AllocationFailed: 10\.0\.0\.0 of pool plain stays: /);
      assert.equal(await objects().addressOf("mover"), "10.0.0.0");
      await remove("rival");
      await objects().untilAddress("mover", "10.0.1.1");
      await objects().untilEvent(
        "mover",
        /^Renumbered: Assigned 10\.0\.1\.1 .* instead of 10\.0\.0\.0/,
      );
      const seen = await objects().addressesSince(mover, "10.0.1.1");
      assert.deepEqual(seen, ["10.0.0.0", "10.0.1.1"]);
      await remove("mover");
    });

    test("a configuration that strands is refused and told, and done where the operator says so", async () => {
      await objects().create("web");
      await objects().untilAddress("web", "10.0.0.0");
      const shrunk = rulesConfig.replace("10.0.0.0/29", "10.0.0.4/30");
      await objects().configure(shrunk);
      const told = /^ConfigNotApplied: not applied.* rules\/web \(10\.0\.0\.0 of pool plain\)/;
      await objects().untilEvent("config", told, ourNamespace);
      assert.equal(await objects().addressOf("web"), "10.0.0.0");
      await objects().configure(shrunk, { "routelb.io/allow-renumbering": "true" });
      await objects().untilAddress("web", "10.0.0.4");
      await objects().untilInForce(shrunk);
      await objects().configure(rulesConfig);
      await objects().untilInForce(rulesConfig);
      assert.equal(await objects().addressOf("web"), "10.0.0.4");
      await remove("web");
    });
  });
}
