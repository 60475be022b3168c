import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionStatus } from "../../src/bgp/session/status.ts";
import { decideRoutes } from "../../src/speaker/decide.ts";
import { planSessions } from "../../src/speaker/peers.ts";
import { readStateQuery, type StateSources, speakerState } from "../../src/speaker/state.ts";
import {
  address,
  advertisement,
  config,
  node,
  peerConfig,
  pool,
  service,
  sessionStatus,
  snapshot,
} from "./fixtures.ts";

const given = snapshot(
  [service("nginx"), service("pending", []), service("inner", [], { type: "ClusterIP" })],
  {},
  {
    config: config({
      peers: [
        peerConfig({ name: "rack-a" }),
        peerConfig({ name: "open", password: { type: "text", text: "s3cret" } }),
        peerConfig({ name: "locked", password: { type: "secret", name: "s", key: "k" } }),
      ],
      pools: [
        pool({
          advertisements: [
            advertisement({
              communities: [
                { type: "standard", value: 64512 * 65536 + 7 },
                { type: "large", value: [64512, 1, 2] },
              ],
            }),
          ],
        }),
      ],
    }),
  },
);

function sources(): StateSources {
  const plan = planSessions(given.config, node(), {
    defaultGateways: [],
    secret: () => ({ state: "missing" }),
  });
  return {
    nodeName: "node1",
    podName: "speaker-abcde",
    version: "0.1.0",
    config: { sha256: "abc", isStale: true, reason: "a sentence" },
    waitingFor: [],
    planned: plan.sessions,
    notDialled: plan.notDialled,
    bfd: new Map(),
    statuses: [
      sessionStatus({
        state: "Established",
        localAddress: address("172.16.7.11"),
        remoteRouterId: address("172.16.9.1"),
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
        lastError: { atWallTimeMs: 5, kind: "connect-timeout", text: "no answer" },
      }),
      sessionStatus({ name: "open" }),
    ],
    decision: decideRoutes(given, [{ name: "rack-a", entryName: "rack-a" }]),
    services: given.services,
  };
}

test("/state says of a session that has routes, and of no other, what being up does not tell", () => {
  const caveat = (overrides: Partial<SessionStatus>) => {
    const statuses = [sessionStatus(overrides)];
    const state = speakerState({ ...sources(), statuses }, (ms) => `t${ms}`);
    return JSON.parse(JSON.stringify(state)).sessions[0].caveat;
  };
  assert.match(caveat({ state: "Established", advertised: 1 }), /but the router may filter/);
  assert.equal(caveat({ state: "Established", advertised: 0 }), undefined);
  assert.equal(caveat({ state: "Idle" }), undefined);
});

test("/state is JSON that tells sessions, routes and reasons", () => {
  const state = JSON.parse(JSON.stringify(speakerState(sources(), (ms) => `t${ms}`)));
  assert.deepEqual([state.kind, state.node, state.pod], ["speaker", "node1", "speaker-abcde"]);
  assert.deepEqual(state.config, { sha256: "abc", isStale: true, reason: "a sentence" });
  assert.equal(state.sessions[0].state, "Established");
  assert.equal(state.sessions[0].peerAddress, "172.16.9.1");
  assert.equal(state.sessions[0].negotiated.peerRouterId, "172.16.9.1");
  assert.deepEqual(state.sessions[0].lastError, {
    at: "t5",
    kind: "connect-timeout",
    text: "no answer",
  });
  assert.deepEqual(state.routes, {
    "rack-a": [
      {
        prefix: "172.16.7.192/32",
        localPref: 100,
        prepend: 0,
        communities: ["64512:7"],
        largeCommunities: ["64512:1:2"],
      },
    ],
  });
  assert.deepEqual(
    state.services.map((one: { service: string }) => one.service),
    ["default/nginx", "default/pending"],
  );
  assert.deepEqual(state.services[0].advertised, ["172.16.7.192"]);
  assert.equal(state.services[1].withheld[0].reason, "no-address");
  assert.deepEqual(
    state.notDialled.map((one: { entryName: string; reason: string }) => [
      one.entryName,
      one.reason,
    ]),
    [["locked", "secret-missing"]],
  );
});

test("/state can be asked for a part", () => {
  const ask = (query: string) => {
    const part = readStateQuery(new URLSearchParams(query));
    return JSON.parse(JSON.stringify(speakerState(sources(), String, part)));
  };
  const sessions = ask("only=sessions");
  assert.deepEqual([sessions.sessions.length, sessions.routes], [2, undefined]);
  const keys = (state: { services: readonly { service: string }[] }) =>
    state.services.map(({ service }) => service);
  const nginx = ask("service=default/nginx");
  assert.deepEqual(keys(nginx), ["default/nginx"]);
  assert.equal(nginx.routes["rack-a"].length, 1);
  const pending = ask("service=default%2Fpending");
  assert.deepEqual([keys(pending), pending.routes], [["default/pending"], { "rack-a": [] }]);
  assert.deepEqual(keys(ask("service=default/absent")), []);
});

test("/state shows no password", () => {
  assert.ok(!JSON.stringify(speakerState(sources(), String)).includes("s3cret"));
});

test("before the first decision /state says what is waited for", () => {
  const { decision: _, ...rest } = sources();
  const waiting = { ...rest, waitingFor: ["Services could not be read yet"] };
  const state = JSON.parse(JSON.stringify(speakerState(waiting, String)));
  assert.deepEqual(state.waitingFor, ["Services could not be read yet"]);
  assert.deepEqual([state.routes, state.services], [{}, []]);
});
