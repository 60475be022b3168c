import assert from "node:assert/strict";
import { test } from "node:test";
import {
  projectDaemonSet,
  projectNodePlacement,
  projectPod,
} from "../../src/kube/project-placement.ts";
import { kubeObjectOf } from "../../src/kube/watch-lines.ts";

function named(name: string, more: object = {}) {
  return { name, uid: `uid-${name}`, resourceVersion: "1", ...more };
}

test("a Pod: its node, its readiness, whether it ends, and the DaemonSet that made it", () => {
  const pod = {
    metadata: named("speaker-abcde", {
      namespace: "routelb-system",
      deletionTimestamp: "2026-01-02T03:04:05Z",
      ownerReferences: [
        { kind: "DaemonSet", name: "other", uid: "uid-other" },
        { kind: "DaemonSet", name: "speaker", uid: "uid-speaker", controller: true },
      ],
    }),
    spec: { nodeName: "node1" },
    status: {
      conditions: [
        { type: "Initialized", status: "False" },
        { type: "Ready", status: "True" },
      ],
    },
  };
  assert.deepEqual(projectPod(kubeObjectOf(pod)), {
    key: "routelb-system/speaker-abcde",
    uid: "uid-speaker-abcde",
    nodeName: "node1",
    isReady: true,
    deleting: true,
    daemonSet: { name: "speaker", uid: "uid-speaker" },
  });
  const bare = { metadata: named("bare", { namespace: "a" }) };
  assert.deepEqual(projectPod(kubeObjectOf(bare)), {
    key: "a/bare",
    uid: "uid-bare",
    isReady: false,
    deleting: false,
  });
});

test("a DaemonSet: where its template lets Pods go", () => {
  const daemonSet = {
    metadata: named("speaker", { namespace: "routelb-system" }),
    spec: {
      template: {
        spec: {
          nodeSelector: { "kubernetes.io/os": "linux" },
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [
                  {
                    matchExpressions: [{ key: "rack", operator: "In", values: ["a"] }],
                    matchFields: [{ key: "metadata.name", operator: "NotIn", values: ["node9"] }],
                  },
                ],
              },
            },
          },
          tolerations: [
            { operator: "Exists", effect: "NoExecute" },
            { key: "gpu", value: "yes" },
          ],
        },
      },
    },
  };
  assert.deepEqual(projectDaemonSet(kubeObjectOf(daemonSet)), {
    uid: "uid-speaker",
    deleting: false,
    nodeSelector: { "kubernetes.io/os": "linux" },
    affinityTerms: [
      {
        expressions: [{ key: "rack", operator: "In", values: ["a"] }],
        names: [{ key: "metadata.name", operator: "NotIn", values: ["node9"] }],
      },
    ],
    tolerations: [
      { key: "", isExists: true, value: "", effect: "NoExecute" },
      { key: "gpu", isExists: false, value: "yes", effect: "" },
    ],
  });
  const anywhere = projectDaemonSet(kubeObjectOf({ metadata: named("any", { namespace: "a" }) }));
  assert.ok(!("affinityTerms" in anywhere));
});

test("a Node: its taints and whether it is Ready", () => {
  const node = {
    metadata: named("node1", { labels: { rack: "a" } }),
    spec: { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }, { key: "bare" }] },
    status: { conditions: [{ type: "Ready", status: "Unknown" }] },
  };
  assert.deepEqual(projectNodePlacement(kubeObjectOf(node)), {
    name: "node1",
    labels: { rack: "a" },
    taints: [
      { key: "gpu", value: "yes", effect: "NoSchedule" },
      { key: "bare", value: "", effect: "" },
    ],
    isReady: false,
    deleting: false,
  });
});
