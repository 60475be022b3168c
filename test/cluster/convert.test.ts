import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { builtFolder } from "../../lab/cluster/build.ts";
import type { JsonObject } from "../../lab/kube/json.ts";
import { readMetallbObjects } from "../../src/cli/convert/metallb-object.ts";
import { convert } from "../../src/cli/convert.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { ofKind, readManifests } from "../deploy/manifests.ts";
import { BareCluster } from "./bare-cluster.ts";
import { withoutWebhook } from "./metallb.ts";

const fixture = join(import.meta.dirname, "../cli/convert/metallb.yaml");
const kinds = [
  "bgppeers",
  "ipaddresspools",
  "bgpadvertisements",
  "communities",
  "bfdprofiles",
  "l2advertisements",
];

let started: BareCluster | undefined;

function cluster(): BareCluster {
  assert.ok(started, "the control plane did not start");
  return started;
}

before(async () => {
  started = await BareCluster.start("convert");
});

after(() => started?.[Symbol.asyncDispose]());

test("the objects that are converted are valid by MetalLB v0.16's own definitions", async () => {
  const { kubectl } = cluster();
  const manifests = join(await builtFolder("metallb/v0.16"), "metallb-native.yaml");
  const definitions = ofKind(
    readManifests(await readFile(manifests, "utf8")),
    "CustomResourceDefinition",
  ).map(withoutWebhook);
  await kubectl.runWith(JSON.stringify(listOf(definitions)), "apply", "--server-side", "-f", "-");
  await kubectl.run("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s");
  await kubectl.run("create", "namespace", "metallb-system");
  await kubectl.run("apply", "--server-side", "--validate=strict", "-f", fixture);
});

test("what kubectl get prints of them, defaults and all, converts to the same", async () => {
  const printed = await cluster().kubectl.run("get", kinds.join(), "-A", "-o", "yaml");
  const written = resultOf("metallb.yaml", await readFile(fixture, "utf8"));
  const served = resultOf("stdin", printed);
  assert.deepEqual(served.config, written.config);
  assert.deepEqual(served.losses, written.losses);
});

/** The configuration and what is lost, whatever the order of the objects. */
function resultOf(file: string, text: string) {
  const { text: config, losses } = convert(readMetallbObjects(file, text), "routelb-system");
  const parsed = parseConfig(config, { layer2: "error" });
  assert.ok(parsed.ok, config);
  const byName = <T extends { readonly name: string }>(those: readonly T[]) =>
    those.toSorted((a, b) => a.name.localeCompare(b.name));
  const pools = parsed.config.pools.map((pool) => ({
    ...pool,
    advertisements: pool.advertisements.toSorted((a, b) => a.localPref - b.localPref),
  }));
  return {
    config: { peers: byName(parsed.config.peers), pools: byName(pools) },
    losses: losses
      .map(({ object, field, text: why }) => [object, field, why.replace(/\d+/g, "N")].join(": "))
      .toSorted(),
  };
}

function listOf(items: readonly JsonObject[]): JsonObject {
  return { apiVersion: "v1", kind: "List", items };
}
