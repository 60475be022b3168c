import assert from "node:assert/strict";
import { test } from "node:test";
import type { BfdStateChange } from "../../../src/bfd/engine.ts";
import type { BfdState } from "../../../src/bfd/packet.ts";
import { mixedClock } from "../../support/manual-clock.ts";
import { endpoint, service, slice } from "../fixtures.ts";
import { fillStores, setUp } from "./running-speaker.ts";

const prefix = "172.16.7.192/32";
const withBfd = `  bfd-profile: fast
bfd-profiles:
- {name: fast}
`;

test("BFD's Down after Up closes BGP with Cease/BFD Down; never up, and AdminDown, do not", {
  timeout: 20_000,
}, async (t) => {
  const { clock, manual } = mixedClock();
  const watched = Promise.withResolvers<void>();
  let change: (change: BfdStateChange) => void = () => assert.fail("no monitor");
  const setup = await setUp(t, clock, {
    bfdMonitor: (onChange) => {
      change = onChange;
      return {
        setPeers: (peers) => peers.length > 0 && watched.resolve(),
        adminDown: () => undefined,
        report: () => Promise.resolve([]),
        close: () => Promise.resolve(),
      };
    },
  });
  const { router, speaker } = setup;
  const nginx = service("nginx");
  fillStores(setup, [nginx], withBfd);
  // The wait for the end of the BFD session that a speaker before this one had.
  await manual.pass(3 * 300 + 500);
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  await watched.promise;

  const pass = (...states: readonly BfdState[]) => {
    for (const [index, to] of states.entries()) {
      const from = states[index - 1];
      if (from !== undefined) {
        change({ ...silence, from, to });
      }
    }
  };
  let version = 2;
  /** The session still carries what changes. */
  const isAlive = async () => {
    for (const endpoints of [[], [endpoint("node1")]]) {
      const changed = slice(nginx.key, endpoints);
      version += 1;
      speaker.stores.slices.applyWatchEvent(changed.key, String(version), changed);
      await router.untilRoutes(...(endpoints.length > 0 ? [prefix] : []));
    }
  };
  pass("Down", "Init", "Down");
  await isAlive();
  pass("Down", "Init", "Up");
  change({ ...silence, from: "Up", to: "Down", remoteState: "AdminDown", remoteDiagnostic: 7 });
  await isAlive();
  pass("Down", "Init", "Up", "Down");
  await router.until(() => router.log.at(-1) === "closed");
  assert.deepEqual(router.log, [
    "open",
    `+${prefix}`,
    "End-of-RIB ipv4",
    "End-of-RIB ipv6",
    ...[1, 2].flatMap(() => [`-${prefix}`, `+${prefix}`]),
    "NOTIFICATION 6/10 Cease, BFD Down: ",
    "closed",
  ]);
});

/** The peer is no longer heard. */
const silence = {
  key: "router",
  diagnostic: 1,
  remoteState: "Up",
  remoteDiagnostic: 0,
} as const;
