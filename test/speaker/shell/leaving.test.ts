import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../../../src/runtime/clock.ts";
import { mixedClock } from "../../support/manual-clock.ts";
import { endpoint, node, service, slice } from "../fixtures.ts";
import { fillStores, type Setup, setUp } from "./running-speaker.ts";

const limits = { timeout: 20_000 };
const prefix = "172.16.7.192/32";
const key = "default/nginx";
const drainTimeMs = 10_000;

function fillOthers({ cluster }: Setup): void {
  cluster.followedNodes?.replace(new Map(cluster.nodes), "1");
  cluster.followedSpeakers?.replace(new Map(cluster.pods.map((pod) => [pod.key, pod])), "1");
}

test(
  "an annotated Node: GRACEFUL_SHUTDOWN, the drain time, withdrawn; and back",
  limits,
  async (t) => {
    const { clock, manual } = mixedClock();
    const setup = await setUp(t, clock, { drainTimeMs });
    fillStores(setup);
    const { router, speaker, cluster, events, settled } = setup;
    await router.until(() => router.count("End-of-RIB ipv6") === 1);
    assert.equal(cluster.followedNodes, undefined);
    speaker.stores.nodes.applyWatchEvent("node1", "2", node({ drainAnnotation: "true" }));
    await router.until(() => router.log.at(-1) === `+${prefix} leaves`);
    cluster.add("node2");
    fillOthers(setup);
    await settled();
    assert.equal(JSON.parse(JSON.stringify(speaker.state())).drain.cause, "annotation");
    manual.advance(drainTimeMs);
    await router.untilRoutes();
    speaker.stores.nodes.applyWatchEvent("node1", "3", node());
    await router.untilRoutes(prefix);
    assert.equal(router.log.at(-1), `+${prefix}`);
    assert.equal(router.count("open"), 1);
    await settled();
    assert.equal(cluster.followedNodes, undefined);
    assert.deepEqual(events, ["BGPSessionUp router", "BGPDraining", "BGPDrainEnded"]);
  },
);

test("every able node drains: one that withdrew advertises again", limits, async (t) => {
  const { clock, manual } = mixedClock();
  const setup = await setUp(t, clock, { drainTimeMs });
  fillStores(setup);
  const { router, speaker, cluster, settled } = setup;
  await router.untilRoutes(prefix);
  speaker.stores.nodes.applyWatchEvent("node1", "2", node({ drainAnnotation: "true" }));
  await settled();
  cluster.add("node2");
  fillOthers(setup);
  await settled();
  manual.advance(drainTimeMs);
  await router.untilRoutes();
  const drains = node({ name: "node2", drainAnnotation: "true" });
  cluster.followedNodes?.applyWatchEvent("node2", "2", drains);
  await router.untilRoutes(prefix);
  assert.equal(router.log.at(-1), `+${prefix} leaves`);
});

/** A speaker that starts on a Node that drains. */
async function startDraining(t: TestContext) {
  const { clock, manual } = mixedClock();
  const setup = await setUp(t, clock, { drainTimeMs });
  fillStores(setup);
  const { stores } = setup.speaker;
  stores.nodes.replace(new Map([["node1", node({ drainAnnotation: "" })]]), "1");
  await setup.router.until(() => setup.router.count("open") === 1);
  await setup.settled();
  return { ...setup, manual };
}

test("a speaker that starts on a Node that drains has nothing to drain", limits, async (t) => {
  const setup = await startDraining(t);
  setup.cluster.add("node2");
  fillOthers(setup);
  const { router } = setup;
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  assert.deepEqual(router.log, ["open", "End-of-RIB ipv4", "End-of-RIB ipv6"]);
});

test(
  "it does not wait longer than a second to hear of the other Nodes, and then keeps its routes",
  limits,
  async (t) => {
    const { router, manual, settled } = await startDraining(t);
    manual.advance(999);
    await settled();
    assert.deepEqual(router.log, ["open"]);
    manual.advance(1);
    await router.until(() => router.count("End-of-RIB ipv6") === 1);
    const routes = router.log.filter((line) => line.includes(prefix));
    assert.deepEqual(routes, [`+${prefix} leaves`]);
  },
);

