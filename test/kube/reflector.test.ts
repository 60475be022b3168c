import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { KubeObject } from "../../src/kube/client.ts";
import { Comeback } from "../../src/kube/comeback.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import type { ReflectorMetrics } from "../../src/kube/reflector-metrics.ts";
import { resources } from "../../src/kube/resource.ts";
import { Store, type StoreChange } from "../../src/kube/store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";
import { type Exchange, WireServer } from "../support/wire-server.ts";

const limits = { timeout: 20_000 };

interface Thing {
  readonly name: string;
  readonly colour: string;
}

function projectThing(object: KubeObject): Thing {
  const colour = object["colour"];
  if (typeof colour !== "string") {
    throw new Error("a thing without colour");
  }
  return { name: object.metadata.name, colour };
}

function thing(name: string, resourceVersion: number, colour = "red"): object {
  return {
    metadata: { name, namespace: "ns", uid: name, resourceVersion: String(resourceVersion) },
    colour,
  };
}

function list(resourceVersion: number, items: readonly object[], continueToken?: string): object {
  return {
    kind: "List",
    metadata: { resourceVersion: String(resourceVersion), continue: continueToken },
    items,
  };
}

/** With the server, clock and Comeback of `beside`, another Reflector, whose delays are three quarters. */
async function setUp(
  t: TestContext,
  beside?: { server: WireServer; clock: ManualClock; comeback: Comeback },
) {
  const server = beside?.server ?? (await WireServer.start());
  const clock = beside?.clock ?? new ManualClock();
  const comeback = beside?.comeback ?? new Comeback();
  const logger = recordingLogger();
  const store = new Store<Thing>();
  const failures: string[] = [];
  let isWatching = false;
  const metrics: ReflectorMetrics = {
    setWatching: (_, value) => {
      isWatching = value;
    },
    countList: () => {},
    countEvent: () => {},
    countFailure: (_, reason) => failures.push(reason),
  };
  const reflector = new Reflector({
    api: connectKubeApi({ kubeconfigPath: server.kubeconfigPath, fieldManager: "test", clock }),
    resource: resources.services,
    project: projectThing,
    store,
    clock,
    random: () => (beside === undefined ? 1 : 0.5),
    logger,
    metrics,
    comeback,
  });
  const stop = new AbortController();
  const ended = reflector.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
    if (beside === undefined) {
      await server.close();
    }
  });
  /** Answers the list with things at version 10 and gives the watch that follows. */
  const listed = async (...names: string[]): Promise<Exchange> => {
    const exchange = await server.next();
    assert.equal(exchange.query.get("watch"), null);
    exchange.json(
      200,
      list(
        10,
        names.map((name) => thing(name, 5)),
      ),
    );
    const watch = await watched(server, "10");
    await clock.timerOf(120_000);
    return watch;
  };
  const up = () => isWatching;
  return { server, clock, comeback, logger, store, failures, listed, stop, ended, up };
}

async function watched(server: WireServer, resourceVersion: string): Promise<Exchange> {
  const exchange = await server.next();
  assert.equal(exchange.query.get("watch"), "true");
  assert.equal(exchange.query.get("resourceVersion"), resourceVersion);
  exchange.open();
  return exchange;
}

function changed(
  store: Store<Thing>,
  isIt: (change: StoreChange<Thing>) => boolean = () => true,
): Promise<StoreChange<Thing>> {
  return new Promise((resolve) => {
    const end = store.onChange((change) => {
      if (isIt(change)) {
        end();
        resolve(change);
      }
    });
  });
}

function keys(store: Store<Thing>): readonly string[] {
  return [...store.entries.keys()].toSorted();
}

test("what the watch brings of our own write is not looked at", limits, async (t) => {
  const { store, failures, listed } = await setUp(t);
  const watch = await listed("a");
  store.applyOwnWrite("ns/a", "11", { name: "a", colour: "blue" });
  const change = changed(store);
  watch.event("MODIFIED", { metadata: { name: "a", namespace: "ns", resourceVersion: "11" } });
  watch.event("ADDED", thing("b", 12));
  await change;
  assert.deepEqual(failures, []);
  assert.equal(store.entries.get("ns/a")?.colour, "blue");
});

test("it lists, then follows what is added, modified and deleted", limits, async (t) => {
  const { store, listed } = await setUp(t);
  assert.equal(store.isSynced, false);
  const watch = await listed("a", "b");
  assert.equal(store.isSynced, true);
  assert.deepEqual(keys(store), ["ns/a", "ns/b"]);
  assert.equal(watch.path, "/prefix/api/v1/services");
  assert.equal(watch.query.get("allowWatchBookmarks"), "true");
  let change = changed(store);
  watch.event("ADDED", thing("c", 11));
  await change;
  change = changed(store);
  watch.event("MODIFIED", thing("a", 12, "blue"));
  assert.deepEqual(await change, {
    source: "watch",
    key: "ns/a",
    before: { name: "a", colour: "red" },
    after: { name: "a", colour: "blue" },
  });
  change = changed(store);
  watch.event("DELETED", thing("b", 13));
  await change;
  assert.deepEqual(keys(store), ["ns/a", "ns/c"]);
  watch.cut();
});

