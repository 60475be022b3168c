import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeError } from "../../src/kube/client.ts";
import { Comeback } from "../../src/kube/comeback.ts";
import { Retries } from "../../src/kube/retries.ts";
import { nextTurn } from "../../src/runtime/clock.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";

/** Two that share the news, after an outage in which the first failed `failures` times. */
async function setUp({ failures = 8 } = {}) {
  const clock = new ManualClock();
  const comeback = new Comeback();
  const options = { clock, comeback, random: () => 1, logger: recordingLogger() };
  const first = new Retries("services", options);
  const second = new Retries("nodes", options);
  const { signal } = new AbortController();
  /** Notes a failure of the first, and tells whether it may try again by now. */
  const fails = (failure = new KubeError(0, "", "no connection")) => {
    const over = first.failed("unreachable", failure, signal);
    return () => Promise.race([over.then(() => true), nextTurn().then(() => false)]);
  };
  for (let done = 0; done < failures; done += 1) {
    const isOver = fails();
    assert.equal(await isOver(), false);
    clock.advance(30_000);
    assert.equal(await isOver(), true);
  }
  return { clock, first, second, fails };
}

test("a pause ends when another gets through", async () => {
  const { second, fails } = await setUp();
  const isOver = fails();
  assert.equal(await isOver(), false);
  second.succeeded();
  assert.equal(await isOver(), true);
});

test("who got through during a try that failed is known after it", async () => {
  const { second, fails } = await setUp();
  second.succeeded();
  assert.equal(await fails()(), true);
});

test("what another had before a try, or while a watch stood, is no news", async () => {
  const { clock, first, second, fails } = await setUp({ failures: 0 });
  second.succeeded();
  first.succeeded();
  second.succeeded();
  clock.advance(60_000);
  first.watchEnded(60_000);
  const isOver = fails();
  assert.equal(await isOver(), false);
  clock.advance(500);
  assert.equal(await isOver(), true);
});

test("watches that end at once do not wake each other without end", async () => {
  const { clock, second, fails } = await setUp();
  const woken = fails();
  second.succeeded();
  assert.equal(await woken(), true);
  const isOver = fails();
  second.succeeded();
  assert.equal(await isOver(), false, "it was woken a moment ago");
  clock.advance(30_000);
  assert.equal(await isOver(), true);
  const later = fails();
  assert.equal(await later(), false, "that news is old");
  second.succeeded();
  assert.equal(await later(), true);
});

test("what the server asked for is waited for, whoever gets through", async () => {
  const { clock, second, fails } = await setUp({ failures: 0 });
  const isOver = fails(new KubeError(429, "TooManyRequests", "busy", { retryAfterSeconds: 7 }));
  second.succeeded();
  assert.equal(await isOver(), false);
  clock.advance(7_000);
  assert.equal(await isOver(), true);
});
