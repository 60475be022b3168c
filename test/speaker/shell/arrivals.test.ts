import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { HealthPorts } from "../../../lab/health-ports.ts";
import type { Arrival } from "../../../src/speaker/arrivals.ts";
import type { HttpAnswer } from "../../../src/speaker/dataplane.ts";
import { Arrivals } from "../../../src/speaker/shell/arrivals.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { recordingLogger } from "../../support/recording-logger.ts";
import { address, endpoint, node, service, slice } from "../fixtures.ts";
import { fillStores, setUp as setUpSpeaker } from "./running-speaker.ts";

const addresses = { ipv4: address("172.16.7.11"), ipv6: address("fd12::11") };

function answer(name: string, localEndpoints: number): HttpAnswer {
  const body = JSON.stringify({ service: { namespace: "default", name }, localEndpoints });
  return { status: localEndpoints > 0 ? 200 : 503, body };
}

/** By `familyKey`, arrivals of the Services `names` with ports from 30,000 on. */
function found(...names: readonly string[]): Map<string, Arrival> {
  return new Map(
    names.map((name, index) => {
      const serviceKey = `default/${name}`;
      const arrival = { serviceKey, family: "ipv4", healthCheckNodePort: 30_000 + index } as const;
      return [`${serviceKey} ipv4`, arrival];
    }),
  );
}

function setUp(isEnforced = false, hasAddress = true) {
  const clock = new ManualClock();
  const logger = recordingLogger();
  const answers = new Map<number, HttpAnswer>();
  const asked: string[] = [];
  const made = { changes: 0, open: 0, mostOpen: 0 };
  const arrivals = new Arrivals({
    nodeAddress: (family) => (hasAddress ? addresses[family] : undefined),
    probe: async ({ text }, port) => {
      asked.push(`${text} ${port}`);
      made.open += 1;
      made.mostOpen = Math.max(made.mostOpen, made.open);
      await turn();
      made.open -= 1;
      return answers.get(port);
    },
    isEnforced,
    clock,
    logger,
    onChange: () => {
      made.changes += 1;
    },
  });
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 25) {
      clock.advance(25);
      await turn();
      await turn();
    }
  };
  return { arrivals, answers, asked, made, logger, pass };
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

test("kube-proxy is asked at once and again, until it has rules; the next decision ends it", async () => {
  const { arrivals, answers, asked, made, pass } = setUp();
  answers.set(30_000, answer("a", 0));
  arrivals.follow(found("a"));
  await pass(200);
  assert.ok(asked.length >= 4, `${asked.length} questions`);
  assert.deepEqual([[...arrivals.confirmed], made.changes], [[], 0]);
  answers.set(30_000, answer("a", 1));
  await pass(100);
  assert.deepEqual([[...arrivals.confirmed], made.changes], [["default/a ipv4"], 1]);
  const before = asked.length;
  arrivals.follow(found());
  await pass(500);
  assert.deepEqual([arrivals.confirmed.size, asked.length], [0, before]);
});

test("a refused or foreign answer, or no address to ask at, keeps nothing back", async () => {
  for (const given of [undefined, answer("other", 0), { status: 503, body: "no" }]) {
    const { arrivals, answers, pass } = setUp();
    if (given !== undefined) {
      answers.set(30_000, given);
    }
    arrivals.follow(found("a"));
    await pass(25);
    assert.deepEqual([...arrivals.confirmed], ["default/a ipv4"]);
  }
  const { arrivals, asked, pass } = setUp(false, false);
  arrivals.follow(found("a"));
  await pass(25);
  assert.deepEqual([[...arrivals.confirmed], asked], [["default/a ipv4"], []]);
});

test("each family is asked at the node's address of that family", async () => {
  const { arrivals, asked, pass } = setUp();
  const one = { serviceKey: "default/a", healthCheckNodePort: 30_000 };
  arrivals.follow(
    new Map([
      ["default/a ipv4", { ...one, family: "ipv4" }],
      ["default/a ipv6", { ...one, family: "ipv6" }],
    ]),
  );
  await pass(25);
  assert.deepEqual(asked, ["172.16.7.11 30000", "fd12::11 30000"]);
});

test("a limit ends the wait with a line in the log; enforced, it lasts while kube-proxy has no rules", async () => {
  const limited = setUp();
  const endless = setUp(true);
  for (const { arrivals, answers, pass } of [limited, endless]) {
    answers.set(30_000, answer("a", 0));
    arrivals.follow(found("a"));
    await pass(4_900);
    assert.equal(arrivals.confirmed.size, 0);
    await pass(300);
  }
  assert.deepEqual([limited.arrivals.confirmed.size, limited.logger.lines.length], [1, 1]);
  assert.deepEqual([endless.arrivals.confirmed.size, endless.logger.lines.length], [0, 0]);
});

test("what a later decision does not name is asked about no more, and starts afresh when it is back", async () => {
  const { arrivals, answers, asked, pass } = setUp();
  answers.set(30_000, answer("a", 0));
  arrivals.follow(found("a"));
  await pass(4_000);
  arrivals.follow(found());
  await pass(100);
  const before = asked.length;
  await pass(500);
  assert.equal(asked.length, before);
  arrivals.follow(found("a"));
  await pass(4_000);
  assert.equal(arrivals.confirmed.size, 0);
});

