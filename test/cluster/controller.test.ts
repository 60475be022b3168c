import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { at } from "../../lab/kube/json.ts";
import { deployFolder } from "../deploy/manifests.ts";
import { BareCluster } from "./bare-cluster.ts";
import { classRules } from "./controller/class-rules.ts";
import { Objects } from "./controller/objects.ts";
import { poolRules } from "./controller/pool-rules.ts";
import { ourNamespace, Replica } from "./controller/replica.ts";
import { allocationRules, rulesConfig } from "./controller/rules.ts";
import { replicasConfig, twoReplicas } from "./controller/two-replicas.ts";

const resources = new AsyncDisposableStack();
let started: { readonly cluster: BareCluster; readonly replica: Replica } | undefined;

function world() {
  assert.ok(started, "the control plane or the controller did not start");
  return started;
}

function objectsIn(namespace: string): Objects {
  return new Objects(world().cluster.api, namespace);
}

before(async () => {
  const cluster = resources.use(await BareCluster.start("ctl", { isDualStack: true }));
  const { kubectl } = cluster;
  await kubectl.run("apply", "-f", join(deployFolder, "routelb.yaml"));
  for (const namespace of ["rules", "replicas"]) {
    await kubectl.run("create", "namespace", namespace);
  }
  const config = ["create", "configmap", "config", "-n", ourNamespace];
  await kubectl.run(...config, `--from-literal=config=${rulesConfig}`);
  started = { cluster, replica: resources.use(await Replica.start(cluster, "rules")) };
});

after(() => resources.disposeAsync());

allocationRules(() => objectsIn("rules"));

poolRules(() => ({ kubectl: world().cluster.kubectl, objectsIn }));

test("deploy/ asks for two replicas, of which a disruption leaves one", async () => {
  const { kubectl } = world().cluster;
  const of = ["-n", ourNamespace, "get"];
  assert.equal(at(await kubectl.json(...of, "deployment", "controller"), "spec", "replicas"), 2);
  const budget = await kubectl.json(...of, "pdb", "controller");
  assert.equal(at(budget, "spec", "maxUnavailable") ?? at(budget, "spec", "minAvailable"), 1);
});

test("the one controller ends, and its Lease is free", async () => {
  await objectsIn("rules").configure(replicasConfig);
  await objectsIn("rules").untilInForce(replicasConfig);
  assert.equal((await world().replica.process.stop(60_000)).code, 0);
});

classRules(() => ({ cluster: world().cluster, objects: objectsIn("replicas") }));

twoReplicas(() => ({ cluster: world().cluster, objects: objectsIn("replicas") }));
