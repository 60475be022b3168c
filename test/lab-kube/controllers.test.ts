import assert from "node:assert/strict";
import { test } from "node:test";
import { at, listAt, numberAt, textAt, textsAt } from "../../lab/kube/json.ts";
import { deployment, LabCluster, podTemplate } from "./lab-cluster.ts";

function nodesOfPods(cluster: LabCluster): readonly string[] {
  return cluster.objects.list("pods").map((pod) => textAt(pod, "spec", "nodeName") ?? "none");
}

test("a Deployment's Pods are spread one per node, and none on a node that takes none", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node0", "node1", "node2", "node3", "node4");
  cluster.objects.patch("nodes", "node0", {
    spec: { taints: [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] },
  });
  cluster.objects.patch("nodes", "node4", {
    metadata: { labels: { "lab.routelb.io/no-pods": "" } },
  });
  cluster.objects.apply(deployment("nginx", 3));
  cluster.settle();
  assert.deepEqual([...nodesOfPods(cluster)].sort(), ["node1", "node2", "node3"]);
  const [pod] = cluster.objects.list("pods");
  assert.match(textAt(pod, "metadata", "name") ?? "", /^nginx-[a-z0-9]{6,10}-[a-z0-9]{5}$/);
  assert.deepEqual(cluster.errors, []);
});

test("a cordoned node gets no new Pod, and takes them again when uncordoned", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.patch("nodes", "node1", { spec: { unschedulable: true } });
  cluster.objects.apply(deployment("nginx", 1));
  cluster.settle();
  assert.deepEqual(nodesOfPods(cluster), ["none"]);
  const reasons = cluster.objects.list("events").map((event) => textAt(event, "reason"));
  assert.ok(reasons.includes("FailedScheduling"));
  cluster.objects.patch("nodes", "node1", { spec: { unschedulable: null } });
  cluster.settle();
  assert.deepEqual(nodesOfPods(cluster), ["node1"]);
});

test("preferred affinity wins over spreading", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node0", "node1");
  cluster.objects.patch("nodes", "node1", { metadata: { labels: { role: "master" } } });
  const preference = { matchExpressions: [{ key: "role", operator: "Exists" }] };
  const nodeAffinity = {
    preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, preference }],
  };
  const template = podTemplate("a", "nginx", { affinity: { nodeAffinity } });
  cluster.objects.apply(deployment("a", 2, { template }));
  cluster.settle();
  assert.deepEqual(nodesOfPods(cluster), ["node1", "node1"]);
});

test("the status of a Deployment follows its Pods, up and down", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2", "node3");
  cluster.objects.apply(deployment("nginx", 3));
  cluster.converge();
  const ready = () => {
    const found = cluster.objects.require("deployments", "default/nginx");
    return [numberAt(found, "status", "readyReplicas"), numberAt(found, "status", "replicas")];
  };
  assert.deepEqual(ready(), [3, 3]);
  cluster.objects.patch("deployments", "default/nginx", { spec: { replicas: 1 } });
  cluster.converge();
  assert.deepEqual(ready(), [1, 1]);
  cluster.objects.patch("deployments", "default/nginx", { spec: { replicas: 0 } });
  cluster.converge();
  assert.deepEqual(ready(), [undefined, undefined]);
  assert.deepEqual(cluster.objects.list("pods"), []);
});

test("a new template rolls out with never fewer ready Pods, and never more than one extra", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2", "node3");
  cluster.objects.apply(deployment("nginx", 3));
  cluster.converge();
  cluster.objects.patch("deployments", "default/nginx", {
    spec: { template: podTemplate("nginx", "nginx:2") },
  });
  for (let turn = 0; turn < 30; turn += 1) {
    cluster.runPods();
    const alive = cluster.objects
      .list("pods")
      .filter((pod) => at(pod, "metadata", "deletionTimestamp") === undefined);
    const ready = alive.filter((pod) => textAt(pod, "status", "phase") === "Running");
    assert.ok(ready.length >= 3, `${ready.length} ready`);
    assert.ok(alive.length <= 4, `${alive.length} alive`);
  }
  const images = cluster.objects
    .list("pods")
    .map((pod) => textAt(listAt(pod, "spec", "containers")[0], "image"));
  assert.deepEqual(images, ["nginx:2", "nginx:2", "nginx:2"]);
  const deployed = cluster.objects.require("deployments", "default/nginx");
  assert.equal(
    textAt(deployed, "metadata", "annotations", "deployment.kubernetes.io/revision"),
    "2",
  );
  assert.equal(cluster.objects.list("replicasets").length, 2);
  assert.deepEqual(cluster.errors, []);
});

test("Recreate starts no new Pod before the last old one is gone", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.apply(deployment("a", 1, { strategy: { type: "Recreate" } }));
  cluster.converge();
  const template = podTemplate("a", "nginx:2");
  cluster.objects.patch("deployments", "default/a", { spec: { template } });
  cluster.settle();
  assert.equal(cluster.objects.list("pods").length, 1);
  cluster.converge();
  const [pod] = cluster.objects.list("pods");
  assert.equal(textAt(listAt(pod, "spec", "containers")[0], "image"), "nginx:2");
});

test("deleting a Deployment deletes its ReplicaSets and ends its Pods", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.apply(deployment("a", 2));
  cluster.converge();
  cluster.objects.delete("deployments", "default/a");
  cluster.settle();
  assert.deepEqual(cluster.objects.list("replicasets"), []);
  for (const pod of cluster.objects.list("pods")) {
    assert.equal(numberAt(pod, "metadata", "deletionGracePeriodSeconds"), 30);
  }
  cluster.converge();
  assert.deepEqual(cluster.objects.list("pods"), []);
});

