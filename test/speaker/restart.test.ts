import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonSetPlacement } from "../../src/cluster/placement.ts";
import { type RestartEvidence, whyNoRestart } from "../../src/speaker/restart.ts";
import { node } from "./fixtures.ts";

const daemonSet: DaemonSetPlacement = {
  uid: "uid-ds",
  deleting: false,
  nodeSelector: { "kubernetes.io/os": "linux" },
  tolerations: [{ key: "", isExists: true, value: "", effect: "NoExecute" }],
};

const restart: RestartEvidence = {
  ownPod: {
    key: "routelb-system/speaker-abcde",
    uid: "uid-pod",
    nodeName: "node1",
    isReady: true,
    deleting: true,
    daemonSet: { name: "speaker", uid: "uid-ds" },
  },
  daemonSet,
  node: node(),
  placement: {
    name: "node1",
    labels: { "kubernetes.io/os": "linux" },
    taints: [],
    isReady: true,
    deleting: false,
  },
};

test("our Pod is deleted, and its DaemonSet puts another on our Ready Node: a restart", () => {
  assert.equal(whyNoRestart(restart, false), undefined);
});

const { ownPod, placement } = restart;
const drains: Record<string, Partial<RestartEvidence>> = {
  "nobody deletes our Pod": { ownPod: { ...ownPod, deleting: false } },
  "the Pod of our name is elsewhere": { ownPod: { ...ownPod, nodeName: "node2" } },
  "our DaemonSet was made anew": { daemonSet: { ...daemonSet, uid: "uid-new" } },
  "our DaemonSet is being deleted": { daemonSet: { ...daemonSet, deleting: true } },
  "its nodeSelector left our Node out": {
    daemonSet: { ...daemonSet, nodeSelector: { "routelb.io/speaker": "yes" } },
  },
  "its affinity left our Node out": {
    daemonSet: {
      ...daemonSet,
      affinityTerms: [
        {
          expressions: [],
          names: [{ key: "metadata.name", operator: "NotIn", values: ["node1"] }],
        },
      ],
    },
  },
  "its affinity has a term with nothing in it": {
    daemonSet: { ...daemonSet, affinityTerms: [{ expressions: [], names: [] }] },
  },
  "our Node has a taint that it does not tolerate": {
    placement: { ...placement, taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] },
  },
  "our Node is not Ready": { placement: { ...placement, isReady: false } },
  "our Node is being deleted": { placement: { ...placement, deleting: true } },
  "our Node is annotated to drain": { node: node({ drainAnnotation: "" }) },
  "the autoscaler takes our Node away": {
    node: node({ taints: ["ToBeDeletedByClusterAutoscaler"] }),
  },
};

for (const [name, overrides] of Object.entries(drains)) {
  test(`no restart where ${name}`, () => {
    assert.equal(typeof whyNoRestart({ ...restart, ...overrides }, false), "string");
  });
}

test("a cordon counts only where it is a drain; its taint is tolerated by every DaemonSet", () => {
  const cordoned: RestartEvidence = {
    ...restart,
    node: node({ unschedulable: true, taints: ["node.kubernetes.io/unschedulable"] }),
    placement: {
      ...placement,
      taints: [{ key: "node.kubernetes.io/unschedulable", value: "", effect: "NoSchedule" }],
    },
  };
  assert.equal(whyNoRestart(cordoned, false), undefined);
  assert.equal(typeof whyNoRestart(cordoned, true), "string");
});

test("tolerations: any effect, a value, a preference", () => {
  const gpu = { key: "gpu", value: "yes", effect: "NoSchedule" };
  const with_ = (toleration: DaemonSetPlacement["tolerations"][number], taint = gpu) =>
    whyNoRestart(
      {
        ...restart,
        daemonSet: { ...daemonSet, tolerations: [toleration] },
        placement: { ...placement, taints: [taint] },
      },
      false,
    ) === undefined;
  assert.ok(with_({ key: "gpu", isExists: false, value: "yes", effect: "" }));
  assert.ok(!with_({ key: "gpu", isExists: false, value: "no", effect: "" }));
  assert.ok(!with_({ key: "gpu", isExists: true, value: "", effect: "NoExecute" }));
  assert.ok(!with_({ key: "", isExists: false, value: "", effect: "" }));
  const preferred = { ...gpu, effect: "PreferNoSchedule" };
  assert.ok(with_({ key: "other", isExists: true, value: "", effect: "" }, preferred));
});

test("affinity: one term is enough, and all of a term must match", () => {
  const matches = (operator: string, values: string[], label?: string) =>
    whyNoRestart(
      {
        ...restart,
        daemonSet: {
          ...daemonSet,
          affinityTerms: [
            { expressions: [{ key: "x", operator: "DoesNotHold", values: [] }], names: [] },
            { expressions: [{ key: "cpus", operator, values }], names: [] },
          ],
        },
        placement: {
          ...placement,
          labels: { ...placement.labels, ...(label === undefined ? {} : { cpus: label }) },
        },
      },
      false,
    ) === undefined;
  assert.ok(matches("In", ["4", "8"], "8"));
  assert.ok(!matches("In", ["4"], undefined));
  assert.ok(matches("NotIn", ["4"], undefined));
  assert.ok(matches("Exists", [], "4"));
  assert.ok(matches("DoesNotExist", []));
  assert.ok(matches("Gt", ["4"], "8"));
  assert.ok(!matches("Lt", ["4"], "8"));
  assert.ok(!matches("Near", ["4"], "4"));
});
