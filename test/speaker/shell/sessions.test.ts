import assert from "node:assert/strict";
import { test } from "node:test";
import { planSessions } from "../../../src/speaker/peers.ts";
import { Sessions } from "../../../src/speaker/shell/sessions.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryTransport } from "../../support/memory-transport.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { address, config, node, peerConfig } from "../fixtures.ts";

const bfdProfile = {
  name: "fast",
  receiveIntervalMs: 300,
  transmitIntervalMs: 200,
  detectMultiplier: 3,
  passiveMode: false,
  minimumTtl: 254,
};

test("a speaker that starts dials a router with BFD when the BFD session before it is over", (t) => {
  const clock = new ManualClock();
  const transport = new MemoryTransport();
  const sessions = new Sessions({
    clock,
    random: () => 0,
    transport,
    interfaces: () => [],
    uptimeSeconds: () => 100_000,
    logger: recordingLogger(),
    node: { name: "node1", addresses: [address("172.16.7.11")] },
    onChange: () => undefined,
    onRemoved: () => undefined,
  });
  t.after(() => sessions.closeAll({ text: "the test is over" }, new Set()));
  const apply = (names: readonly string[]) => {
    const peers = names.map((name, index) =>
      peerConfig({
        name,
        peerAddress: address(`172.16.9.${index + 1}`),
        ...(name.startsWith("plain") ? {} : { bfdProfile }),
      }),
    );
    const sources = { defaultGateways: [], secret: () => ({ state: "missing" }) as const };
    sessions.apply(planSessions(config({ peers }), node(), sources).sessions);
  };
  const dialled = () => sessions.statuses().map(({ state }) => state !== "Idle");

  apply(["plain", "watched"]);
  assert.deepEqual(dialled(), [true, false]);
  clock.advance(1_399);
  assert.deepEqual(dialled(), [true, false]);
  clock.advance(1);
  assert.deepEqual(dialled(), [true, true], "3 x 300 ms and half a second after the start");
  apply(["plain", "watched", "watched later"]);
  assert.deepEqual(dialled(), [true, true, true], "there was no session before it");
});
