import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import type { FaultAction, RequestMatcher } from "../../lab/kube/faults.ts";
import type { ApiServer } from "../../lab/kube/server.ts";
import { listOf, recordOf } from "../../src/kube/json.ts";
import {
  addressOf,
  applyConfig,
  createService,
  poolsText,
  run,
  startServer,
  until,
} from "./running.ts";

const limits = { timeout: 60_000 };
const names = Array.from({ length: 20 }, (_, index) => `s${String(index).padStart(2, "0")}`);

interface Trouble {
  readonly says: string;
  readonly matcher: RequestMatcher;
  readonly action: FaultAction;
  readonly times: number;
}

const write = { verb: "patch", resource: "services", subresource: "status" } as const;
const list = { verb: "list", resource: "services" } as const;
const watch = { verb: "watch", resource: "services" } as const;
const event = { resource: "events" } as const;
const answer = (code: number): FaultAction => ({ type: "answer", code });
const wait: FaultAction = { type: "answer", code: 429, retryAfterSeconds: 1 };
const cut: FaultAction = { type: "refuse" };
const slow: FaultAction = { type: "delay", delayMs: 30 };
const never: FaultAction = { type: "hang" };
const half = (text: string): FaultAction => ({ type: "broken-text", text });

const troubles: readonly Trouble[] = [
  { says: "409 to status writes", matcher: write, action: answer(409), times: 15 },
  { says: "404 to status writes", matcher: write, action: answer(404), times: 15 },
  { says: "403 to status writes", matcher: write, action: answer(403), times: 15 },
  { says: "429 with Retry-After to status writes", matcher: write, action: wait, times: 15 },
  { says: "500 to status writes", matcher: write, action: answer(500), times: 30 },
  { says: "503 to status writes", matcher: write, action: answer(503), times: 30 },
  { says: "slow status writes", matcher: write, action: slow, times: 40 },
  { says: "status writes that are cut", matcher: write, action: cut, times: 15 },
  {
    says: "half an answer to status writes",
    matcher: write,
    action: half('{"kind": "Service", "meta'),
    times: 10,
  },
  { says: "no answer to status writes", matcher: write, action: never, times: 3 },
  { says: "500 to lists", matcher: list, action: answer(500), times: 3 },
  { says: "410 to lists", matcher: list, action: answer(410), times: 2 },
  { says: "429 with Retry-After to lists", matcher: list, action: wait, times: 2 },
  { says: "slow lists", matcher: list, action: slow, times: 3 },
  { says: "lists that are cut", matcher: list, action: cut, times: 3 },
  {
    says: "half a list",
    matcher: list,
    action: half(
      '{"kind":"ServiceList","metadata":{"resourceVersion":"9"},"items":[{"metadata":{"na',
    ),
    times: 3,
  },
  { says: "410 to watches", matcher: watch, action: answer(410), times: 3 },
  { says: "500 to watches", matcher: watch, action: answer(500), times: 3 },
  { says: "watches that are cut", matcher: watch, action: cut, times: 3 },
  { says: "half a watch event", matcher: watch, action: half('{"type":"ADDED","obj'), times: 3 },
  { says: "no answer to watches", matcher: watch, action: never, times: 1 },
  { says: "403 to Events", matcher: event, action: answer(403), times: 1 },
  { says: "500 to Events", matcher: event, action: answer(500), times: 3 },
  {
    says: "409 to everything that is written",
    matcher: { verb: "patch" },
    action: answer(409),
    times: 10,
  },
  { says: "500 to everything", matcher: {}, action: answer(500), times: 30 },
];

/** All that the controller wrote into Services, without times. */
function written(server: ApiServer): unknown {
  return names.map((name) => {
    const { metadata, status } = server.objects.get("services", `default/${name}`) ?? {};
    const { loadBalancer, conditions } = recordOf(status);
    return {
      name,
      annotations: recordOf(metadata)["annotations"],
      loadBalancer,
      conditions: listOf(conditions).map((each) => ({ ...recordOf(each), lastTransitionTime: "" })),
    };
  });
}

/** What a run without trouble leaves behind. */
const expected = new Map([
  ...names.slice(0, 16).map((name, index) => [name, `10.0.0.${index}`] as const),
  ...names.slice(16).map((name, index) => [name, `10.0.1.${index}`] as const),
  ["s05", "10.0.2.0"] as const,
]);

/**
 * Half of the Services are there, half come while the trouble lasts; the pool is too small for them,
 * until one more comes; then one moves. Resolves when each has the address that it must have.
 */
async function play(t: TestContext, trouble?: Trouble): Promise<ApiServer> {
  const server = await startServer();
  const small = ["p", "10.0.0.0/28"] as const;
  applyConfig(server, poolsText(small));
  for (const name of names.slice(0, 10)) {
    createService(server, name);
  }
  const fault = trouble && server.faults.add(trouble.matcher, trouble.action, trouble.times);
  await run(t, server);
  await until(() => addressOf(server, "s09") !== "" || (fault?.hits ?? 0) > 0);
  for (const name of names.slice(10)) {
    createService(server, name);
  }
  await until(() => names.slice(0, 16).every((name) => addressOf(server, name) !== ""));
  assert.equal(addressOf(server, "s16"), "");
  applyConfig(server, poolsText(small, ["q", "10.0.1.0/30"], ["r", "10.0.2.0/32"]));
  await until(() => names.every((name) => addressOf(server, name) !== ""));
  server.objects.patch("services", "default/s05", { spec: { loadBalancerIP: "10.0.2.0" } });
  await until(() => names.every((name) => addressOf(server, name) === expected.get(name)));
  if (trouble !== undefined) {
    assert.ok((fault?.hits ?? 0) > 0, "the trouble hit nothing");
  }
  return server;
}

test("trouble of any kind: in the end all is as without", async (t) => {
  let withoutTrouble: unknown;
  await t.test("no trouble", limits, async (each) => {
    withoutTrouble = written(await play(each));
  });
  for (const trouble of troubles) {
    await t.test(trouble.says, limits, async (each) => {
      const server = await play(each, trouble);
      await until(() => isDeepStrictEqual(written(server), withoutTrouble));
    });
  }
});

test(
  "the first watch that finds the server again ends the pauses of the others",
  limits,
  async (t) => {
    const server = await startServer();
    const { clock, setClock, lines } = await run(t, server, { random: Math.random });
    const told = (text: RegExp) => lines.filter(({ message }) => text.test(message)).length;
    await server.stop();
    await until(() => told(/cannot be followed/) >= 32);
    await server.start();
    await until(() => told(/followed again/) > 0);
    setClock(false);
    clock.advance(500);
    await until(() => told(/followed again/) >= 4);
    assert.equal(told(/followed again/), 4);
  },
);
