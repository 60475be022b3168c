import assert from "node:assert/strict";
import { test } from "node:test";
import type { BfdStateChange } from "../../../src/bfd/engine.ts";
import { planSessions } from "../../../src/speaker/peers.ts";
import { BfdSessions } from "../../../src/speaker/shell/bfd.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { address, config, node, peerConfig, sessionStatus } from "../fixtures.ts";

const profile = {
  name: "fast",
  receiveIntervalMs: 300,
  transmitIntervalMs: 300,
  detectMultiplier: 3,
  passiveMode: false,
  minimumTtl: 254,
};

/** BFD sessions over a monitor that only notes what it is told. */
function bfdSessions() {
  const told: string[] = [];
  const down: string[] = [];
  let change: (change: BfdStateChange) => void = () => assert.fail("no monitor");
  const sessions = new BfdSessions({
    monitor: (onChange) => {
      change = onChange;
      return {
        setPeers: (peers) => told.push(`set ${peers.map(({ key }) => key).join(",")}`),
        adminDown: (key) => told.push(`admin-down ${key}`),
        report: () => Promise.resolve([]),
        close: async () => void told.push("close"),
      };
    },
    localPrefixes: () => [],
    logger: recordingLogger(),
    onDown: (name) => down.push(name),
    wallTime: () => 7,
  });
  const planned = planSessions(
    config({ peers: [peerConfig({ name: "rack-a", bfdProfile: profile })] }),
    node(),
    { defaultGateways: [], secret: () => ({ state: "missing" }) },
  ).sessions;
  const status = sessionStatus({
    name: "rack-a",
    state: "Established",
    localAddress: address("172.16.7.11"),
    remoteAddress: address("172.16.7.1"),
    negotiated: {
      peerAsn: 64512,
      peerRouterId: address("172.16.9.1"),
      internal: false,
      holdTimeSeconds: 90,
      keepaliveTimeSeconds: 30,
      families: ["ipv4"],
      fourOctetAsn: true,
      routeRefresh: true,
      enhancedRouteRefresh: false,
      extendedMessages: false,
      extendedNextHop: false,
    },
  });
  const to = (from: BfdStateChange["from"], state: BfdStateChange["to"], remote = state) =>
    change({
      key: "rack-a",
      from,
      to: state,
      diagnostic: 1,
      remoteState: remote,
      remoteDiagnostic: 0,
    });
  return { sessions, told, down, planned, status, to };
}

test("BFD starts when BGP is up for the first time, and stays when BGP goes", () => {
  const { sessions, told, planned, status } = bfdSessions();
  sessions.apply(planned);
  sessions.takeStatus({ ...status, state: "OpenSent" });
  assert.deepEqual(told, ["set "]);
  sessions.takeStatus(status);
  sessions.takeStatus({ ...status, state: "Idle" });
  sessions.takeStatus(status);
  assert.deepEqual(told, ["set ", "set rack-a"]);
});

test("only Up to Down ends the BGP session, and not if the peer says AdminDown", () => {
  const { sessions, down, planned, status, to } = bfdSessions();
  sessions.apply(planned);
  sessions.takeStatus(status);
  to("Down", "Init");
  to("Init", "Down");
  assert.deepEqual(down, [], "never up");
  to("Init", "Up");
  to("Up", "Down", "AdminDown");
  assert.deepEqual(down, [], "the peer's operator");
  to("Down", "Up");
  to("Up", "Down");
  assert.deepEqual(down, ["rack-a"]);
  assert.equal(sessions.states().get("rack-a")?.state, "Down");
});

test("a peer that goes is told so, and nothing is kept of it", () => {
  const { sessions, told, planned, status } = bfdSessions();
  sessions.apply(planned);
  sessions.takeStatus(status);
  sessions.apply([]);
  assert.deepEqual(told.slice(2), ["admin-down rack-a", "set "]);
  assert.equal(sessions.states().size, 0);
});

test("the end by drain says AdminDown, the end by restart says nothing", async () => {
  const drained = bfdSessions();
  drained.sessions.apply(drained.planned);
  drained.sessions.takeStatus(drained.status);
  await drained.sessions.close(new Set());
  assert.deepEqual(drained.told.slice(2), ["admin-down rack-a", "close"]);
  const restarted = bfdSessions();
  restarted.sessions.apply(restarted.planned);
  restarted.sessions.takeStatus(restarted.status);
  await restarted.sessions.close(new Set(["rack-a"]));
  assert.deepEqual(restarted.told.slice(2), ["close"]);
});
