import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../src/config/parse.ts";
import { Random } from "../fuzz/random.ts";
import { chooseAction } from "./actions.ts";
import { growth, type Sample, slopePerHour } from "./leaks.ts";
import { judgeRequests } from "./requests.ts";
import { formatConfig, SoakWorld } from "./world.ts";

/** What a run with this seed does, as far as it follows from the seed. */
function textsOf(seed: number, steps: number): readonly string[] {
  const world = new SoakWorld();
  return Array.from(
    { length: steps },
    (_, step) => chooseAction(world, new Random(seed, step)).text,
  );
}

test("a seed does the same again, and another something else", () => {
  assert.deepEqual(textsOf(7, 300), textsOf(7, 300));
  assert.notDeepEqual(textsOf(7, 300), textsOf(8, 300));
});

test("in the long run everything is done: each kind of change, and back", () => {
  const texts = textsOf(1, 3_000).join("\n");
  for (const part of [
    "create Service",
    "delete Service",
    '"externalTrafficPolicy":"Local"',
    '"type":"ClusterIP"',
    '"type":"LoadBalancer"',
    "to 0",
    "delete one Pod",
    "kill -9 the speaker",
    "delete the speaker's Pod",
    "isDrained is true",
    "isDrained is false",
    "isExcluded is true",
    "isCordoned is true",
    "isCut is true",
    "isCut is false",
    "isShutByRouter is true",
    "nodeWithoutPeer",
    "an error in it",
    "the error is out of it",
    "clear ip bgp",
  ]) {
    assert.ok(texts.includes(part), part);
  }
});

test("every configuration of a run is valid, but for those that are meant not to be", () => {
  const world = new SoakWorld();
  for (let step = 0; step < 2_000; step += 1) {
    chooseAction(world, new Random(3, step));
    const parsed = parseConfig(formatConfig(world.config));
    assert.equal(parsed.ok, !world.config.isBroken, formatConfig(world.config));
  }
});

test("requests count where they lie wholly in a calm time with something to reach", () => {
  const request = (startMs: number, endMs: number, outcome: string) => {
    return { startMs, endMs, outcome, pod: "", node: "", client: "" };
  };
  const verdict = judgeRequests(
    [
      request(10, 20, "200"),
      request(90, 110, "timeout"),
      request(130, 140, "timeout"),
      request(210, 220, "timeout"),
    ],
    [
      { fromMs: 0, toMs: 100, isReachable: true },
      { fromMs: 120, toMs: 200, isReachable: true },
      { fromMs: 205, toMs: 300, isReachable: false },
    ],
  );
  assert.equal(verdict.requests, 4);
  assert.equal(verdict.failures, 3);
  assert.equal(verdict.calmRequests, 2);
  assert.deepEqual(verdict.calmFailures, [request(130, 140, "timeout")]);
});

test("memory that grows has a slope, and memory that breathes has none", () => {
  const hour = Array.from({ length: 361 }, (_, index) => index * 10);
  const leaking = hour.map((seconds): Sample => ({ seconds, megabytes: 100 + seconds / 360 }));
  const breathing = hour.map((seconds, index): Sample => {
    return { seconds, megabytes: 100 + (index % 7) };
  });
  assert.ok(Math.abs(slopePerHour(leaking) - 10) < 1e-6);
  assert.ok(Math.abs(slopePerHour(breathing)) < 0.1);
  assert.ok(Math.abs(growth(leaking) - 5) < 0.1);
  assert.equal(growth(breathing), 0);
  assert.equal(slopePerHour([]), 0);
});
