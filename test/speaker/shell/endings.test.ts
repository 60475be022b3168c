import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAddress } from "../../../src/net/address.ts";
import type { FoundEnding } from "../../../src/speaker/decide.ts";
import { Endings } from "../../../src/speaker/shell/endings.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { TestCluster } from "../cluster-reads.ts";
import { pool } from "../fixtures.ts";

function setUp() {
  const clock = new ManualClock();
  const cluster = new TestCluster();
  let wake = () => {};
  const endings = new Endings({
    nodeName: "node1",
    reads: cluster.reads,
    canTakeOver: (_candidate, node) => !node.networkUnavailable,
    clock,
    logger: recordingLogger(),
    onChange: () => wake(),
  });
  /** Resolves when what was asked is answered. */
  const answered = () =>
    new Promise<void>((resolve) => {
      wake = resolve;
    });
  return { clock, cluster, endings, answered };
}

function found(...nodes: readonly string[]): ReadonlyMap<string, FoundEnding> {
  const address = parseAddress("172.16.7.192");
  assert.ok(address !== undefined);
  const { text } = address;
  const candidate = { home: "pool", text, address, pool: pool(), offers: [] } as const;
  return new Map([["default/nginx ipv4", { nodes, candidate }]]);
}

function servedSinceMs(endings: Endings): number | undefined {
  return endings.known.get("default/nginx ipv4")?.servedElsewhereSinceMs;
}

function served(endings: Endings): boolean {
  return servedSinceMs(endings) !== undefined;
}

test("nodes are read by name, only those with a Ready speaker, until one can take over", async () => {
  const { cluster, endings, answered } = setUp();
  cluster.add("node2", { networkUnavailable: true });
  cluster.add("node4");
  cluster.add("node5");
  endings.update(found("node2", "node3", "node4", "node5"), false);
  assert.equal(served(endings), false);
  assert.ok(endings.isAsking);
  await answered();
  assert.deepEqual(cluster.asked, ["speakers", "node2", "node4"]);
  assert.equal(served(endings), true);
  assert.ok(!endings.isAsking);
});

test("our own node is none of the others", async () => {
  const { cluster, endings, answered } = setUp();
  cluster.add("node1");
  endings.update(found("node1"), false);
  await answered();
  assert.deepEqual(cluster.asked, ["speakers"]);
  assert.equal(served(endings), false);
});

test("a read that fails counts as none, and is repeated a second later", async () => {
  const { clock, cluster, endings, answered } = setUp();
  cluster.add("node2");
  cluster.failure = new Error("the API server is away");
  endings.update(found("node2"), false);
  await answered();
  assert.equal(served(endings), false);
  cluster.failure = undefined;
  const repeated = answered();
  clock.advance(1_000);
  await repeated;
  assert.equal(served(endings), true);
});

test("reads that hang count as none after a second", async () => {
  const { clock, cluster, endings } = setUp();
  const { readSpeakers } = cluster.reads;
  const hanging = new Endings({
    nodeName: "node1",
    reads: {
      readSpeakers,
      readNode: (_name, signal) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason));
        }),
    },
    canTakeOver: () => true,
    clock,
    logger: recordingLogger(),
    onChange: () => endings.update(found(), false),
  });
  cluster.add("node2");
  hanging.update(found("node2"), false);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.ok(hanging.isAsking);
  clock.advance(1_000);
  await new Promise((resolve) => {
    setImmediate(resolve);
  });
  assert.ok(!hanging.isAsking);
  assert.equal(served(hanging), false);
  hanging.close();
});

test("the one that takes over loses its endpoint: another is looked for, and what is known stays", async () => {
  const { cluster, endings, answered } = setUp();
  cluster.add("node2");
  cluster.add("node3");
  endings.update(found("node2", "node3"), false);
  await answered();
  endings.update(found("node3"), false);
  assert.equal(served(endings), true);
  await answered();
  assert.equal(served(endings), true);
  assert.deepEqual(cluster.asked.slice(2), ["speakers", "node3"]);
  endings.update(found("node4"), false);
  await answered();
  assert.equal(served(endings), false);
  endings.close();
});

test("since when: at the start of the speaker there is no time left; an end forgets", async () => {
  const { clock, cluster, endings, answered } = setUp();
  cluster.add("node2");
  clock.advance(5_000);
  endings.update(found("node2"), true);
  await answered();
  assert.equal(servedSinceMs(endings), -Infinity);
  endings.update(new Map(), false);
  assert.equal(endings.known.size, 0);
  endings.update(found("node2"), false);
  await answered();
  assert.equal(servedSinceMs(endings), 5_000);
  endings.close();
});

test("since when: what is found after the first decision was carried out has its time", async () => {
  const { clock, cluster, endings, answered } = setUp();
  endings.update(found("node2"), true);
  await answered();
  endings.update(found("node2"), true);
  cluster.add("node2");
  const again = answered();
  clock.advance(1_000);
  await again;
  assert.equal(servedSinceMs(endings), 1_000);
  endings.close();
});

test("the one that takes over can do so no longer: it is asked as long as the endpoint ends", async () => {
  const { clock, cluster, endings, answered } = setUp();
  cluster.add("node2");
  endings.update(found("node2"), false);
  await answered();
  assert.equal(served(endings), true);
  cluster.add("node2", { networkUnavailable: true });
  const again = answered();
  clock.advance(5_000);
  await again;
  assert.equal(served(endings), false);
  endings.close();
});

test("another takes its place at once, and nothing begins anew", async () => {
  const { clock, cluster, endings, answered } = setUp();
  cluster.add("node2");
  cluster.add("node3");
  endings.update(found("node2", "node3"), false);
  await answered();
  cluster.speakers.delete("node2");
  const again = answered();
  clock.advance(5_000);
  await again;
  assert.deepEqual(cluster.asked, ["speakers", "node2", "speakers", "node3"]);
  assert.equal(servedSinceMs(endings), 0);
  endings.close();
});

test("the API server is away: the one that took over still does", async () => {
  const { clock, cluster, endings, answered } = setUp();
  cluster.add("node2");
  endings.update(found("node2"), false);
  await answered();
  cluster.failure = new Error("the API server is away");
  for (let times = 0; times < 3; times += 1) {
    const again = answered();
    clock.advance(5_000);
    await again;
  }
  assert.equal(servedSinceMs(endings), 0);
  endings.close();
});
