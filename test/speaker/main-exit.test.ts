import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiServer } from "../../lab/kube/server.ts";
import { accept, configText, setUp, startSpeaker } from "./speaker-process.ts";

const limits = { timeout: 20_000 };
const podKey = "routelb-system/speaker-abcde";
const prefix = "172.16.7.192/32";

/** A DaemonSet with our Pod, which has a Ready Node to be on. */
function applySpeakerPod({ objects }: ApiServer): void {
  const labels = { "app.kubernetes.io/name": "routelb", "app.kubernetes.io/component": "speaker" };
  const containers = [{ name: "speaker", image: "routelb" }];
  const namespace = "routelb-system";
  objects.apply({
    apiVersion: "apps/v1",
    kind: "DaemonSet",
    metadata: { name: "speaker", namespace },
    spec: {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  });
  const uid = objects.get("daemonsets", `${namespace}/speaker`)?.["metadata"];
  objects.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "speaker-abcde",
      namespace,
      labels,
      ownerReferences: [
        {
          apiVersion: "apps/v1",
          kind: "DaemonSet",
          name: "speaker",
          uid: typeof uid === "object" && uid !== null && "uid" in uid ? uid["uid"] : "",
          controller: true,
        },
      ],
    },
    spec: { nodeName: "node1", terminationGracePeriodSeconds: 30, containers },
  });
  objects.apply({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1" },
    status: {
      addresses: [{ type: "InternalIP", address: "172.16.7.11" }],
      conditions: [{ type: "Ready", status: "True" }],
    },
  });
}

test("our Pod is replaced by its DaemonSet: the routes stay with the router", limits, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t, { gracefulRestart: true });
  accept(server, configText(port));
  applySpeakerPod(server);
  const { stop, lines } = await startSpeaker(t, kubeconfigPath, {
    podName: "speaker-abcde",
    drainTimeMs: 60_000,
  });
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  const before = [...router.log];
  server.objects.delete("pods", podKey);
  await stop();
  await router.until(() => router.log.at(-1) === "closed");
  assert.deepEqual(router.log, [...before, "closed"]);
  const said = lines.find(({ message }) => message === "the speaker leaves");
  assert.match(JSON.stringify(said), /"restart":\["router"\]/);
});

test(
  "our Pod is there, and nobody deletes it: the node goes down, so a drain",
  limits,
  async (t) => {
    const { server, router, port, kubeconfigPath } = await setUp(t, { gracefulRestart: true });
    accept(server, configText(port));
    applySpeakerPod(server);
    const { stop } = await startSpeaker(t, kubeconfigPath, {
      podName: "speaker-abcde",
      drainTimeMs: 100,
    });
    await router.until(() => router.count("End-of-RIB ipv6") === 1);
    await stop();
    await router.until(() => router.log.at(-1) === "closed");
    assert.deepEqual(router.log.slice(-4), [
      `+${prefix} leaves`,
      `-${prefix}`,
      "NOTIFICATION 6/2 Cease, Administrative Shutdown: node1: the speaker is shutting down",
      "closed",
    ]);
  },
);

test("a Node that drains: the others are read then, and only then", limits, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t);
  accept(server, configText(port));
  await startSpeaker(t, kubeconfigPath, { drainTimeMs: 100 });
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  const asked = () => server.requests.map(({ target }) => target?.type.plural);
  assert.ok(!asked().includes("pods"));
  server.objects.apply({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1", annotations: { "routelb.io/drain": "true" } },
  });
  await router.until(() => router.log.at(-1) === `+${prefix} leaves`);
  server.objects.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "node2" } });
  server.objects.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "speaker-fghij",
      namespace: "routelb-system",
      labels: { "app.kubernetes.io/name": "routelb", "app.kubernetes.io/component": "speaker" },
    },
    spec: { nodeName: "node2", containers: [{ name: "speaker", image: "routelb" }] },
    status: { conditions: [{ type: "Ready", status: "True" }] },
  });
  await router.untilRoutes();
  assert.ok(asked().includes("pods"));
});
