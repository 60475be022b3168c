import assert from "node:assert/strict";
import { test } from "node:test";
import { conditionOf } from "../../lab/kube/controllers/pod-state.ts";
import { at, type JsonObject, listAt, numberAt, objectAt, textAt } from "../../lab/kube/json.ts";
import { service } from "./client.ts";
import { deployment, LabCluster, podTemplate } from "./lab-cluster.ts";

function endpoints(cluster: LabCluster, family = "IPv4"): readonly JsonObject[] {
  return cluster.objects
    .list("endpointslices")
    .filter((slice) => textAt(slice, "addressType") === family)
    .flatMap((slice) => listAt(slice, "endpoints"))
    .map((endpoint) => ({
      node: textAt(endpoint, "nodeName"),
      ...objectAt(endpoint, "conditions"),
    }))
    .toSorted((a, b) => ((a.node ?? "") < (b.node ?? "") ? -1 : 1));
}

test("EndpointSlices of a Service tell ready, serving and terminating, for both families", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2");
  cluster.objects.apply(deployment("nginx", 2));
  cluster.objects.apply(
    service("nginx", {
      ports: [{ port: 80, targetPort: "http" }],
      ipFamilyPolicy: "PreferDualStack",
    }),
  );
  cluster.settle();
  const slices = cluster.objects.list("endpointslices");
  assert.deepEqual(slices.map((slice) => textAt(slice, "addressType") ?? "").sort(), [
    "IPv4",
    "IPv6",
  ]);
  cluster.converge();
  const isUp = { ready: true, serving: true, terminating: false };
  assert.deepEqual(endpoints(cluster), [
    { node: "node1", ...isUp },
    { node: "node2", ...isUp },
  ]);
  assert.equal(endpoints(cluster, "IPv6").length, 2);
  const [slice] = cluster.objects.list("endpointslices");
  assert.equal(numberAt(listAt(slice, "ports")[0], "port"), 8080);
  const [first] = cluster.objects.list("pods");
  const name = textAt(first, "metadata", "name");
  cluster.objects.delete("pods", `default/${name}`);
  cluster.settle();
  const isEnding = { ready: false, serving: true, terminating: true };
  const node = textAt(first, "spec", "nodeName");
  assert.deepEqual(
    endpoints(cluster).find((endpoint) => endpoint["node"] === node && endpoint["terminating"]),
    { node, ...isEnding },
  );
  const legacy = cluster.objects.require("endpoints", "default/nginx");
  assert.equal(listAt(listAt(legacy, "subsets")[0], "addresses").length, 1);
});

test("more than 100 endpoints take several slices, and each stays where it is", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  cluster.objects.apply(service("nginx"));
  cluster.objects.apply(deployment("nginx", 120));
  cluster.converge();
  const sizes = () =>
    cluster.objects.list("endpointslices").map((slice) => listAt(slice, "endpoints").length);
  assert.deepEqual(
    sizes().toSorted((a, b) => b - a),
    [100, 20],
  );
  cluster.objects.delete("services", "default/nginx");
  cluster.settle();
  assert.deepEqual(sizes(), []);
  assert.deepEqual(cluster.objects.list("endpoints"), []);
});

test("a node that does not renew its Lease is Unknown, tainted, its Pods not ready; and comes back", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2");
  cluster.objects.apply(deployment("nginx", 2));
  cluster.objects.apply(service("nginx"));
  cluster.converge();
  cluster.pass(6, "node2");
  const node = () => cluster.objects.require("nodes", "node2");
  const ready = () => textAt(conditionOf(node(), "Ready"), "status");
  assert.equal(ready(), "Unknown");
  assert.deepEqual(
    listAt(node(), "spec", "taints").map((taint) => [
      textAt(taint, "key"),
      textAt(taint, "effect"),
    ]),
    [
      ["node.kubernetes.io/unreachable", "NoSchedule"],
      ["node.kubernetes.io/unreachable", "NoExecute"],
    ],
  );
  assert.deepEqual(
    endpoints(cluster).map((endpoint) => [endpoint["node"], endpoint["ready"]]),
    [
      ["node1", true],
      ["node2", false],
    ],
  );
  cluster.pass(1);
  assert.equal(ready(), "True");
  assert.deepEqual(listAt(node(), "spec", "taints"), []);
  assert.deepEqual(cluster.errors, []);
});

test("Pods of a node that stays away are evicted after 300 s, and replaced elsewhere", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1", "node2");
  cluster.objects.apply(deployment("nginx", 2));
  const tolerant = { tolerations: [{ operator: "Exists" }] };
  cluster.objects.apply(
    deployment("stays", 2, { template: podTemplate("stays", "nginx", tolerant) }),
  );
  cluster.converge();
  cluster.pass(298, "node2");
  const ending = () =>
    cluster.objects
      .list("pods")
      .filter((pod) => at(pod, "metadata", "deletionTimestamp") !== undefined)
      .map((pod) => textAt(pod, "metadata", "labels", "app"));
  assert.deepEqual(ending(), []);
  cluster.pass(10, "node2");
  assert.deepEqual(ending(), ["nginx"]);
  const onFirst = cluster.objects
    .list("pods")
    .filter((pod) => textAt(pod, "spec", "nodeName") === "node1");
  assert.equal(onFirst.length, 3);
});

test("what a node says of its network is left alone when the node is silent", () => {
  const cluster = new LabCluster();
  cluster.addNodes("node1");
  const conditions = [
    { type: "NetworkUnavailable", status: "False" },
    { type: "Ready", status: "True" },
  ];
  cluster.objects.patch("nodes", "node1", { status: { conditions } }, "status");
  cluster.pass(6, "node1");
  const node = cluster.objects.require("nodes", "node1");
  const states = listAt(node, "status", "conditions").map(
    (condition) => `${textAt(condition, "type")}=${textAt(condition, "status")}`,
  );
  assert.ok(states.includes("NetworkUnavailable=False"));
  assert.ok(states.includes("Ready=Unknown"));
});
