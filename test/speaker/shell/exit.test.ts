import assert from "node:assert/strict";
import { test } from "node:test";
import type { SessionStatus } from "../../../src/bgp/session/status.ts";
import type { RestartEvidence } from "../../../src/speaker/restart.ts";
import { leave } from "../../../src/speaker/shell/exit.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { node, sessionStatus } from "../fixtures.ts";

const evidence: RestartEvidence = {
  ownPod: {
    key: "routelb-system/speaker-x",
    uid: "u",
    nodeName: "node1",
    isReady: true,
    deleting: true,
    daemonSet: { name: "speaker", uid: "ds" },
  },
  daemonSet: { uid: "ds", deleting: false, nodeSelector: {}, tolerations: [] },
  node: node(),
  placement: { name: "node1", labels: {}, taints: [], isReady: true, deleting: false },
};

function session(name: string, isRestartable: boolean, advertised = 1): SessionStatus {
  return sessionStatus({
    name,
    state: "Established",
    advertised,
    negotiated: {
      holdTimeSeconds: 90,
      keepaliveTimeSeconds: 30,
      peerAsn: 64512,
      internal: false,
      fourOctetAsn: true,
      peerRouterId: node().internalAddresses[0] ?? assert.fail(),
      families: ["ipv4"],
      routeRefresh: true,
      enhancedRouteRefresh: false,
      extendedNextHop: false,
      extendedMessages: false,
      ...(isRestartable
        ? { gracefulRestart: { peerRestartTimeSeconds: 120, peerRestartsGracefully: false } }
        : {}),
    },
  });
}

/** A speaker that writes down what it is told, and the way out of it. */
function leaving(
  statuses: readonly SessionStatus[],
  readRestartEvidence: (signal: AbortSignal) => Promise<RestartEvidence>,
) {
  const clock = new ManualClock();
  const told: string[] = [];
  const names = (set: ReadonlySet<string>) => [...set].join("+");
  const stop = new AbortController();
  const done = leave(
    {
      statuses: () => statuses,
      startLeaving: (restarting) => told.push(`leaving but ${names(restarting)}`),
      close: async (text, restarting) => {
        told.push(`close ${names(restarting)}: ${text}`);
      },
    },
    {
      nodeName: "node1",
      drainTimeMs: 10_000,
      drainOnCordon: false,
      readRestartEvidence,
      clock,
      logger: recordingLogger(),
      signal: stop.signal,
    },
  );
  return { clock, told, done, stop };
}

const isProved = () => Promise.resolve(evidence);
const text = "node1: the speaker is shutting down";

test("a restart is proved: closed without a word, at once", async () => {
  const { told, done } = leaving([session("a", true), session("b", true)], isProved);
  await done;
  assert.deepEqual(told, [`close a+b: ${text}`]);
});

test("a session without graceful restart drains; the others are closed after it", async () => {
  const { clock, told, done } = leaving([session("a", true), session("b", false)], isProved);
  await clock.timerOf(10_000);
  assert.deepEqual(told, ["leaving but a"]);
  clock.advance(10_000);
  await done;
  assert.deepEqual(told, ["leaving but a", `close a: ${text}`]);
});

test("a failed read is a drain", async () => {
  const { clock, told, done } = leaving([session("a", true)], () =>
    Promise.reject(new Error("forbidden")),
  );
  await clock.pass(10_000);
  await done;
  assert.deepEqual(told, ["leaving but ", `close : ${text}`]);
});

test("no proof within a second is a drain", async () => {
  const { clock, told, done } = leaving(
    [session("a", true)],
    (signal) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason));
      }),
  );
  await clock.pass(1_000);
  await clock.pass(10_000);
  await done;
  assert.deepEqual(told, ["leaving but ", `close : ${text}`]);
});

test("what advertises nothing has nothing to wait for", async () => {
  const drained = () => Promise.reject(new Error("no Pod"));
  const { told, done } = leaving([session("a", true, 0)], drained);
  await done;
  assert.deepEqual(told, [`close : ${text}`]);
});

test("a failure of the process cuts the drain short", async () => {
  const drained = () => Promise.reject(new Error("no Pod"));
  const { clock, told, done, stop } = leaving([session("a", true)], drained);
  await clock.timerOf(10_000);
  stop.abort(new Error("a loop failed"));
  await done;
  assert.deepEqual(told.at(-1), `close : ${text}`);
});
