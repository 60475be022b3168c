import assert from "node:assert/strict";
import { before, describe, test } from "node:test";
import { type Json, type JsonObject, textsAt } from "../../../lab/kube/json.ts";
import type { Kubectl } from "../../../lab/kubectl.ts";
import { waitFor } from "../../../lab/wait.ts";
import { addressesOf, conditionOf, type Objects, poolOf, versionOf } from "./objects.ts";

const config = (...pools: readonly string[]) => `address-pools:\n- ${pools.join("\n- ")}\n`;

const rest = "{name: rest, protocol: bgp, addresses: [10.1.9.0/29]}";
const poolsConfig = config(
  rest,
  "{name: team, protocol: bgp, addresses: [10.1.0.0/30], service-allocation: {priority: 20, namespaces: [team]}}",
  "{name: front, protocol: bgp, addresses: [10.1.1.0/32], service-allocation: {priority: 10, namespaces: [team], service-selectors: [{match-labels: {tier: front}}]}}",
  "{name: stage, protocol: bgp, addresses: [10.1.2.0/30], service-allocation: {namespace-selectors: [{match-labels: {stage: test}}]}}",
  "{name: data, protocol: bgp, addresses: [10.1.3.0/30], service-allocation: {service-selectors: [{match-labels: {tier: data}}]}}",
  "{name: edge, protocol: bgp, addresses: [10.1.4.254-10.1.5.1], avoid-buggy-ips: true, auto-assign: false}",
  "{name: apart, protocol: bgp, addresses: [10.1.6.0/30], sharing: namespace, auto-assign: false}",
);
const secondFamily = poolsConfig.replace("10.1.9.0/29", '10.1.9.0/29, "fd00:9::/128"');

/** Who gets an address of which pool without asking; a namespace `staged` has the label `stage: test`. */
const placements = [
  { why: "a pool for it comes before one for all", namespace: "staged", gets: "10.1.2.0" },
  { why: "the lower priority first", namespace: "team", tier: "front", gets: "10.1.1.0" },
  { why: "the next one when that is full", namespace: "team", tier: "front", gets: "10.1.0.0" },
  { why: "a pool for other Services is none", namespace: "team", gets: "10.1.0.1" },
  { why: "a pool for any namespace", namespace: "rules", tier: "data", gets: "10.1.3.0" },
  {
    why: "a pool for another namespace is none",
    namespace: "rules",
    tier: "front",
    gets: "10.1.9.0",
  },
] as const;

const ofApp = (app: string) => ({ selector: { app } });
/** Services of one key, each with a port of its own, as they are made. */
const sharers = [
  { name: "local", spec: { externalTrafficPolicy: "Local", ...ofApp("a") }, gets: "10.1.9.0" },
  { name: "same", spec: { externalTrafficPolicy: "Local", ...ofApp("a") }, gets: "10.1.9.0" },
  { name: "other", spec: { externalTrafficPolicy: "Local", ...ofApp("b") }, gets: "10.1.9.1" },
  { name: "cluster", spec: ofApp("a"), gets: "10.1.9.2" },
  { name: "anywhere", spec: ofApp("b"), gets: "10.1.9.2" },
  { name: "manual", spec: { externalTrafficPolicy: "Local", selector: null }, gets: "10.1.9.2" },
] as const;

const old = "{name: old, protocol: bgp, addresses: [10.2.0.0/29]}";
const more = "{name: more, protocol: bgp, addresses: [10.2.1.0/30]}";
const low = "{name: low, protocol: bgp, addresses: [10.2.0.0/31]}";
const high = "{name: high, protocol: bgp, addresses: [10.2.0.2-10.2.0.7]}";
/** What befalls the pools of 10.2.0.0 to 10.2.0.2, then `next` shows that it is in force. */
const changes = [
  { change: "a pool is added", pools: [old, more], next: "10.2.0.3", of: ["old", "old", "old"] },
  {
    change: "pools change places",
    pools: [more, old],
    next: "10.2.1.0",
    of: ["old", "old", "old"],
  },
  { change: "a pool is split", pools: [high, low], next: "10.2.0.3", of: ["low", "low", "high"] },
  {
    change: "a pool is renamed",
    pools: [more, low, high.replace("high", "top")],
    next: "10.2.1.0",
    of: ["low", "low", "top"],
  },
] as const;

export interface PoolWorld {
  readonly kubectl: Kubectl;
  readonly objectsIn: (namespace: string) => Objects;
}