test("a long list is read in pages, and the watch goes on from its first", limits, async (t) => {
  const { server, store } = await setUp(t);
  const first = await server.next();
  assert.equal(first.query.get("limit"), "100");
  assert.equal(first.query.get("resourceVersion"), null);
  first.json(200, list(7, [thing("a", 1)], "more"));
  const second = await server.next();
  assert.equal(second.query.get("continue"), "more");
  assert.equal(store.isSynced, false);
  second.json(200, list(7, [thing("b", 1)]));
  await watched(server, "7");
  assert.deepEqual(keys(store), ["ns/a", "ns/b"]);
});

test("a list whose continue token expired is read again in one piece", limits, async (t) => {
  const { server, store } = await setUp(t);
  (await server.next()).json(200, list(7, [thing("a", 1), thing("gone", 1)], "more"));
  (await server.next()).refuse(410, "Expired");
  const whole = await server.next();
  assert.equal(whole.query.get("limit"), null);
  assert.equal(whole.query.get("continue"), null);
  whole.json(200, list(9, [thing("a", 1), thing("b", 8)]));
  await watched(server, "9");
  assert.deepEqual(keys(store), ["ns/a", "ns/b"]);
});

test("a watch that the server ends is followed by one from the last version", limits, async (t) => {
  const { server, clock, logger, listed } = await setUp(t);
  const watch = await listed("a");
  const seen = watch.closed;
  watch.event("BOOKMARK", { metadata: { resourceVersion: "20" } });
  clock.advance(60_000);
  watch.end();
  await seen;
  await watched(server, "20");
  assert.deepEqual(
    logger.lines.filter(({ level }) => level !== "debug"),
    [],
  );
});

test("a quiet watch with bookmarks stays up for as long as the server likes", limits, async (t) => {
  const { server, clock, listed, failures } = await setUp(t);
  const watch = await listed("a");
  await clock.timerOf(120_000);
  for (let minute = 1; minute <= 30; minute += 1) {
    clock.advance(75_000);
    const rearmed = clock.nextTimerOf(120_000);
    watch.event("BOOKMARK", { metadata: { resourceVersion: String(100 + minute) } });
    await rearmed;
  }
  assert.deepEqual(failures, []);
  watch.end();
  await watched(server, "130");
});

test("a half-open stream counts as dead after two silent minutes", limits, async (t) => {
  const { server, clock, listed, failures } = await setUp(t);
  const watch = await listed("a");
  await clock.pass(120_000);
  await watch.closed;
  await clock.pass(500);
  await watched(server, "10");
  assert.deepEqual(failures, ["silent"]);
});

test("410 in the stream has the list read again", limits, async (t) => {
  const { server, clock, listed, store, failures } = await setUp(t);
  const watch = await listed("a", "b");
  watch.event("ERROR", { kind: "Status", code: 410, reason: "Expired", message: "too old" });
  await clock.pass(500);
  const again = await server.next();
  assert.equal(again.query.get("resourceVersion"), null);
  const before = new Map(store.entries);
  const change = changed(store);
  again.json(200, list(30, [thing("a", 5), thing("c", 29)]));
  assert.deepEqual(await change, {
    source: "list",
    before,
    missing: new Map([["ns/b", { name: "b", colour: "red" }]]),
  });
  await watched(server, "30");
  assert.deepEqual(failures, ["expired"]);
});

test("410 as the answer to a watch has the list read again", limits, async (t) => {
  const { server, clock, listed, store } = await setUp(t);
  const watch = await listed("a");
  clock.advance(20_000);
  watch.end();
  (await server.next()).refuse(410, "Expired");
  await clock.pass(500);
  (await server.next()).json(200, list(40, []));
  await watched(server, "40");
  assert.deepEqual(keys(store), []);
});

test("an old watch right after a restart is no news; one again and again is", limits, async (t) => {
  const { server, clock, listed, logger } = await setUp(t);
  await listed("a");
  await server.stop();
  await clock.timerOf(500);
  await server.listen();
  clock.advance(500);
  (await server.next()).refuse(410, "Expired");
  await clock.pass(500);
  const warnings = () => logger.lines.filter(({ level }) => level === "warn").length;
  assert.equal(warnings(), 1, "the restart itself");
  (await server.next()).json(200, list(70, []));
  (await server.next()).refuse(410, "Expired");
  await clock.timerOf(1_000);
  assert.equal(warnings(), 2);
});

