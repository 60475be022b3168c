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
const expired = new KubeError(410, "Expired", "too old");

/** Two that share the news, after an outage in which the first failed `failures` times. */
async function setUp({ failures = 8 } = {}) {
  const clock = new ManualClock();
  const logger = recordingLogger();
  const options = { clock, comeback: new Comeback(), random: () => 1, logger };
  const first = new Retries("services", options);
  const second = new Retries("nodes", options);
  const { signal } = new AbortController();
  /** A try of the first that fails; tells whether its pause is over when so much time has passed. */
  const fails = (failure: KubeError = noAnswer, during: () => void = () => {}) => {
    first.tryBegins();
    during();
    const over = first.failed(failureOf(failure), failure, signal);
    return async (passedMs: number) => {
      for (const stepMs of [0, passedMs]) {
        clock.advance(stepMs);
        for (let turn = 0; turn < 3; turn += 1) {
          await nextTurn();
        }
      }
      return Promise.race([over.then(() => true), nextTurn().then(() => false)]);
    };
  };
  /** The second fails, and gets through at its next try. */
  const comesBack = () => {
    second.tryBegins();
    void second.failed("unreachable", noAnswer, signal);
    second.succeeded();
  };
  for (let done = 0; done < failures; done += 1) {
    const isOver = fails();
    assert.equal(await isOver(0), false);
    assert.equal(await isOver(500 * 2 ** Math.min(done, 6)), true);
  }
  return { clock, logger, first, second, fails, comesBack };
}

test("a pause ends shortly after another came back, and the delays begin anew", async () => {
  const { fails, comesBack } = await setUp();
  const isOver = fails();
  assert.equal(await isOver(20_000), false);
  comesBack();
  assert.equal(await isOver(499), false);
  assert.equal(await isOver(1), true);
  assert.equal(await fails()(500), true);
});

test("who came back during a try that failed is known after it", async () => {
  for (const failure of [noAnswer, unavailable]) {
    const { fails, comesBack } = await setUp();
    const isOver = fails(failure, comesBack);
    assert.equal(await isOver(499), false);
    assert.equal(await isOver(1), true);
  }
});

test("a watch that is refused after the list was given is no outage any more", async () => {
  const { first, fails } = await setUp();
  const isOver = fails(unavailable, () => first.succeeded());
  assert.equal(await isOver(500), true);
});

test("what came back before a try is no news, nor is a watch that is renewed", async () => {
  const { second, fails, comesBack } = await setUp();
  comesBack();
  const isOver = fails();
  second.succeeded();
  assert.equal(await isOver(29_999), false);
  assert.equal(await isOver(1), true);
});

test("what came back while a watch stood does not count as the once in 30 s", async () => {
  const { clock, first, fails, comesBack } = await setUp({ failures: 0 });
  const isOver = fails(noAnswer, () => {
    first.succeeded();
    comesBack();
    clock.advance(10_000);
    first.watchEnded(10_000);
  });
  assert.equal(await isOver(500), true);
  for (const delayMs of [1_000, 2_000]) {
    assert.equal(await fails()(delayMs), true);
  }
  const isOverThen = fails();
  comesBack();
  assert.equal(await isOverThen(500), true);
});

test("the delays begin anew once in 30 s", async () => {
  const { fails, comesBack } = await setUp();
  assert.equal(await fails(noAnswer, comesBack)(500), true);
  let passedMs = 0;
  for (const delayMs of [500, 1_000, 2_000, 4_000, 8_000]) {
    const isOver = fails(noAnswer, comesBack);
    assert.equal(await isOver(delayMs - 1), false, `a pause of ${delayMs} ms`);
    assert.equal(await isOver(1), true);
    passedMs += delayMs;
  }
  const isOver = fails(noAnswer, comesBack);
  assert.equal(await isOver(30_000 - passedMs - 1), false);
  assert.equal(await isOver(1), true);
});

test("a watch that is taken and ends soon, and a list too old, wait whoever comes back", async () => {
  const { first, fails, comesBack } = await setUp();
  const isOver = fails(noAnswer, () => {
    first.succeeded();
    first.watchEnded(900);
    comesBack();
  });
  assert.equal(await isOver(29_999), false);
  assert.equal(await isOver(1), true);
  await fails(expired)(500);
  const isOverThen = fails(expired, () => {
    first.succeeded();
    comesBack();
  });
  assert.equal(await isOverThen(29_999), false);
  assert.equal(await isOverThen(1), true);
});

test("what the server asked for is waited for, whoever comes back; the rest is not", async () => {
  for (const failures of [0, 8]) {
    const { fails, comesBack } = await setUp({ failures });
    const isOver = fails(tooMany, comesBack);
    assert.equal(await isOver(999), false);
    assert.equal(await isOver(1), true);
  }
});

test("an outage after a moment of answers is told again, flapping is not", async () => {
  const { logger, first, fails } = await setUp();
  const told = () =>
    logger.lines.filter(({ level }) => level !== "debug").map(({ level }) => level);
  assert.deepEqual(told(), ["warn"]);
  for (let flap = 0; flap < 5; flap += 1) {
    await fails(noAnswer, () => first.succeeded())(30_000);
  }
  assert.deepEqual(told(), ["warn", "info"]);
  for (let failure = 0; failure < 5; failure += 1) {
    await fails()(30_000);
  }
  assert.deepEqual(told(), ["warn", "info", "warn"]);
});
