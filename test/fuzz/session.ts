import assert from "node:assert/strict";
import { encodeMessage, keepalive } from "../../src/bgp/codec/message.ts";
import { routerCapabilities, SessionUnderTest } from "../support/bgp-router.ts";
import { routesOf } from "../support/routes.ts";
import type { Corpus } from "./corpus.ts";
import { chunksOf, hostileStream } from "./input.ts";
import { mutate } from "./mutate.ts";
import { Random } from "./random.ts";

const routes = routesOf({ count: 20 });
/** More than the session may hold for a peer that takes nothing: one write of UPDATEs and replies. */
const maxWaitingOctets = 256 * 1024;
/** Every timer of a session is due by then. */
const longMs = 600_000;

/**
 * Gives input number `index` of the run `seed` to a session in some state, with closes, silences and
 * refusals to read between its chunks; then lets time pass and closes the session.
 *
 * @throws AssertionError if the session calls it a bug of ours, writes to a connection that it
 *   closed, holds more for the peer than it may, or leaves a timer behind
 */
export async function fuzzSession(seed: number, index: number, corpus: Corpus): Promise<void> {
  const random = new Random(seed, index);
  const router = new SessionUnderTest({
    sendHoldTimeSeconds: 100,
    importLimit: random.chance(0.2) ? 3 : 0,
    gracefulRestart: { restartTimeSeconds: 120 },
    peerAsn: random.pick([64512, "external"] as const),
  });
  if (random.chance(0.9)) {
    router.session.setRoutes(routes);
  }
  router.session.start();
  for (let connection = 0; connection < 2; connection += 1) {
    lead(router, random, corpus);
    attack(router, random, corpus);
    assert.ok(router.transport.last.waitingOctets < maxWaitingOctets, "octets that wait");
    router.clock.advance(random.pick([0, 1_000, 31_000, longMs]));
  }
  const bug = router.logger.lines.find(({ level }) => level === "error");
  assert.equal(bug, undefined, `logged as a bug: ${bug?.message}`);
  const closed = router.session.close({ text: "end of the input" });
  router.clock.advance(longMs);
  await closed;
  assert.deepEqual(router.clock.delays, [], "timers left behind");
}

/** Takes the session to a state: Connect, OpenSent, OpenConfirm or Established, if it goes along. */
function lead(router: SessionUnderTest, random: Random, corpus: Corpus): void {
  const depth = random.below(4);
  if (depth === 0 || router.transport.last.state !== "connecting") {
    return;
  }
  router.accept();
  if (depth > 1) {
    if (random.chance(0.3)) {
      router.transport.last.send(mutate(random.pick(corpus.opens), random, corpus));
    } else {
      router.sendOpen(routerCapabilities, random.pick([0, 3, 90]));
    }
  }
  if (depth > 2) {
    send(router, encodeMessage(keepalive, { asnOctets: 4, internal: false }));
  }
}

function attack(router: SessionUnderTest, random: Random, corpus: Corpus): void {
  const stream = hostileStream(random, corpus);
  for (const chunk of chunksOf(stream, random)) {
    send(router, chunk);
    if (!random.chance(0.1)) {
      continue;
    }
    switch (random.below(5)) {
      case 0:
        return close(router, "ECONNRESET");
      case 1:
        return close(router);
      case 2:
        router.transport.last.stall();
        break;
      case 3:
        router.session.setRoutes(routes.slice(random.below(20)));
        break;
      default:
        router.clock.advance(random.below(40_000));
    }
  }
  if (router.transport.last.state === "open") {
    router.transport.last.take();
  }
}

/** What the session has closed hears nothing more, as with TCP. */
function send(router: SessionUnderTest, octets: Uint8Array): void {
  if (router.transport.last.state === "open") {
    router.transport.last.send(octets);
  }
}

function close(router: SessionUnderTest, code?: string): void {
  if (["connecting", "open"].includes(router.transport.last.state)) {
    router.transport.last.close(code);
  }
}