test("half a line at a broken stream is no event; the next watch brings it", limits, async (t) => {
  const { server, clock, listed, store, failures } = await setUp(t);
  const watch = await listed("a");
  const change = changed(store);
  watch.event("MODIFIED", thing("a", 11, "green"));
  await change;
  watch.write(JSON.stringify({ type: "DELETED", object: thing("a", 12) }).slice(0, -9));
  watch.cut();
  await clock.pass(500);
  await watched(server, "11");
  assert.deepEqual(failures, ["unreachable"]);
  assert.deepEqual(keys(store), ["ns/a"]);
});

test("an event in many pieces is one event", limits, async (t) => {
  const { listed, store } = await setUp(t);
  const watch = await listed("a");
  const change = changed(store);
  const event = { type: "MODIFIED", object: thing("a", 11, "grün") };
  for (const octet of Buffer.from(`${JSON.stringify(event)}\n`)) {
    watch.write(Uint8Array.of(octet));
  }
  assert.equal((await change).source, "watch");
  assert.equal(store.entries.get("ns/a")?.colour, "grün");
});

test("a line that is garbage has the list read again, and is logged once", limits, async (t) => {
  const { server, clock, listed, failures, logger } = await setUp(t);
  const watch = await listed("a");
  watch.write("<html>a proxy's page</html>\n");
  await clock.pass(500);
  (await server.next()).json(200, list(50, []));
  const second = await watched(server, "50");
  second.write("[]\n");
  await clock.pass(1_000);
  const third = await server.next();
  assert.equal(third.query.get("watch"), null);
  assert.deepEqual(failures, ["garbage", "garbage"]);
  assert.equal(logger.lines.filter(({ level }) => level === "warn").length, 1);
  third.cut();
});

test(
  "an object that cannot be read is logged once and leaves the rest alone",
  limits,
  async (t) => {
    const { server, store, logger, failures, clock } = await setUp(t);
    const colourless = { metadata: { name: "odd", namespace: "ns", resourceVersion: "3" } };
    (await server.next()).json(200, list(10, [thing("a", 1), colourless, thing("b", 2)]));
    const watch = await watched(server, "10");
    assert.deepEqual(keys(store), ["ns/a", "ns/b"]);
    const change = changed(store);
    watch.event("MODIFIED", {
      ...colourless,
      metadata: { ...colourless.metadata, resourceVersion: "11" },
    });
    watch.event("MODIFIED", { metadata: { name: "a", namespace: "ns", resourceVersion: "12" } });
    watch.event("MODIFIED", thing("b", 13, "blue"));
    await change;
    assert.equal(store.entries.get("ns/a")?.colour, "red", "what was known stays");
    assert.equal(store.entries.get("ns/b")?.colour, "blue");
    const errors = logger.lines.filter(({ level }) => level === "error");
    assert.deepEqual(
      errors.map(({ fields }) => "key" in fields && fields.key),
      ["ns/odd", "ns/a"],
    );
    assert.deepEqual(failures, ["projection", "projection", "projection"]);
    watch.event("ERROR", { kind: "Status", code: 410, reason: "Gone" });
    await clock.pass(500);
    const before = new Map(store.entries);
    const again = changed(store);
    (await server.next()).json(200, list(20, [{ metadata: { name: "a", namespace: "ns" } }]));
    assert.deepEqual(await again, {
      source: "list",
      before,
      missing: new Map([["ns/b", { name: "b", colour: "blue" }]]),
    });
  },
);

test("a refused token is read again from its file", limits, async (t) => {
  const { server, listed, clock, failures } = await setUp(t);
  const watch = await listed("a");
  assert.equal(watch.authorization, "Bearer first");
  await server.writeKubeconfig("second");
  clock.advance(20_000);
  watch.end();
  const old = await server.next();
  assert.equal(old.authorization, "Bearer first");
  old.refuse(401, "Unauthorized");
  const renewed = await watched(server, "10");
  assert.equal(renewed.authorization, "Bearer second");
  assert.deepEqual(failures, []);
});

test("401 for good is tried again with growing delays", limits, async (t) => {
  const { server, clock, failures, up } = await setUp(t);
  for (const delayMs of [500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]) {
    (await server.next()).refuse(401, "Unauthorized");
    (await server.next()).refuse(401, "Unauthorized");
    await clock.pass(delayMs);
  }
  (await server.next()).json(200, list(10, []));
  await watched(server, "10");
  await server.stop();
  assert.equal(failures.length, 8);
  assert.equal(new Set(failures).size, 1);
  assert.equal(up(), true);
});

