import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Config } from "../../src/config/model.ts";
import {
  diffSessions,
  needsDefaultGateways,
  type PlannedSession,
  type PlanSources,
  planSessions,
  secretNames,
} from "../../src/speaker/peers.ts";
import { address, config, labelSelector, node, peerConfig } from "./fixtures.ts";

function plan(
  peers: Config["peers"],
  gateways: readonly string[] = [],
  secret: PlanSources["secret"] = () => ({ state: "unread" }),
) {
  const sources = { defaultGateways: gateways.map(address), secret };
  return planSessions(config({ peers }), node(), sources);
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

  test("password and ttl-security go to the session", () => {
    const { sessions } = plan([
      peerConfig({ name: "a", password: { type: "text", text: "s3cret" }, ttlSecurityHops: 1 }),
    ]);
    assert.equal(sessions[0]?.peer.password, "s3cret");
    assert.equal(sessions[0]?.peer.ttlSecurityHops, 1);
  });

  test("a peer is never dialled without the password that its Secret is to hold", () => {
    const entry = peerConfig({
      name: "a",
      password: { type: "secret", name: "routelb-peers", key: "rack-a" },
    });
    assert.deepEqual([...secretNames(config({ peers: [entry, peerConfig()] }))], ["routelb-peers"]);
    const answers = {
      "secret-unread": { state: "unread" },
      "secret-missing": { state: "missing" },
      "password-too-long": { state: "present", text: "s3cret".repeat(20) },
    } as const;
    for (const [reason, value] of Object.entries(answers)) {
      const { sessions, notDialled } = plan([entry], [], () => value);
      assert.deepEqual(sessions, []);
      assert.deepEqual(
        notDialled.map((one) => one.reason),
        [reason],
      );
      assert.ok(!JSON.stringify(notDialled).includes("s3cret"));
    }
    const { sessions } = plan([entry], [], ({ name, key }) => ({
      state: "present",
      text: `${name} ${key}`,
    }));
    assert.equal(sessions[0]?.peer.password, "routelb-peers rack-a");
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
