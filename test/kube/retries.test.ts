import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeError } from "../../src/kube/client.ts";
import { Comeback } from "../../src/kube/comeback.ts";
import { failureOf } from "../../src/kube/reflector-failure.ts";
import { Retries } from "../../src/kube/retries.ts";
import { nextTurn } from "../../src/runtime/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const noAnswer = new KubeError(0, "", "no connection");
const unavailable = new KubeError(503, "ServiceUnavailable", "not yet");
const tooMany = new KubeError(429, "TooManyRequests", "busy", { retryAfterSeconds: 1 });

/** Two that share the news, after an outage in which the first failed `failures` times. */
async function setUp({ failures = 8 } = {}) {
  const clock = new ManualClock();
  const options = { clock, comeback: new Comeback(), random: () => 1, logger: recordingLogger() };
  const first = new Retries("services", options);
  const second = new Retries("nodes", options);
  const { signal } = new AbortController();
  /** A try of the first that fails; tells whether its pause is over when so much time has passed. */
  const fails = (failure: KubeError = noAnswer, during: () => void = () => {}) => {
    first.tryBegins();
    during();
    const over = first.failed(failureOf(failure), failure, signal);
    return async (passedMs: number) => {
      clock.advance(passedMs);
      for (let turn = 0; turn < 3; turn += 1) {
        await nextTurn();
      }
      return Promise.race([over.then(() => true), nextTurn().then(() => false)]);
    };
  };
  for (let done = 0; done < failures; done += 1) {
    const isOver = fails();
    assert.equal(await isOver(0), false);
    assert.equal(await isOver(500 * 2 ** Math.min(done, 6)), true);
  }
  return { clock, first, second, fails };
}

test("a pause ends when another gets through, and the delays begin anew", async () => {
  const { second, fails } = await setUp();
  const isOver = fails();
  assert.equal(await isOver(20_000), false);
  second.succeeded();
  assert.equal(await isOver(0), true);
  assert.equal(await fails()(500), true);
});

test("who got through during a try without answer is known after the shortest pause", async () => {
  const { second, fails } = await setUp();
  const isOver = fails(noAnswer, () => second.succeeded());
  assert.equal(await isOver(499), false);
  assert.equal(await isOver(1), true);
});

test("to one that was answered, what others were answered meanwhile is no news", async () => {
  const { second, fails } = await setUp();
  const isOver = fails(unavailable, () => second.succeeded());
  assert.equal(await isOver(20_000), false);
  second.succeeded();
  assert.equal(await isOver(0), true, "but what they are answered afterwards is");
});

test("what another had before a try, or while a watch stood, is no news", async () => {
  const { clock, first, second, fails } = await setUp({ failures: 0 });
  second.succeeded();
  assert.equal(await fails()(500), true);
  second.succeeded();
  const again = fails();
  assert.equal(await again(600), false);
  assert.equal(await again(400), true);
  first.succeeded();
  second.succeeded();
  clock.advance(9_000);
  first.watchEnded(9_000);
  const third = first.failed("unreachable", noAnswer, new AbortController().signal);
  clock.advance(600);
  await nextTurn();
  const isOver = await Promise.race([third.then(() => true), nextTurn().then(() => false)]);
  assert.equal(isOver, false);
});

test("watches that end at once do not wake each other without end", async () => {
  const { second, fails } = await setUp();
  const woken = fails();
  assert.equal(await woken(500), false);
  second.succeeded();
  assert.equal(await woken(0), true);
  let passedMs = 0;
  for (const delayMs of [500, 1_000, 2_000, 4_000, 8_000]) {
    const isOver = fails(noAnswer, () => second.succeeded());
    assert.equal(await isOver(delayMs - 1), false, `a pause of ${delayMs} ms`);
    assert.equal(await isOver(1), true);
    passedMs += delayMs;
  }
  const isOver = fails(noAnswer, () => second.succeeded());
  assert.equal(await isOver(30_000 - passedMs - 1), false, "within 30 s of the last time");
  assert.equal(await isOver(1), true);
});

test("what the server asked for is waited for, whoever gets through; the rest is not", async () => {
  const { second, fails } = await setUp();
  const isOver = fails(tooMany);
  second.succeeded();
  assert.equal(await isOver(999), false);
  assert.equal(await isOver(1), true);
  const another = await setUp({ failures: 0 });
  const isOverThere = another.fails(tooMany);
  another.second.succeeded();
  assert.equal(await isOverThere(999), false);
  assert.equal(await isOverThere(1), true);
});
