import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { scenario } from "../../lab/scenario.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import type { Cluster } from "./cluster.ts";
import { Guide } from "./guide.ts";
import { metallb016, metallbObjects } from "./metallb.ts";
import {
  allOf,
  pathsBecame,
  speakersByNode,
  startMetallb,
  swap,
  usedBy,
  workers,
} from "./migration.ts";
import { serviceAddresses } from "./services.ts";

const document = "docs/migrate.md";
let started: Cluster | undefined;

function cluster(): Cluster {
  assert.ok(started, "the cluster did not start");
  return started;
}

before(async () => {
  started = await startMetallb("objects", await metallb016(metallbObjects));
});

after(() => started?.[Symbol.asyncDispose]());

/** The session starts anew, and with it all that the router learns of that neighbor. */
async function clear(address: string): Promise<void> {
  await cluster().lab.topology.router.vtysh(`clear bgp ${address}`);
  await pathsBecame(cluster(), `the path of ${address} is incomplete now`, (those) =>
    those.some(({ nextHop, origin }) => nextHop === address && origin === "incomplete"),
  );
}

test("MetalLB v0.16.2, node by node, under requests: its paths are preferred until the router makes them even", async (context) => {
  await cluster().look(context, async () => {
    const guide = await Guide.open(document, "## From MetalLB 0.13 and later", cluster());
    assert.equal(await guide.follow("### 1. Convert and check"), "");
    await guide.follow("### 2. Let MetalLB's speakers go where a label says so");
    const others = workers.slice(1);
    const onFirst = async (): Promise<void> => {
      assert.deepEqual(await speakersByNode(cluster()), { ...allOf("metallb"), node1: "routelb" });
      await pathsBecame(
        cluster(),
        "three paths, of which MetalLB's are used",
        (those) => those.length === 3 && usedBy(those) === others.join(),
      );
      const lines = guide.configuration("route-map EVEN permit 10");
      await cluster().lab.topology.router.configure(...lines);
      for (const address of others) await clear(address);
      await awaitGateways(cluster().lab, scenario.serviceAddress, workers);
    };
    return swap(cluster(), guide, onFirst, others);
  });
});

test("MetalLB's namespace removed, no more labels: addresses and routes stay", async () => {
  const guide = await Guide.open(document, "## From MetalLB 0.13 and later", cluster());
  const before = await serviceAddresses(cluster());
  await cluster().lab.kubectl.run("delete", "namespace", "metallb-system", "--timeout=25s");
  await guide.follow("### 5. Remove MetalLB");
  assert.deepEqual(await serviceAddresses(cluster()), before);
  for (const address of before.values()) await awaitGateways(cluster().lab, address, workers);
});
