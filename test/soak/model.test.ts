import assert from "node:assert/strict";
import { test } from "node:test";
import { expectedDecisions, expectedRoutes } from "./model.ts";
import { SoakWorld } from "./world.ts";

const address = "172.16.7.192";

/** A world whose one Service with an address is of this policy, and Pods on these nodes. */
function expectedOf(
  change: (world: SoakWorld) => void,
  policy: "Cluster" | "Local" = "Cluster",
  ready: readonly string[] = ["node1", "node2"],
): readonly string[] {
  const world = new SoakWorld();
  world.services.set("one", { app: "app-a", policy, isLoadBalancer: true, address });
  change(world);
  const readyNodes = new Map([["app-a", new Set(ready)]]);
  const speakerNodes = new Set(["node1", "node2", "node3"]);
  return [...(expectedRoutes(world, { readyNodes, speakerNodes }).get(address) ?? ["no entry"])];
}

const nothing = () => undefined;

test("Cluster goes through every node, Local through those with a Pod, neither without any", () => {
  assert.deepEqual(expectedOf(nothing), ["node1", "node2", "node3"]);
  assert.deepEqual(expectedOf(nothing, "Local"), ["node1", "node2"]);
  assert.deepEqual(expectedOf(nothing, "Cluster", []), []);
});

test("a node without a session, excluded, or cut off is left out", () => {
  const without = ["node1", "node3"];
  assert.deepEqual(
    expectedOf((world) => (world.node("node2").isExcluded = true)),
    without,
  );
  assert.deepEqual(
    expectedOf((world) => (world.node("node2").isCut = true)),
    without,
  );
  assert.deepEqual(
    expectedOf((world) => (world.node("node2").isShutByRouter = true)),
    without,
  );
  assert.deepEqual(
    expectedOf((world) => (world.config.nodeWithoutPeer = "node2")),
    without,
  );
  const cordoned = expectedOf((world) => (world.node("node2").isCordoned = true));
  assert.deepEqual(cordoned, ["node1", "node2", "node3"]);
});

test("a speaker decides whether its session is up or not, but not without a peer or the API server", () => {
  const world = new SoakWorld();
  world.services.set("one", { app: "app-a", policy: "Cluster", isLoadBalancer: true, address });
  const node = world.node("node2");
  const seen = {
    readyNodes: new Map([["app-a", new Set(["node1"])]]),
    speakerNodes: new Set(["node1", "node2", "node3"]),
  };
  const decided = () => [...(expectedDecisions(world, seen).get("node2") ?? ["nothing"])];
  node.isShutByRouter = true;
  assert.deepEqual(decided(), [address]);
  node.isExcluded = true;
  assert.deepEqual(decided(), []);
  node.isCut = true;
  assert.deepEqual(decided(), ["nothing"]);
  node.isCut = false;
  world.config.nodeWithoutPeer = "node2";
  assert.deepEqual(decided(), ["nothing"]);
});

test("a node that drains keeps what no other node would serve", () => {
  const drain = (world: SoakWorld) => (world.node("node1").isDrained = true);
  assert.deepEqual(expectedOf(drain), ["node2", "node3"]);
  assert.deepEqual(expectedOf(drain, "Local"), ["node2"]);
  assert.deepEqual(expectedOf(drain, "Local", ["node1"]), ["node1"]);
  const drainAll = (world: SoakWorld) => {
    for (const node of world.nodes.values()) {
      node.isDrained = true;
    }
  };
  assert.deepEqual(expectedOf(drainAll), ["node1", "node2", "node3"]);
});
