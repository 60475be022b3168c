import assert from "node:assert/strict";
import { test } from "node:test";
import { waitFor } from "../../../lab/wait.ts";
import { systemClock } from "../../../src/runtime/clock.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { endpoint, node, service, silentBfd, slice } from "../fixtures.ts";
import { TestRouter } from "../test-router.ts";
import { configMap, configText, fillStores, inForce, setUp } from "./running-speaker.ts";

const key = "default/nginx";

test("a Service with an endpoint reaches the router, then End-of-RIB; both go with it", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker } = setup;
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  assert.deepEqual(router.log, ["open", "+172.16.7.192/32", "End-of-RIB ipv4", "End-of-RIB ipv6"]);
  assert.deepEqual(speaker.whyNotReady(), []);
  const ending = slice(key, [endpoint("node1", "gone")]);
  speaker.stores.slices.applyWatchEvent(ending.key, "2", ending);
  await router.untilRoutes();
  assert.equal(router.log.at(-1), "-172.16.7.192/32");
  speaker.stores.slices.applyWatchEvent(ending.key, "3", slice(key, [endpoint("node2")]));
  await router.untilRoutes("172.16.7.192/32");
});

test("nothing is sent before every store has synced, and the speaker is not ready", async (t) => {
  const setup = await setUp(t);
  const { router, speaker, port } = setup;
  speaker.stores.inForceConfig.replace(inForce(configText(port)), "1");
  speaker.stores.nodes.replace(new Map([["node1", node()]]), "1");
  const one = service("nginx");
  speaker.stores.services.replace(new Map([[one.key, one]]), "1");
  await router.until(() => router.count("open") === 1);
  assert.deepEqual(speaker.whyNotReady(), ["EndpointSlices could not be read yet"]);
  assert.deepEqual(router.log, ["open"]);
  speaker.stores.slices.replace(new Map(), "1");
  assert.deepEqual(speaker.whyNotReady(), ["nothing was decided yet"]);
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  assert.deepEqual([...router.routes], []);
});

test("an edit of the configuration touches only what differs", async (t) => {
  const setup = await setUp(t);
  const other = new TestRouter({ asn: 64512 });
  const otherPort = await other.listen();
  t.after(() => other.close());
  fillStores(setup);
  const { router, speaker, port, registry } = setup;
  await router.untilRoutes("172.16.7.192/32");
  const second = `- {my-asn: 64522, peer-asn: 64512, peer-address: 127.0.0.1, peer-port: ${otherPort}, name: other}`;
  speaker.stores.inForceConfig.replace(inForce(configText(port, second)), "2");
  await other.untilRoutes("172.16.7.192/32");
  speaker.stores.inForceConfig.replace(
    inForce(configText(port, second.replace("}", ", hold-time: 9s}"))),
    "3",
  );
  await other.until(() => other.count("open") === 2);
  assert.ok(other.log.includes("NOTIFICATION 6/6 Cease, Other Configuration Change: "));
  await other.untilRoutes("172.16.7.192/32");
  assert.match(await registry.text(), /routelb_bgp_session_up\{peer="other"\}/);
  speaker.stores.inForceConfig.replace(inForce(configText(port)), "4");
  await other.until(() => other.log.at(-1) === "closed");
  assert.ok(other.log.some((line) => line.startsWith("NOTIFICATION 6/3 Cease")));
  assert.equal(router.count("open"), 1);
  assert.equal(router.count("+172.16.7.192/32"), 1);
  assert.doesNotMatch(await registry.text(), /peer="other"/);
});

test("a peer that changes again and again has one connection at a time, and the last values", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker, port, settled } = setup;
  await router.untilRoutes("172.16.7.192/32");
  for (const [version, seconds] of [10, 11, 12, 13].entries()) {
    const text = configText(port).replace("name: router", `name: router\n  hold-time: ${seconds}s`);
    speaker.stores.inForceConfig.replace(inForce(text), String(version + 2));
    await settled();
  }
  speaker.stores.inForceConfig.replace(inForce("peers: []\naddress-pools: []\n"), "7");
  await settled();
  const text = configText(port).replace("name: router", "name: router\n  hold-time: 14s");
  speaker.stores.inForceConfig.replace(inForce(text), "8");
  await router.until(() => router.count("open") >= 2 && router.routes.size === 1);
  assert.equal(router.mostConnections, 1);
  const { sessions } = JSON.parse(JSON.stringify(speaker.state()));
  assert.equal(sessions.length, 1);
  assert.equal(sessions[0].negotiated.holdTimeSeconds, 14);
});

