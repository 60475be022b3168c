import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Config } from "../../src/config/model.ts";
import {
  diffSessions,
  needsDefaultGateways,
  type PlannedSession,
  planSessions,
} from "../../src/speaker/peers.ts";
import { address, config, labelSelector, node, peerConfig } from "./fixtures.ts";

function plan(peers: Config["peers"], gateways: readonly string[] = []) {
  return planSessions(config({ peers }), node(), gateways.map(address));
}

function byName(sessions: readonly PlannedSession[]): Map<string, PlannedSession> {
  return new Map(sessions.map((session) => [session.peer.name, session]));
}

describe("planSessions", () => {
  test("an entry without selectors gives a session on every node", () => {
    const { sessions, notDialled } = plan([peerConfig()]);
    assert.deepEqual(
      sessions.map(({ peer, entryName }) => [peer.name, entryName, peer.localAsn, peer.peerAsn]),
      [["172.16.9.1:179", "172.16.9.1:179", 64522, 64512]],
    );
    assert.deepEqual(notDialled, []);
  });

  test("node-selectors choose by the Node's labels", () => {
    const { sessions, notDialled } = plan([
      peerConfig({ name: "a", nodeSelectors: [labelSelector({ rack: "a" })] }),
      peerConfig({ name: "b", nodeSelectors: [labelSelector({ rack: "b" })] }),
    ]);
    assert.deepEqual(
      sessions.map(({ peer }) => peer.name),
      ["a"],
    );
    assert.deepEqual(
      notDialled.map(({ entryName, reason }) => [entryName, reason]),
      [["b", "node-not-selected"]],
    );
  });

  test("a peer whose protection does not work yet is not dialled without it", () => {
    const { sessions, notDialled } = plan([
      peerConfig({ name: "text", password: { type: "text", text: "s3cret" } }),
      peerConfig({ name: "secret", password: { type: "secret", name: "routelb-peers", key: "a" } }),
      peerConfig({ name: "ttl", ttlSecurityHops: 1 }),
    ]);
    assert.deepEqual(sessions, []);
    assert.deepEqual(
      notDialled.map(({ reason }) => reason),
      ["password-not-supported", "password-not-supported", "ttl-security-not-supported"],
    );
    assert.ok(!JSON.stringify(notDialled).includes("s3cret"));
  });

  test("default-gateway gives one session per gateway, or says that there is none", () => {
    const entry = peerConfig({ name: "tor", peerAddress: "default-gateway" });
    assert.equal(needsDefaultGateways(config({ peers: [entry] })), true);
    assert.equal(needsDefaultGateways(config()), false);
    assert.deepEqual(
      plan([entry]).notDialled.map(({ reason }) => reason),
      ["no-default-gateway"],
    );
    assert.deepEqual(
      plan([entry], ["172.16.7.1", "fe80::1%eth0"]).sessions.map(({ peer, entryName }) => [
        peer.name,
        peer.peerAddress.text,
        entryName,
      ]),
      [
        ["tor@172.16.7.1", "172.16.7.1", "tor"],
        ["tor@fe80::1%eth0", "fe80::1%eth0", "tor"],
      ],
    );
  });
});

describe("diffSessions", () => {
  const a = peerConfig({ name: "a" });
  const b = peerConfig({ name: "b", peerAddress: address("172.16.9.2") });

  test("a session whose entry did not change is not touched, wherever it stands", () => {
    const running = byName(plan([a, b]).sessions);
    const again = plan([structuredClone(b), structuredClone(a)]).sessions;
    assert.deepEqual(diffSessions(running, again), { removed: [], changed: [], added: [] });
  });

  test("any changed value reopens that session alone", () => {
    const running = byName(plan([a, b]).sessions);
    const edited = plan([{ ...a, holdTimeSeconds: 9 }, b]).sessions;
    const { removed, changed, added } = diffSessions(running, edited);
    assert.deepEqual(
      changed.map(({ peer }) => peer.name),
      ["a"],
    );
    assert.deepEqual([removed, added], [[], []]);
  });

  test("entries that went and entries that came", () => {
    const { removed, changed, added } = diffSessions(
      byName(plan([a]).sessions),
      plan([b]).sessions,
    );
    assert.deepEqual(removed, ["a"]);
    assert.deepEqual(
      added.map(({ peer }) => peer.name),
      ["b"],
    );
    assert.deepEqual(changed, []);
  });
});