test("many are asked about a few at a time, and told of together", async () => {
  const { arrivals, made, pass } = setUp();
  const names = Array.from({ length: 400 }, (_, index) => `svc${index}`);
  arrivals.follow(found(...names));
  await pass(2_000);
  assert.equal(arrivals.confirmed.size, 400);
  assert.ok(made.mostOpen > 1 && made.mostOpen <= 8, `${made.mostOpen} at a time`);
  assert.ok(made.changes < 60, `told ${made.changes} times`);
});

test("ten thousand that kube-proxy has no rules for go together after the limit, with one line in the log", async () => {
  const { arrivals, answers, made, logger, pass } = setUp();
  const names = Array.from({ length: 10_000 }, (_, index) => `svc${index}`);
  for (const [index, name] of names.entries()) {
    answers.set(30_000 + index, answer(name, 0));
  }
  arrivals.follow(found(...names));
  await pass(5_500);
  assert.deepEqual([arrivals.confirmed.size, logger.lines.length], [10_000, 1]);
  assert.ok(made.changes < 5, `told ${made.changes} times`);
});

test("enforced, what nobody answers for in time goes as well", async () => {
  const { arrivals, answers, pass } = setUp(true);
  const names = Array.from({ length: 8_000 }, (_, index) => `svc${index}`);
  for (const [index, name] of names.entries()) {
    answers.set(30_000 + index, answer(name, 0));
  }
  arrivals.follow(found(...names));
  await pass(6_000);
  const asked = 8_000 - arrivals.confirmed.size;
  assert.ok(asked > 0 && asked < 8_000, `${asked} wait on`);
});

test("an endpoint that comes and goes is asked about once at a time", async () => {
  const { arrivals, answers, asked, pass } = setUp();
  answers.set(30_000, answer("a", 0));
  for (let flap = 0; flap < 6; flap += 1) {
    arrivals.follow(found("a"));
    await pass(25);
    arrivals.follow(found());
  }
  arrivals.follow(found("a"));
  await pass(50);
  const before = asked.length;
  await pass(200);
  assert.ok(asked.length - before <= 5, `${asked.length - before} questions in 200 ms`);
});

test("the answer of the port that a Service had before does not count", async () => {
  const { arrivals, answers, pass } = setUp();
  answers.set(30_001, answer("a", 0));
  arrivals.follow(found("a"));
  arrivals.follow(found("other", "a"));
  await pass(50);
  assert.deepEqual([...arrivals.confirmed], ["default/other ipv4"]);
});

test("closed, it asks and tells nothing more", async () => {
  const { arrivals, answers, asked, made, pass } = setUp();
  answers.set(30_000, answer("a", 0));
  arrivals.follow(found("a"));
  await pass(100);
  const before = asked.length;
  arrivals.close();
  await pass(10_000);
  assert.deepEqual([asked.length, made.changes], [before, 0]);
});

const vip = "172.16.7.192/32";
const key = "default/nginx";
const settings = { mode: "warn", url: "http://NODE_IP:1/livez", rise: 2, fall: 3 } as const;

/** A speaker whose kube-proxy answers for the ports of one `Local` Service, which is elsewhere. */
async function speakerBesideProxy(t: TestContext) {
  const { port, answerFor } = await healthPort(t);
  const nginx = service("nginx", ["172.16.7.192"], {
    externalTrafficPolicy: "Local",
    healthCheckNodePort: port,
  });
  const setup = await setUpSpeaker(t, undefined, { dataplane: settings });
  fillStores(setup, [nginx]);
  const { speaker, router } = setup;
  speaker.stores.nodes.replace(
    new Map([["node1", node({ internalAddresses: ["127.0.0.1", "172.16.7.11"].map(address) })]]),
    "2",
  );
  let version = 2;
  const endpointsOn = (...nodes: readonly string[]) => {
    const made = slice(
      key,
      nodes.map((name) => endpoint(name)),
    );
    version += 1;
    speaker.stores.slices.applyWatchEvent(made.key, String(version), made);
  };
  return { router, answerFor, endpointsOn };
}

async function healthPort(t: TestContext) {
  const port = 30_000 + (process.pid % 2_000);
  const ports = new HealthPorts((error) => assert.fail(String(error)));
  t.after(() => ports.apply(new Map()));
  const answerFor = (ip: number) =>
    ports.apply(
      new Map([[port, { namespace: "default", name: "nginx", localEndpoints: { ip, ip6: 0 } }]]),
    );
  await answerFor(0);
  return { port, answerFor };
}

test("a speaker advertises what is there as it starts, and what comes later once kube-proxy has it", async (t) => {
  const { router, answerFor, endpointsOn } = await speakerBesideProxy(t);
  await router.untilRoutes(vip);
  endpointsOn("node2");
  await router.untilRoutes();
  endpointsOn("node1", "node2");
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  assert.deepEqual([...router.routes], []);
  await answerFor(1);
  await router.untilRoutes(vip);
  // It stands: what kube-proxy says now takes no route away.
  await answerFor(0);
  endpointsOn("node1", "node1", "node2");
  await new Promise((resolve) => {
    setTimeout(resolve, 300);
  });
  assert.deepEqual([...router.routes], [vip]);
});