test("a broken configuration changes nothing and is told", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker, logger, registry } = setup;
  await router.untilRoutes("172.16.7.192/32");
  speaker.stores.userConfig.replace(configMap("config", { config: "peers: [{my-asn: 0}]" }), "2");
  await setup.settled();
  assert.match(await registry.text(), /^routelb_k8s_client_config_stale_bool 1$/m);
  assert.match(await registry.text(), /^routelb_k8s_client_config_loaded_bool 1$/m);
  assert.deepEqual(
    logger.lines.filter(({ level }) => level === "error").map(({ message }) => message),
    ["the configuration as written is not in force"],
  );
  assert.deepEqual([...router.routes], ["172.16.7.192/32"]);
  assert.equal(router.count("open"), 1);
});

test("the end of the speaker: routes withdrawn, then Cease/Administrative Shutdown", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker, events } = setup;
  await router.untilRoutes("172.16.7.192/32");
  await speaker.close("node1: the speaker is shutting down");
  await router.until(() => router.log.at(-1) === "closed");
  assert.deepEqual(router.log.slice(-3), [
    "-172.16.7.192/32",
    "NOTIFICATION 6/2 Cease, Administrative Shutdown: node1: the speaker is shutting down",
    "closed",
  ]);
  assert.deepEqual(events, ["BGPSessionUp router"]);
});

test("metrics: the session, its routes, and the addresses that are advertised", async (t) => {
  const setup = await setUp(t);
  fillStores(setup, [service("nginx"), service("idle", ["172.16.7.193"]), service("new", [])]);
  const { router, speaker, registry } = setup;
  const idle = slice("default/idle", [endpoint("node1", "not-ready")]);
  speaker.stores.slices.applyWatchEvent(idle.key, "2", idle);
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  await setup.settled();
  const text = await registry.text();
  for (const line of [
    'routelb_bgp_session_up{peer="router"} 1',
    'routelb_bgp_announced_prefixes_total{peer="router"} 1',
    'routelb_bgp_pending_prefixes_total{peer="router"} 1',
    'routelb_bgp_waiting_prefixes{peer="router"} 0',
    'routelb_bgp_notifications_received_total{peer="router"} 0',
    'routelb_speaker_announced{service="default/nginx",protocol="bgp",node="node1",ip="172.16.7.192"} 1',
    'routelb_speaker_withheld_addresses{reason="no-endpoints"} 1',
    'routelb_speaker_withheld_addresses{reason="no-address"} 1',
    "routelb_k8s_client_config_loaded_bool 1",
    "routelb_k8s_client_config_stale_bool 0",
  ]) {
    assert.ok(text.includes(`${line}\n`), `${line}\n${text}`);
  }
});

test("metrics: failures of a session, by kind, from 0 on and away with the peer", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker, registry } = setup;
  await router.untilRoutes("172.16.7.192/32");
  const failures = async (kind: string) => {
    await speaker.showSessions();
    const series = `routelb_bgp_session_failures_total{peer="router",kind="${kind}"} `;
    const line = (await registry.text()).split("\n").find((one) => one.startsWith(series));
    return line?.slice(series.length);
  };
  const kinds = ["notification-received", "connection-closed", "hold-timer-expired"] as const;
  assert.deepEqual(await Promise.all(kinds.map(failures)), ["0", "0", "0"]);
  await router.close();
  await waitFor(async () => (await failures("connection-closed")) === "1" || undefined, {
    what: "the closed connection is counted",
    timeoutMs: 10_000,
  });
  assert.equal(await failures("hold-timer-expired"), "0");
  speaker.stores.inForceConfig.replace(inForce("peers: []\n"), "2");
  await setup.settled();
  assert.equal(await failures("connection-closed"), undefined);
});