test(
  "the last local endpoint ends: GRACEFUL_SHUTDOWN, then withdrawn while it serves",
  limits,
  async (t) => {
    const { clock, manual } = mixedClock();
    const setup = await setUp(t, clock, { drainTimeMs });
    fillStores(setup, [service("nginx", undefined, { externalTrafficPolicy: "Local" })]);
    const { router, speaker, cluster } = setup;
    await router.untilRoutes(prefix);
    cluster.add("node2");
    const ending = slice(key, [endpoint("node1", "ending"), endpoint("node2")]);
    speaker.stores.slices.applyWatchEvent(ending.key, "2", ending);
    await router.until(() => router.log.at(-1) === `+${prefix} leaves`);
    assert.deepEqual(cluster.asked, ["speakers", "node2"]);
    manual.advance(2_000);
    await router.untilRoutes();
    const ready = slice(key, [endpoint("node1"), endpoint("node2")]);
    speaker.stores.slices.applyWatchEvent(ending.key, "3", ready);
    await router.until(() => router.log.at(-1) === `+${prefix}`);
  },
);

test(
  "an endpoint that ends already at the start is asked about before the first decision",
  limits,
  async (t) => {
    const setup = await setUp(t, systemClock, { drainTimeMs });
    setup.cluster.add("node2");
    fillStores(setup, [service("nginx", undefined, { externalTrafficPolicy: "Local" })]);
    const { router, speaker, cluster } = setup;
    const ending = slice(key, [endpoint("node1", "ending"), endpoint("node2")]);
    speaker.stores.slices.replace(new Map([[ending.key, ending]]), "1");
    await router.until(() => router.count("End-of-RIB ipv6") === 1);
    assert.deepEqual(cluster.asked, ["speakers", "node2"]);
    assert.deepEqual(router.log, ["open", "End-of-RIB ipv4", "End-of-RIB ipv6"]);
  },
);

test("nobody can take over: the route stays as long as the endpoint serves", limits, async (t) => {
  const { clock, manual } = mixedClock();
  const setup = await setUp(t, clock, { drainTimeMs });
  fillStores(setup, [service("nginx", undefined, { externalTrafficPolicy: "Local" })]);
  const { router, speaker, cluster, settled } = setup;
  await router.untilRoutes(prefix);
  const ending = slice(key, [endpoint("node1", "ending"), endpoint("node2")]);
  speaker.stores.slices.applyWatchEvent(ending.key, "2", ending);
  await settled();
  manual.advance(60_000);
  await settled();
  assert.ok(cluster.asked.includes("speakers"));
  assert.equal(router.count(`+${prefix} leaves`), 0);
  const gone = slice(key, [endpoint("node1", "gone"), endpoint("node2")]);
  speaker.stores.slices.applyWatchEvent(ending.key, "3", gone);
  await router.untilRoutes();
});

test(
  "who takes over is found late: GRACEFUL_SHUTDOWN first; it is lost: the route is back",
  limits,
  async (t) => {
    const { clock, manual } = mixedClock();
    const setup = await setUp(t, clock, { drainTimeMs });
    fillStores(setup, [service("nginx", undefined, { externalTrafficPolicy: "Local" })]);
    const { router, speaker, cluster, settled } = setup;
    await router.untilRoutes(prefix);
    const ending = slice(key, [endpoint("node1", "ending"), endpoint("node2")]);
    speaker.stores.slices.applyWatchEvent(ending.key, "2", ending);
    await settled();
    await manual.pass(1_000);
    await settled();
    manual.advance(58_000);
    await settled();
    cluster.add("node2");
    await manual.pass(1_000);
    await router.until(() => router.log.at(-1) === `+${prefix} leaves`);
    manual.advance(1_999);
    await settled();
    assert.ok(router.routes.has(prefix));
    manual.advance(1);
    await router.untilRoutes();
    cluster.add("node2", { networkUnavailable: true });
    await manual.pass(5_000);
    await router.untilRoutes(prefix);
    assert.equal(router.log.at(-1), `+${prefix}`);
  },
);

test("the restart exit leaves the routes and says nothing", limits, async (t) => {
  const setup = await setUp(t, systemClock, { gracefulRestart: true });
  fillStores(setup);
  const { router, speaker } = setup;
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  const before = [...router.log];
  await speaker.close("not said", new Set(["router"]));
  await router.until(() => router.log.at(-1) === "closed");
  assert.deepEqual(router.log, [...before, "closed"]);
});

test("a speaker that is about to end is not ready", limits, async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker, events } = setup;
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  speaker.startLeaving(new Set());
  assert.deepEqual(events, ["BGPSessionUp router", "BGPDraining"]);
  assert.deepEqual(speaker.whyNotReady(), ["the speaker is about to end"]);
  await router.until(() => router.log.at(-1) === `+${prefix} leaves`);
});
