import assert from "node:assert/strict";
import { test } from "node:test";
import { collectAnswers } from "../../../src/cli/report/collect.ts";
import type { KubeApi, KubeObject } from "../../../src/kube/client.ts";
import type { PodProxy } from "../../../src/kube/pod-proxy.ts";

const namespace = "routelb-system";

function pod(name: string, isReady: boolean): KubeObject {
  return {
    metadata: { name, namespace, uid: `uid-${name}`, resourceVersion: "1" },
    spec: { nodeName: name.replace("speaker-", "") },
    status: {
      phase: "Running",
      conditions: [{ type: "Ready", status: isReady ? "True" : "False" }],
    },
  };
}

/** An API server that has these speakers' Pods and no controller; its lists come in one page. */
function serverOf(pods: readonly KubeObject[]): KubeApi {
  const unused = () => Promise.reject(new Error("not asked for"));
  return {
    list: async (resource, { labelSelector = "" }, visit) => {
      if (resource.plural === "pods" && labelSelector.endsWith("=speaker")) pods.forEach(visit);
      return { resourceVersion: "1" };
    },
    get: unused,
    watch: unused,
    patch: unused,
    create: unused,
    update: unused,
    remove: unused,
  };
}

test("nodes that are dead keep nobody waiting who would answer", async () => {
  const names = Array.from({ length: 600 }, (_, index) => `speaker-node${index}`);
  // More than are asked at a time, and the first in the list.
  const dead = new Set(names.slice(0, 150));
  const api = serverOf(names.map((name) => pod(name, !dead.has(name))));
  let answered = 0;
  const answeredAtFirst: number[] = [];
  const proxy: PodProxy = {
    getJson: async ({ pod: name }, { signal } = {}) => {
      if (!dead.has(name)) {
        answered += 1;
        return {};
      }
      answeredAtFirst.push(answered);
      return new Promise((_, reject) => {
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    },
  };
  const { speakers } = await collectAnswers({ api, proxy, namespace, query: {}, timeoutMs: 20 });
  assert.equal(answeredAtFirst[0], 450);
  const silent = speakers.flatMap(({ pod: name, outcome }) =>
    outcome.type === "silent" && outcome.why === "no answer within 0.02 s" ? [name] : [],
  );
  assert.deepEqual(silent, [...dead]);
});

test("all of 100 nodes are asked at the same time", async () => {
  const names = Array.from({ length: 100 }, (_, index) => `speaker-node${index}`);
  const api = serverOf(names.map((name) => pod(name, true)));
  let underWay = 0;
  const all = Promise.withResolvers<unknown>();
  const proxy: PodProxy = {
    getJson: () => {
      underWay += 1;
      if (underWay === names.length) all.resolve({});
      return all.promise;
    },
  };
  await collectAnswers({ api, proxy, namespace, query: {}, timeoutMs: 60_000 });
  assert.equal(underWay, 100);
});
