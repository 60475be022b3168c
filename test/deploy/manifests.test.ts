import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { at, listAt, numberAt, objectAt, textAt } from "../../lab/kube/json.ts";
import { formatGrant, ofKind, shippedGrants, shippedManifests } from "./manifests.ts";
import { signOf } from "./rule-table.ts";

const objects = shippedManifests();
const workloads = [...ofKind(objects, "Deployment"), ...ofKind(objects, "DaemonSet")];
const speaker = ofKind(objects, "DaemonSet")[0];
const podOf = (workload: (typeof workloads)[number]) =>
  objectAt(workload, "spec", "template", "spec");

test("both Pods run as nobody in particular, with nothing that they do not need", () => {
  assert.deepEqual(
    workloads.map((one) => textAt(one, "metadata", "name")),
    ["controller", "speaker"],
  );
  for (const workload of workloads) {
    const pod = podOf(workload);
    assert.deepEqual(at(pod, "securityContext"), {
      runAsGroup: 65532,
      runAsNonRoot: true,
      runAsUser: 65532,
      seccompProfile: { type: "RuntimeDefault" },
    });
    const containers = listAt(pod, "containers");
    assert.equal(containers.length, 1);
    assert.deepEqual(at(containers[0], "securityContext"), {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ["ALL"] },
      readOnlyRootFilesystem: true,
    });
    assert.equal(at(pod, "volumes"), undefined);
    assert.equal(at(pod, "hostPID") ?? at(pod, "hostIPC"), undefined);
  }
});

test("only the speaker is in the node's network", () => {
  assert.deepEqual(
    workloads.map((one) => [textAt(one, "kind"), at(podOf(one), "hostNetwork")]),
    [
      ["Deployment", undefined],
      ["DaemonSet", true],
    ],
  );
});

test("memory is limited, the processor is not: a throttled speaker misses its timers", () => {
  for (const workload of workloads) {
    const resources = objectAt(listAt(podOf(workload), "containers")[0], "resources");
    assert.deepEqual(resources, {
      limits: { memory: "512Mi" },
      requests: { cpu: "100m", memory: "128Mi" },
    });
  }
});

test("both are alive by /healthz and ready by /readyz, on the port where they are monitored", () => {
  for (const workload of workloads) {
    const [container] = listAt(podOf(workload), "containers");
    assert.deepEqual(at(container, "ports"), [{ containerPort: 7472, name: "monitoring" }]);
    const asked = ["livenessProbe", "readinessProbe"].map((name) => at(container, name, "httpGet"));
    assert.deepEqual(asked, [
      { path: "/healthz", port: "monitoring" },
      { path: "/readyz", port: "monitoring" },
    ]);
    assert.equal(at(container, "startupProbe"), undefined);
  }
});

test("a speaker is killed later than it can need for its drain", () => {
  // --drain-time, the proof of a restart, the goodbye: 10 + 1 + 8 s.
  assert.ok((numberAt(podOf(speaker ?? {}), "terminationGracePeriodSeconds") ?? 0) > 19);
});

test("speakers go onto control planes, are replaced one by one and evicted last", () => {
  const tolerated = listAt(podOf(speaker ?? {}), "tolerations").map((one) => textAt(one, "key"));
  assert.ok(tolerated.includes("node-role.kubernetes.io/control-plane"));
  assert.equal(textAt(podOf(speaker ?? {}), "priorityClassName"), "system-node-critical");
  assert.deepEqual(at(speaker, "spec", "updateStrategy"), {
    rollingUpdate: { maxUnavailable: 1 },
    type: "RollingUpdate",
  });
});

test("two controllers, of which a drain of nodes takes one at a time", () => {
  const [deployment] = ofKind(objects, "Deployment");
  const [budget] = ofKind(objects, "PodDisruptionBudget");
  assert.equal(numberAt(deployment, "spec", "replicas"), 2);
  assert.equal(numberAt(budget, "spec", "maxUnavailable"), 1);
  assert.deepEqual(
    at(budget, "spec", "selector", "matchLabels"),
    at(deployment, "spec", "selector", "matchLabels"),
  );
});

test("the image has the version of the program", () => {
  const { version } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const workload of workloads) {
    assert.equal(textAt(listAt(podOf(workload), "containers")[0], "image"), `routelb:${version}`);
  }
});

test("no Secret and no ConfigMap of the user's is among the manifests", () => {
  const kinds = new Set(objects.map((object) => textAt(object, "kind")));
  assert.deepEqual(
    [...kinds].toSorted((a, b) => (a ?? "").localeCompare(b ?? "")),
    [
      "ClusterRole",
      "ClusterRoleBinding",
      "DaemonSet",
      "Deployment",
      "Namespace",
      "NetworkPolicy",
      "PodDisruptionBudget",
      "Role",
      "RoleBinding",
      "ServiceAccount",
    ],
  );
});

test("docs/security.md has each rule once, and says how its absence shows", () => {
  const rows = readFileSync("docs/security.md", "utf8").matchAll(
    /^\| (controller|speaker) \| `([^`]+)` \| [^|]+ \| ([^|]+) \|$/gm,
  );
  const written = [...rows].map(([, account, rule, seen]) => `${account}: ${rule} -> ${seen}`);
  const shipped = shippedGrants().map((grant) => {
    const { notFollowed, message } = signOf(grant);
    const seen = notFollowed === undefined ? `\`${message}\`` : `not followed: \`${notFollowed}\``;
    return `${grant.account}: ${formatGrant(grant)} -> ${seen}`;
  });
  const sorted = (lines: readonly string[]) => lines.toSorted((a, b) => a.localeCompare(b));
  assert.deepEqual(sorted(written), sorted(shipped));
});