/** What a pool may be told, and what becomes of addresses when the pools change. */
export function poolRules(world: () => PoolWorld): void {
  const objectsIn = (namespace: string) => world().objectsIn(namespace);
  const objects = () => objectsIn("rules");
  const remove = async (...names: readonly string[]) => {
    for (const name of names) await objects().remove(name);
  };
  const configure = async (text: string) => {
    await objects().configure(text);
    await objects().untilInForce(text);
  };

  describe("the rules of pools, on a real API server", { timeout: 300_000 }, () => {
    before(async () => {
      const { kubectl } = world();
      for (const name of ["team", "staged"]) await kubectl.run("create", "namespace", name);
      await kubectl.run("label", "namespace", "staged", "stage=test");
      await configure(poolsConfig);
    });

    test("avoid-buggy-ips: .0 and .255 are never given out, not to who asks for them either", async () => {
      for (const [name, address] of [
        ["below", "10.1.4.254"],
        ["above", "10.1.5.1"],
      ] as const) {
        await objects().create(name, {}, inPool("edge"));
        await objects().untilAddress(name, address);
      }
      await objects().create("full", {}, inPool("edge"));
      await objects().untilEvent("full", /^AllocationFailed: .*edge \(2 of 2 in use\)/);
      await objects().create("asks", { loadBalancerIP: "10.1.5.0" });
      await objects().untilEvent("asks", /^AllocationFailed: .*10\.1\.5\.0 is never given out/);
      await remove("below", "above", "full", "asks");
    });

    test("service-allocation: priority, namespaces, and selectors of both", async () => {
      for (const [index, { why, namespace, gets, ...row }] of placements.entries()) {
        const labels = "tier" in row ? { tier: row.tier } : {};
        await objectsIn(namespace).create(`one${index}`, {}, {}, labels);
        const one = await objectsIn(namespace).until(`one${index}`, "an address", hasAddress);
        assert.equal(addressesOf(one), gets, why);
      }
      await objects().create("foreign", {}, inPool("team"));
      await objects().untilEvent("foreign", /^AllocationFailed: .* team does not admit this/);
      for (const [index, { namespace }] of placements.entries()) {
        await objectsIn(namespace).remove(`one${index}`);
      }
      await remove("foreign");
    });

    test("sharing: namespace: one key shares an address in its own namespace only", async () => {
      const annotations = { ...inPool("apart"), ...shared };
      for (const [namespace, name, port, gets] of [
        ["team", "tcp", 53, "10.1.6.0"],
        ["rules", "tcp", 54, "10.1.6.1"],
        ["team", "other", 55, "10.1.6.0"],
      ] as const) {
        await objectsIn(namespace).create(name, onPort(port), annotations);
        await objectsIn(namespace).untilAddress(name, gets);
      }
      await remove("tcp");
      for (const name of ["tcp", "other"]) await objectsIn("team").remove(name);
    });

    test("`Local` shares with `Local` of the same selector, `Cluster` with `Cluster`", async () => {
      for (const [index, { name, spec, gets }] of sharers.entries()) {
        await objects().create(name, { ...onPort(1 + index), ...spec }, shared);
        const one = await objects().until(name, "an address", hasAddress);
        assert.equal(addressesOf(one), gets, name);
      }
      await remove(...sharers.map(({ name }) => name));
    });

    test("kubectl describe says what a Service waits for, and kubectl wait ends when it has it", async () => {
      const kubectl = (...args: readonly string[]) => world().kubectl.run("-n", "rules", ...args);
      const assigned = "--for=condition=routelb.io/AddressAssigned";
      await objects().create("web");
      await kubectl("wait", "svc/web", assigned, "--timeout=60s");
      await objects().create("pending", { loadBalancerIP: "10.1.9.0" });
      await kubectl("wait", "svc/pending", `${assigned}=false`, "--timeout=60s");
      const told =
        /AllocationFailed .*the requested address 10\.1\.9\.0 is held by Service rules\/web: /;
      await waitFor(
        async () => told.test(await kubectl("describe", "svc", "pending")) || undefined,
        { what: `kubectl describe says ${told}`, timeoutMs: 60_000 },
      );
      const waiting = kubectl("wait", "svc/pending", assigned, "--timeout=60s");
      await remove("web");
      await waiting;
      assert.equal(await objects().addressOf("pending"), "10.1.9.0");
      await remove("pending");
    });

    test("PreferDualStack: the second family comes when a pool gets it, and when somebody frees it", async () => {
      const names = ["first", "second"];
      for (const [index, name] of names.entries()) {
        await objects().create(name);
        await objects().untilAddress(name, `10.1.9.${index}`);
        await objects().patch(name, { spec: { ipFamilyPolicy: "PreferDualStack" } });
        const one = await objects().get(name);
        assert.equal(textsAt(one, "spec", "ipFamilies").join(), "IPv4,IPv6");
        assert.deepEqual(
          [addressesOf(one), conditionOf(one)],
          [`10.1.9.${index}`, "True Assigned"],
        );
      }
      await configure(secondFamily);
      await objects().untilAddress("first", "10.1.9.0,fd00:9::");
      assert.equal(await objects().addressOf("second"), "10.1.9.1");
      await remove("first");
      await objects().untilAddress("second", "10.1.9.1,fd00:9::");
      await remove("second");
    });

    test("pools that are added, change places, are split and renamed renumber nobody", async () => {
      await configure(config(old));
      const holders = ["holder0", "holder1", "holder2"];
      for (const [index, name] of holders.entries()) {
        await objects().create(name);
        await objects().untilAddress(name, `10.2.0.${index}`);
      }
      const before = await Promise.all(holders.map((name) => objects().get(name)));
      for (const { change, pools, next, of } of changes) {
        await configure(config(...pools));
        await objects().create("next");
        const newcomer = await objects().until("next", "an address", hasAddress);
        assert.equal(addressesOf(newcomer), next, change);
        for (const [index, name] of holders.entries()) {
          const isNoted = (service: Json) => poolOf(service) === of[index];
          const holder = await objects().until(name, `${change}: pool ${of[index]}`, isNoted);
          const had = before[index];
          assert.equal(addressesOf(holder), `10.2.0.${index}`, change);
          // Where not even its pool has another name, nothing is written.
          if (had && isNoted(had)) assert.equal(versionOf(holder), versionOf(had), change);
        }
        await remove("next");
      }
      for (const name of holders) {
        assert.deepEqual(await objects().eventReasons(name), ["IPAllocated"]);
      }
      await remove(...holders);
    });
  });
}

const shared = { "routelb.io/allow-shared-ip": "one" };
const inPool = (name: string) => ({ "routelb.io/address-pool": name });
const onPort = (port: number): JsonObject => ({ ports: [{ name: "one", port }] });
const hasAddress = (service: Json): boolean => addressesOf(service) !== "";