test("5xx and 429 are waited out, and Retry-After is obeyed", limits, async (t) => {
  const { server, clock, failures, logger, up, store } = await setUp(t);
  (await server.next()).refuse(500, "InternalError");
  await clock.pass(500);
  (await server.next()).json(503, { not: "a Status" });
  await clock.pass(1_000);
  (await server.next()).refuse(429, "TooManyRequests", { "retry-after": "7" });
  await clock.pass(7_000);
  assert.equal(up(), false);
  (await server.next()).json(200, list(10, [thing("a", 1)]));
  await watched(server, "10");
  assert.deepEqual(failures, ["server-error", "server-error", "too-many-requests"]);
  assert.deepEqual(
    logger.lines.filter(({ level }) => level === "warn" || level === "info").length,
    3,
    "two changes of what fails, and the recovery",
  );
  assert.equal(store.isSynced, true);
});

test("a server that goes away and comes back is followed again", limits, async (t) => {
  const { server, clock, listed, store, logger, failures } = await setUp(t);
  await listed("a");
  await server.stop();
  await clock.pass(500);
  await clock.pass(1_000);
  await clock.timerOf(2_000);
  assert.deepEqual(keys(store), ["ns/a"], "what was known stays");
  await server.listen();
  clock.advance(2_000);
  const watch = await watched(server, "10");
  const change = changed(store);
  watch.event("DELETED", thing("a", 60));
  await change;
  assert.deepEqual(keys(store), []);
  assert.deepEqual(failures, ["unreachable", "unreachable", "unreachable"]);
  const told = logger.lines.filter(({ level }) => level === "warn" || level === "info");
  assert.deepEqual(
    told.map(({ level }) => level),
    ["warn", "info"],
  );
});

test("the first Reflector that finds the server again wakes the others", limits, async (t) => {
  const first = await setUp(t);
  const { server, clock } = first;
  await first.listed("a");
  const second = await setUp(t, first);
  await second.listed("a");
  await server.stop();
  await clock.timerOf(500);
  await clock.timerOf(375);
  for (const [passMs, pauseMs] of [
    [375, 750],
    [125, 1_000],
    [625, 1_500],
    [375, 2_000],
    [1_125, 3_000],
  ] as const) {
    const pauses = clock.nextTimerOf(pauseMs);
    clock.advance(passMs);
    await pauses;
  }
  await server.listen();
  clock.advance(875);
  await watched(server, "10");
  await clock.pass(375);
  await watched(server, "10");
  assert.equal(clock.now(), 3_875, "of the second, which would pause until 5,625");
});

test("a list that is cut short changes nothing", limits, async (t) => {
  const { server, clock, listed, store, failures } = await setUp(t);
  const watch = await listed("a", "b");
  watch.event("ERROR", { kind: "Status", code: 410, reason: "Expired" });
  await clock.pass(500);
  const text = JSON.stringify(list(30, [thing("c", 29), thing("d", 29)]));
  const cut = await server.next();
  cut.open();
  cut.write(text.slice(0, -20));
  cut.cut();
  await clock.pass(500);
  assert.deepEqual(keys(store), ["ns/a", "ns/b"]);
  const short = await server.next();
  short.open();
  short.write(text.slice(0, -20));
  short.end();
  await clock.pass(1_000);
  assert.deepEqual(keys(store), ["ns/a", "ns/b"]);
  (await server.next()).json(200, list(30, [thing("c", 29)]));
  await watched(server, "30");
  assert.deepEqual(keys(store), ["ns/c"]);
  assert.deepEqual(failures, ["expired", "unreachable", "garbage"]);
});

test("watches that the server ends at once are not renewed without end", limits, async (t) => {
  const { clock, listed, server, failures } = await setUp(t);
  (await listed("a")).end();
  await clock.pass(500);
  (await watched(server, "10")).end();
  await clock.pass(1_000);
  (await watched(server, "10")).end();
  await clock.timerOf(2_000);
  assert.deepEqual(failures, ["unreachable", "unreachable", "unreachable"]);
});

test("no answer at all counts as a failure", limits, async (t) => {
  const { server, clock, failures } = await setUp(t);
  const silent = await server.next();
  await clock.pass(65_000);
  await silent.closed;
  await clock.pass(500);
  (await server.next()).json(200, list(10, []));
  await watched(server, "10");
  assert.deepEqual(failures, ["unreachable"]);
});

test("it ends when told to, whatever it waits for", limits, async (t) => {
  const { listed, stop, ended, up, failures } = await setUp(t);
  const watch = await listed("a");
  stop.abort();
  await ended;
  await watch.closed;
  assert.equal(up(), false);
  assert.deepEqual(failures, []);
});
