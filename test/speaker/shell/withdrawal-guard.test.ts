import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { mixedClock } from "../../support/manual-clock.ts";
import { endpoint, node, service, slice } from "../fixtures.ts";
import { configText, fillStores, inForce, setUp } from "./running-speaker.ts";

const limits = { timeout: 20_000 };
const prefix = (index: number) => `172.16.7.${192 + index}/32`;
const services = Array.from({ length: 20 }, (_, index) =>
  service(`svc${index}`, [`172.16.7.${192 + index}`]),
);
const all = services.map((_, index) => prefix(index));
const byKey = (some: typeof services) => new Map(some.map((one) => [one.key, one]));

/** A speaker with 20 routes; its clock stands still, but not for what is due at once. */
async function advertising(t: TestContext) {
  const { clock, manual } = mixedClock();
  const setup = await setUp(t, clock, { withdrawShare: 0.5 });
  fillStores(setup, services);
  await setup.router.untilRoutes(...all);
  const held = async () => {
    await setup.settled();
    const [, value = ""] =
      /^routelb_speaker_held_withdrawals (\d+)$/m.exec(await setup.registry.text()) ?? [];
    return Number(value);
  };
  return { ...setup, manual, held };
}

test("a list without half of the Services is held until another confirms it", limits, async (t) => {
  const { router, speaker, cluster, manual, held, events } = await advertising(t);
  cluster.present = new Set(services.map(({ key }) => key));
  speaker.stores.services.replace(byKey(services.slice(0, 5)), "9");
  assert.equal(await held(), 15);
  assert.ok(events.includes("WithdrawalsHeld"));
  const more = service("more", ["172.16.7.250"]);
  speaker.stores.services.applyWatchEvent(more.key, "10", more);
  speaker.stores.slices.applyWatchEvent("default/more", "11", slice(more.key, [endpoint("node1")]));
  await router.untilRoutes(...all, "172.16.7.250/32");
  await manual.pass(10_000);
  assert.equal(await held(), 15);
  cluster.present = new Set(services.slice(0, 8).map(({ key }) => key));
  await manual.pass(10_000);
  await router.untilRoutes(...all.slice(0, 8), "172.16.7.250/32");
  assert.deepEqual(cluster.asked, ["services", "services"]);
});

test("what cannot be confirmed is kept, and asked for again", limits, async (t) => {
  const { router, speaker, cluster, manual, held } = await advertising(t);
  cluster.failure = new Error("the API server is away");
  speaker.stores.services.replace(new Map(), "9");
  assert.equal(await held(), 20);
  await manual.pass(10_000);
  await manual.pass(750);
  cluster.failure = undefined;
  await manual.pass(1_500);
  await router.untilRoutes();
  assert.equal(await held(), 0);
});

test("objects that come back are as if they had never been away", limits, async (t) => {
  const { router, speaker, manual, held, cluster } = await advertising(t);
  const before = [...router.log];
  speaker.stores.services.replace(new Map(), "9");
  assert.equal(await held(), 20);
  speaker.stores.services.replace(byKey(services), "10");
  assert.equal(await held(), 0);
  manual.advance(60_000);
  assert.equal(await held(), 0);
  assert.deepEqual(router.log, before);
  assert.deepEqual(cluster.asked, []);
});

test("EndpointSlices count as well; what else happens is done at once", limits, async (t) => {
  const { router, speaker, manual, held } = await advertising(t);
  speaker.stores.slices.replace(new Map(), "9");
  assert.equal(await held(), 20);
  speaker.stores.services.applyWatchEvent("default/svc0", "10", undefined);
  await router.untilRoutes(...all.slice(1));
  speaker.stores.nodes.applyWatchEvent("node1", "11", node({ networkUnavailable: true }));
  await router.untilRoutes();
  speaker.stores.nodes.applyWatchEvent("node1", "12", node());
  await router.untilRoutes(...all.slice(1));
  await manual.pass(10_000);
  await router.untilRoutes();
});

test("a list that lacks few objects is believed at once", limits, async (t) => {
  const { router, speaker, held } = await advertising(t);
  speaker.stores.services.replace(byKey(services.slice(0, 11)), "9");
  await router.untilRoutes(...all.slice(0, 11));
  assert.equal(await held(), 0);
});

test("a watch event is believed at once", limits, async (t) => {
  const { router, speaker } = await advertising(t);
  for (const [index, { key }] of services.entries()) {
    speaker.stores.services.applyWatchEvent(key, String(10 + index), undefined);
  }
  await router.untilRoutes();
});

test(
  "a configuration that takes most away is held for 10 s; put right, it changes nothing",
  limits,
  async (t) => {
    const { router, speaker, port, manual, held } = await advertising(t);
    const before = [...router.log];
    const narrow = configText(port).replace("172.16.7.192/26", "172.16.7.192/30");
    speaker.stores.inForceConfig.replace(inForce(narrow), "2");
    assert.equal(await held(), 16);
    speaker.stores.inForceConfig.replace(inForce(configText(port)), "3");
    assert.equal(await held(), 0);
    assert.deepEqual(router.log, before);
    speaker.stores.inForceConfig.replace(inForce(narrow), "4");
    assert.equal(await held(), 16);
    manual.advance(9_000);
    assert.equal(await held(), 16);
    assert.deepEqual(router.log, before);
    manual.advance(1_000);
    await router.untilRoutes(...all.slice(0, 4));
    assert.equal(await held(), 0);
  },
);

test("a configuration without its peers is held, too", limits, async (t) => {
  const { router, speaker, port, manual, held } = await advertising(t);
  const peerless = configText(port).replace(/peers:[^]*address-pools/, "peers: []\naddress-pools");
  speaker.stores.inForceConfig.replace(inForce(peerless), "2");
  assert.equal(await held(), 20);
  assert.equal(router.routes.size, 20);
  manual.advance(10_000);
  await router.until(() => router.log.at(-1) === "closed");
});

test(
  "a configuration that renumbers: held or not, each address is advertised when its Service has it",
  limits,
  async (t) => {
    const { router, speaker, port, manual, held } = await advertising(t);
    const moved = configText(port).replace("172.16.7.192/26", "172.16.8.0/26");
    speaker.stores.inForceConfig.replace(inForce(moved), "2");
    assert.equal(await held(), 20);
    for (const [index, { name, key }] of services.slice(0, 5).entries()) {
      const renumbered = service(name, [`172.16.8.${index}`]);
      speaker.stores.services.applyWatchEvent(key, String(10 + index), renumbered);
    }
    const fresh = [0, 1, 2, 3, 4].map((index) => `172.16.8.${index}/32`);
    await router.untilRoutes(...fresh, ...all.slice(5));
    const state = JSON.parse(JSON.stringify(speaker.state()));
    assert.deepEqual(
      state.services.map((one: { advertised: string[]; withheld: object[] }) => [
        one.advertised.length,
        one.withheld.length,
      ]),
      services.map(() => [1, 0]),
    );
    speaker.stores.slices.applyWatchEvent("default/svc5-ipv4-abcde", "20", undefined);
    await router.untilRoutes(...fresh, ...all.slice(6));
    manual.advance(10_000);
    await router.untilRoutes(...fresh);
    assert.equal(await held(), 0);
  },
);
