import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import type { Cluster } from "./cluster.ts";
import { Guide } from "./guide.ts";
import { metallb011, metallbConfig } from "./metallb.ts";
import {
  allOf,
  askedAddresses,
  pathsBecame,
  podNames,
  setRemoteAsn,
  speakersByNode,
  startMetallb,
  swap,
  swapNode,
  type TablePath,
  usedBy,
  workers,
  writeConfig,
} from "./migration.ts";
import { formatRequests, ourRequests } from "./our-requests.ts";
import { makeService, serviceAddresses } from "./services.ts";
import { underRequests } from "./stream.ts";

const { routerAsn, speakerAsn } = scenario;
let started: { readonly cluster: Cluster; readonly guide: Guide } | undefined;

function setting() {
  assert.ok(started, "the cluster did not start");
  return started;
}

before(async () => {
  const cluster = await startMetallb("migrate", await metallb011(metallbConfig));
  const section = "## From MetalLB up to 0.12, in place";
  started = { cluster, guide: await Guide.open("docs/migrate.md", section, cluster) };
});

after(() => started?.cluster[Symbol.asyncDispose]());

test("MetalLB v0.11.0 in place: its configuration passes, its speakers stay when told to yield", async () => {
  const { cluster, guide } = setting();
  assert.equal(await guide.follow("### 1. Check the configuration"), "");
  const before = await podNames(cluster);
  await guide.follow("### 2. Let MetalLB's speakers go where a label says so");
  assert.deepEqual(await speakersByNode(cluster), allOf("metallb"));
  assert.deepEqual(await podNames(cluster), before);
});

test("controllers, then speakers node by node, under requests: addresses stay, the route never goes", async (context) => {
  const { cluster, guide } = setting();
  await cluster.look(context, async () => {
    const told = await swap(cluster, guide, async () => {
      assert.deepEqual(await speakersByNode(cluster), { ...allOf("metallb"), node1: "routelb" });
      const isShared = (those: readonly TablePath[]) => usedBy(those) === workers.join();
      await pathsBecame(cluster, "both kinds share ECMP", isShared);
    });
    const known = [...(await serviceAddresses(cluster)).values()];
    const { address } = await makeService(cluster, "late-3");
    assert.ok(!known.includes(address), `${address} was given twice`);
    return told;
  });
});

test("and back again, under requests", async (context) => {
  const { cluster, guide } = setting();
  await cluster.look(context, async () => {
    const before = await serviceAddresses(cluster);
    const { told } = await underRequests(cluster, await askedAddresses(cluster), async () => {
      await guide.follow("### Going back: the controllers");
      for (const { name } of workerNodes) {
        await swapNode(cluster, guide, { heading: "### Going back: each node", node: name });
      }
    });
    assert.deepEqual(await serviceAddresses(cluster), before);
    assert.deepEqual(await speakersByNode(cluster), allOf("metallb"));
    return told;
  });
});

const internal = metallbConfig.replace(`my-asn: ${speakerAsn}`, `my-asn: ${routerAsn}`);
const even = `${internal}  bgp-advertisements:\n  - localpref: 0\n`;

test("over an internal session localpref: 0 keeps both kinds equal until the last is swapped", async (context) => {
  const { cluster, guide } = setting();
  await cluster.look(context, async () => {
    await setRemoteAsn(cluster, routerAsn);
    await writeConfig(cluster, internal);
    const arePreferred = (wanted: string, used: string) => (those: readonly TablePath[]) =>
      those.map(({ localPref }) => localPref).join() === wanted && usedBy(those) === used;
    const areEven = arePreferred("0,0,0", workers.join());
    await pathsBecame(cluster, "MetalLB's three paths at LOCAL_PREF 0", areEven);
    const warned = await guide.follow("### 1. Check the configuration");
    assert.match(warned, /^stdin:\d+:\d+: warning: .*write localpref: 0/);
    await writeConfig(cluster, even);
    assert.equal(await guide.follow("### 1. Check the configuration"), "");
    return swap(cluster, guide, async () => {
      await pathsBecame(cluster, "three equal paths, of both kinds", areEven);
      // What the warning is about.
      await writeConfig(cluster, internal);
      const isUneven = arePreferred("100,0,0", workers[0] ?? "");
      await pathsBecame(cluster, "ours alone is used without it", isUneven);
      await writeConfig(cluster, even);
      await pathsBecame(cluster, "three equal paths again", areEven);
    });
  });
});

test("the end: localpref as one likes it, MetalLB removed, no more labels; under requests", async (context) => {
  const { cluster, guide } = setting();
  await cluster.look(context, async () => {
    const before = await serviceAddresses(cluster);
    const asked = await askedAddresses(cluster);
    const raised = await underRequests(cluster, asked, async () => {
      await writeConfig(cluster, internal);
      const isOurs = (path: TablePath) => path.isUsed && path.localPref === 100;
      await pathsBecame(
        cluster,
        "three equal paths at LOCAL_PREF 100",
        (those) => those.length === 3 && those.every(isOurs),
      );
    });
    const removed = await underRequests(cluster, asked, async () => {
      await guide.follow("### 5. Remove MetalLB");
    });
    assert.equal(removed.changes, 0, removed.told);
    assert.deepEqual(await serviceAddresses(cluster), before);
    assert.deepEqual(await speakersByNode(cluster), allOf("routelb"));
    return `localpref raised: ${raised.told}\nMetalLB removed: ${removed.told}`;
  });
});

test("the API server refused none of our requests, in MetalLB's namespace either", async (context) => {
  const { cluster } = setting();
  await cluster.look(context, async () => {
    const ours = /^system:serviceaccount:metallb-system:routelb-(controller|speaker)$/;
    return formatRequests(await ourRequests(cluster, ours));
  });
});
