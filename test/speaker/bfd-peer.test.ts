import assert from "node:assert/strict";
import { test } from "node:test";
import type { BfdProfile } from "../../src/config/model.ts";
import { parsePrefix } from "../../src/net/prefix.ts";
import { planBfd } from "../../src/speaker/bfd-peer.ts";
import { type PlannedSession, planSessions } from "../../src/speaker/peers.ts";
import { address, config, node, peerConfig } from "./fixtures.ts";

const profile: BfdProfile = {
  name: "fast",
  receiveIntervalMs: 100,
  transmitIntervalMs: 200,
  detectMultiplier: 5,
  passiveMode: true,
  minimumTtl: 250,
};

function planned(changes: Parameters<typeof peerConfig>[0] = {}): PlannedSession {
  const peers = [peerConfig({ name: "rack-a", bfdProfile: profile, ...changes })];
  const sources = { defaultGateways: [], secret: () => ({ state: "missing" }) as const };
  const [session] = planSessions(config({ peers }), node(), sources).sessions;
  assert.ok(session);
  return session;
}

const nodeNetwork = parsePrefix("172.16.7.0/24");
assert.ok(nodeNetwork);
const onLink = address("172.16.7.1");
const offLink = address("172.16.9.1");

function isMultihop(
  changes: Parameters<typeof peerConfig>[0],
  remote = offLink,
  isInternal = false,
) {
  const connected = { localAddress: address("172.16.7.11"), remoteAddress: remote, isInternal };
  return planBfd(planned(changes), connected, () => [nodeNetwork ?? assert.fail()])?.multihop;
}

test("a profile's values become the session's", () => {
  const connected = {
    localAddress: address("172.16.7.11"),
    remoteAddress: onLink,
    isInternal: false,
  };
  assert.deepEqual(
    planBfd(planned(), connected, () => []),
    {
      key: "rack-a",
      localAddress: address("172.16.7.11"),
      remoteAddress: onLink,
      multihop: false,
      minimumTtl: 250,
      transmitIntervalMs: 200,
      receiveIntervalMs: 100,
      detectMultiplier: 5,
      passive: true,
    },
  );
});

test("without a profile there is no BFD session", () => {
  const { bfdProfile: _, ...without } = planned();
  const connected = {
    localAddress: address("172.16.7.11"),
    remoteAddress: onLink,
    isInternal: false,
  };
  assert.equal(
    planBfd(without, connected, () => []),
    undefined,
  );
});

test("ebgp-multihop and internal peers off the link are multihop, all others single-hop", () => {
  assert.equal(isMultihop({}), false, "the router's far side");
  assert.equal(isMultihop({ ebgpMultihop: true }), true);
  assert.equal(isMultihop({}, offLink, true), true);
  assert.equal(isMultihop({}, onLink, true), false);
  assert.equal(isMultihop({}, address("fe80::1%eth0"), true), false);
});

test("another profile resets no BGP session", () => {
  const before = planned();
  const after = planned({ bfdProfile: { ...profile, detectMultiplier: 3 } });
  assert.deepEqual(before.peer, after.peer);
});