test("a peer that does not answer delays readiness for 30 s, never longer", async (t) => {
  const clock = new ManualClock();
  const setup = await setUp(t, clock);
  await setup.router.close();
  fillStores(setup);
  await setup.settled();
  const [reason] = setup.speaker.whyNotReady();
  assert.match(reason ?? "", /^router has not got all routes yet \(/);
  clock.advance(29_000);
  assert.equal(setup.speaker.whyNotReady().length, 1);
  clock.advance(1_000);
  assert.deepEqual(setup.speaker.whyNotReady(), []);
});

test("a peer waits for its password's Secret, and keeps what the Secret held", async (t) => {
  const setup = await setUp(t);
  const { speaker, port, logger, secretStores, settled } = setup;
  fillStores(setup);
  const text = configText(port).replace(
    "name: router",
    "name: router\n  password-secret: {name: routelb-peers, key: router}",
  );
  const states = () => JSON.parse(JSON.stringify(speaker.state()));
  speaker.stores.inForceConfig.replace(inForce(text), "2");
  await settled();
  assert.equal(states().notDialled[0].reason, "secret-unread");
  const [store] = secretStores;
  store?.replace(new Map(), "1");
  await settled();
  assert.equal(states().notDialled[0].reason, "secret-missing");
  const key = "routelb-system/routelb-peers";
  store?.applyWatchEvent(key, "2", { key, data: new Map([["router", "s3cret\n"]]) });
  await settled();
  assert.deepEqual(states().notDialled, []);
  assert.equal(states().sessions.length, 1);
  store?.applyWatchEvent(key, "3", undefined);
  await settled();
  assert.equal(states().sessions.length, 1);
  assert.ok(logger.lines.some(({ message }) => message.startsWith("a Secret lost a key")));
  assert.ok(!JSON.stringify([states(), logger.lines]).includes("s3cret"));
  assert.equal(secretStores.length, 1);
});

test("the Node's labels choose its peers", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker, port, logger } = setup;
  await router.untilRoutes("172.16.7.192/32");
  const text = configText(port).replace(
    "name: router",
    "name: router\n  node-selectors: [{match-labels: {rack: a}}]",
  );
  speaker.stores.inForceConfig.replace(inForce(text), "2");
  await setup.settled();
  assert.equal(router.count("open"), 1);
  speaker.stores.nodes.applyWatchEvent("node1", "3", node({ labels: { rack: "b" } }));
  await router.until(() => router.log.at(-1) === "closed");
  speaker.stores.nodes.applyWatchEvent("node1", "4", node({ labels: { rack: "a" } }));
  await router.untilRoutes("172.16.7.192/32");
  const said = logger.lines.filter(({ message }) => message === "peer is not for this node");
  assert.equal(said.length, 1);
});

test("a Node that is no longer there changes nothing", async (t) => {
  const setup = await setUp(t);
  fillStores(setup);
  const { router, speaker } = setup;
  await router.untilRoutes("172.16.7.192/32");
  speaker.stores.nodes.applyWatchEvent("node1", "2", undefined);
  const more = service("more", ["172.16.7.200"]);
  speaker.stores.services.applyWatchEvent(more.key, "3", more);
  speaker.stores.slices.applyWatchEvent(
    "default/more-x",
    "4",
    slice(more.key, [endpoint("node3")]),
  );
  await router.untilRoutes("172.16.7.192/32", "172.16.7.200/32");
});

test("metrics of BFD are as the worker says when they are asked for, not as it was once", async (t) => {
  let packetsSent = 0;
  const report = () => {
    packetsSent += 1;
    return Promise.resolve([{ ...bfdStatus, packetsSent, state: "Up" as const }]);
  };
  const { speaker, registry } = await setUp(t, systemClock, {
    bfdMonitor: () => ({ ...silentBfd, report }),
  });
  await speaker.showSessions();
  await speaker.showSessions();
  const text = await registry.text();
  assert.match(text, /^routelb_bfd_session_up\{peer="router"\} 1$/m);
  assert.match(text, /^routelb_bfd_control_packet_output\{peer="router"\} 2$/m);
});

const bfdStatus = {
  key: "router",
  remoteState: "Up",
  diagnostic: 0,
  remoteDiagnostic: 0,
  detectionTimeMs: 900,
  packetsReceived: 0,
  sessionUps: 1,
  sessionDowns: 0,
} as const;