test("foreground deletion keeps the owner until its dependents are gone; orphans stay", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.apply(deployment("a", 1));
  cluster.objects.apply(deployment("b", 1));
  cluster.converge();
  cluster.objects.delete("deployments", "default/a", { propagationPolicy: "Foreground" });
  cluster.objects.delete("deployments", "default/b", { propagationPolicy: "Orphan" });
  cluster.settle();
  assert.ok(cluster.objects.get("deployments", "default/a") !== undefined);
  assert.equal(cluster.objects.get("deployments", "default/b"), undefined);
  cluster.converge();
  assert.equal(cluster.objects.get("deployments", "default/a"), undefined);
  assert.deepEqual(
    cluster.objects.list("pods").map((pod) => textAt(pod, "metadata", "labels", "app")),
    ["b"],
  );
});

test("a DaemonSet has a Pod on each node that it may run on, also a cordoned one", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node0", "node1", "node2");
  const taint = { key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" };
  cluster.objects.patch("nodes", "node0", { spec: { taints: [taint] } });
  cluster.objects.patch("nodes", "node1", { spec: { unschedulable: true } });
  cluster.objects.apply({
    ...deployment("speaker", 0),
    kind: "DaemonSet",
    spec: {
      selector: { matchLabels: { app: "speaker" } },
      template: podTemplate("speaker", "routelb", { hostNetwork: true }),
    },
  });
  cluster.converge();
  assert.deepEqual([...nodesOfPods(cluster)].sort(), ["node1", "node2"]);
  cluster.addNodes("node3");
  cluster.converge();
  const set = cluster.objects.require("daemonsets", "default/speaker");
  assert.equal(numberAt(set, "status", "numberReady"), 3);
  cluster.objects.delete("nodes", "node3");
  cluster.converge();
  assert.deepEqual([...nodesOfPods(cluster)].sort(), ["node1", "node2"]);
  assert.deepEqual(cluster.errors, []);
});

test("a DaemonSet's new template replaces one Pod at a time", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2", "node3");
  const set = {
    ...deployment("speaker", 0),
    kind: "DaemonSet",
    spec: {
      selector: { matchLabels: { app: "speaker" } },
      template: podTemplate("speaker", "routelb"),
    },
  };
  cluster.objects.apply(set);
  cluster.converge();
  const template = podTemplate("speaker", "routelb:2");
  cluster.objects.patch("daemonsets", "default/speaker", { spec: { template } });
  for (let turn = 0; turn < 20; turn += 1) {
    cluster.settle();
    const ending = cluster.objects
      .list("pods")
      .filter((pod) => at(pod, "metadata", "deletionTimestamp") !== undefined);
    assert.ok(ending.length <= 1);
    cluster.runPods();
  }
  const images = cluster.objects
    .list("pods")
    .map((pod) => textAt(listAt(pod, "spec", "containers")[0], "image"));
  assert.deepEqual(images, ["routelb:2", "routelb:2", "routelb:2"]);
});

test("a deleted namespace takes everything in it along, and is gone when that is", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  const elsewhere = deployment("nginx", 1);
  cluster.objects.apply({ ...elsewhere, metadata: { name: "nginx", namespace: "prod" } });
  cluster.converge();
  cluster.objects.delete("namespaces", "prod");
  cluster.settle();
  const namespace = cluster.objects.require("namespaces", "prod");
  assert.equal(textAt(namespace, "status", "phase"), "Terminating");
  cluster.converge();
  assert.equal(cluster.objects.get("namespaces", "prod"), undefined);
});

test("Events go an hour after they were last seen", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.apply(deployment("a", 1));
  cluster.settle();
  assert.ok(cluster.objects.list("events").length > 0);
  cluster.clock.advance(3_700_000);
  const left = cluster.objects.list("events").map((event) => textAt(event, "reason") ?? "");
  assert.ok(!left.includes("ScalingReplicaSet"));
});

test("what is controlled carries a reference to its controller", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.apply(deployment("a", 1));
  cluster.settle();
  const [pod] = cluster.objects.list("pods");
  const [owner] = listAt(pod, "metadata", "ownerReferences");
  assert.equal(textAt(owner, "kind"), "ReplicaSet");
  assert.deepEqual(textsAt(owner, "none"), []);
});

test("a DaemonSet's Pod stays where a taint keeps new Pods away, until one says that it must go", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2");
  cluster.objects.apply({
    ...deployment("speaker", 0),
    kind: "DaemonSet",
    spec: {
      selector: { matchLabels: { app: "speaker" } },
      template: podTemplate("speaker", "routelb"),
    },
  });
  cluster.converge();
  const names = () => cluster.objects.list("pods").map((pod) => textAt(pod, "metadata", "name"));
  const before = names();
  const taint = { key: "node.kubernetes.io/unreachable", effect: "NoSchedule" };
  cluster.objects.patch("nodes", "node2", { spec: { taints: [taint] } });
  cluster.converge();
  assert.equal(before.length, 2);
  assert.deepEqual(names(), before);
  const maintenance = { key: "maintenance", effect: "NoExecute" };
  cluster.objects.patch("nodes", "node2", { spec: { taints: [maintenance] } });
  cluster.converge();
  assert.deepEqual(nodesOfPods(cluster), ["node1"]);
});
