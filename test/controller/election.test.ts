import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ApiServer } from "../../lab/kube/server.ts";
import { recordOf, textOf } from "../../src/kube/json.ts";
import {
  addressOf,
  applyConfig,
  assertMetric,
  createService,
  eventsAbout,
  namespace,
  poolsText,
  type Running,
  type RunOptions,
  runReplica,
  startServer,
  statusWrites,
  until,
  untilAddress,
  untilEvent,
} from "./running.ts";

const limits = { timeout: 30_000 };

/** A renewal is a second of ours, so that a busy machine does not end a tenure. */
const stepMs = 10;
const leaderElection = { durationMs: 15_000, renewMs: 10_000 };

async function serverWithPool(t: TestContext): Promise<ApiServer> {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/28"]));
  // Hooks run in their order, and a controller is stopped while its server is there.
  t.after(() => setImmediate(() => void server.close()));
  return server;
}

function replica(
  t: TestContext,
  server: ApiServer,
  hostName: string,
  options: RunOptions = {},
): Promise<Running> {
  return runReplica(t, server, { leaderElection, hostName, stepMs, ...options });
}

function holderOf(server: ApiServer): string {
  const lease = server.objects.get("leases", `${namespace}/routelb-controller`);
  return textOf(recordOf(lease?.["spec"])["holderIdentity"]) ?? "";
}

async function leads(running: Running): Promise<boolean> {
  return recordOf(JSON.parse(await running.fetch("/state")))["leads"] === true;
}

function holdLease(server: ApiServer, holderIdentity: string): void {
  server.objects.apply({
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { name: "routelb-controller", namespace },
    spec: { holderIdentity, leaseDurationSeconds: 15, leaseTransitions: 3 },
  });
}

test("of two, one acts; the other is ready and writes nothing", limits, async (t) => {
  const server = await serverWithPool(t);
  const a = await replica(t, server, "a");
  createService(server, "web");
  await untilAddress(server, "web", "10.0.0.0");
  const b = await replica(t, server, "b");
  await until(() => b.lines.some(({ message }) => message === "another controller leads"));
  assert.equal(await b.fetch("/readyz"), "ok\n");
  assertMetric(await a.fetch("/metrics"), "routelb_k8s_client_leadership_bool", 1);
  assertMetric(await b.fetch("/metrics"), "routelb_k8s_client_leadership_bool", 0);
  assert.equal(holderOf(server), "a_1");
  const lease = server.objects.require("leases", `${namespace}/routelb-controller`);
  const spec = recordOf(lease["spec"]);
  assert.deepEqual([spec["leaseDurationSeconds"], spec["leaseTransitions"]], [15, 0]);
  assert.match(String(spec["renewTime"]), /^2026-01-01T00:\d\d:\d\d\.\d{6}Z$/);
});

test(
  "a leader that ends gives the Lease back: the next acts without waiting",
  limits,
  async (t) => {
    const server = await serverWithPool(t);
    const a = await replica(t, server, "a");
    createService(server, "one");
    await untilAddress(server, "one", "10.0.0.0");
    const b = await replica(t, server, "b");
    await until(() => b.lines.some(({ message }) => message === "another controller leads"));
    const writes = statusWrites(server);
    await a.stop();
    const releasedMs = b.clock.now();
    createService(server, "two");
    await untilAddress(server, "two", "10.0.0.1");
    assert.ok(b.clock.now() - releasedMs < 10_000, "less than the Lease's duration");
    assert.equal(statusWrites(server), writes + 1);
    assert.equal(addressOf(server, "one"), "10.0.0.0");
  },
);

test(
  "a leader that was killed is replaced after the Lease's duration, and the wait for its writes",
  limits,
  async (t) => {
    const server = await serverWithPool(t);
    holdLease(server, "killed");
    createService(server, "web");
    const b = await replica(t, server, "b");
    const startMs = b.clock.now();
    await until(() => holderOf(server) === "b_1");
    const tookMs = b.clock.now() - startMs;
    assert.ok(tookMs >= 14_500 && tookMs < 20_000, `took over after ${tookMs} ms`);
    assert.equal(addressOf(server, "web"), "");
    await untilAddress(server, "web", "10.0.0.0");
    const actedMs = b.clock.now() - startMs;
    assert.ok(actedMs >= 24_500 && actedMs < 32_000, `acted after ${actedMs} ms`);
  },
);

test("a leader that cannot reach the API stops acting before another begins", limits, async (t) => {
  const server = await serverWithPool(t);
  let isCut = false;
  const cut = <T>(call: () => Promise<T>) =>
    isCut ? Promise.reject(new Error("cut off")) : call();
  const a = await replica(t, server, "a", {
    wrap: (api) => ({
      ...api,
      get: (path, options) => cut(() => api.get(path, options)),
      create: (resource, where, body, options) =>
        cut(() => api.create(resource, where, body, options)),
      update: (path, body, options) => cut(() => api.update(path, body, options)),
      patch: (path, type, body, options) => cut(() => api.patch(path, type, body, options)),
    }),
  });
  createService(server, "one");
  await untilAddress(server, "one", "10.0.0.0");
  const b = await replica(t, server, "b");
  await until(() => b.lines.some(({ message }) => message === "another controller leads"));
  isCut = true;
  const cutMs = a.clock.now();
  await until(() => a.lines.some(({ message }) => message === "leads no more"));
  const stoppedMs = a.clock.now() - cutMs;
  assert.ok(stoppedMs <= 11_000, `stopped after ${stoppedMs} ms`);
  assert.equal(await leads(b), false);
  createService(server, "two");
  await untilAddress(server, "two", "10.0.0.1");
  assert.equal(holderOf(server), "b_1");
  assert.equal(await leads(a), false);
  isCut = false;
  await until(() => a.lines.some(({ message }) => message === "another controller leads"));
  assert.equal(holderOf(server), "b_1");
});

test(
  "a write of the old leader that slips through is found, and the later holder is moved",
  limits,
  async (t) => {
    const server = await serverWithPool(t);
    let isPaused = false;
    const paused = Promise.withResolvers<void>();
    const resumed = Promise.withResolvers<void>();
    // Between the old leader's last look at its Lease and the server lies a pause of any length.
    const a = await replica(t, server, "a", {
      wrap: (api) => ({
        ...api,
        patch: async (path, type, body, options) => {
          if (isPaused && path.subresource === "status") {
            paused.resolve();
            await resumed.promise;
            return api.patch(path, type, body);
          }
          return api.patch(path, type, body, options);
        },
      }),
    });
    createService(server, "late", { type: "ClusterIP" });
    createService(server, "first");
    await untilAddress(server, "first", "10.0.0.0");
    let mayWriteSlow = false;
    const b = await replica(t, server, "b", {
      wrap: (api) => ({
        ...api,
        patch: (path, type, body, options) =>
          path.name === "slow" && path.subresource === "status" && !mayWriteSlow
            ? Promise.reject(new Error("not now"))
            : api.patch(path, type, body, options),
      }),
    });
    await until(() => b.lines.some(({ message }) => message === "another controller leads"));
    isPaused = true;
    createService(server, "slow");
    await paused.promise;
    a.setClock(false);
    // Older than `slow`, so the new leader gives it what the old one means for `slow`.
    server.objects.patch("services", "default/late", { spec: { type: "LoadBalancer" } });
    await untilAddress(server, "late", "10.0.0.1");
    assert.equal(holderOf(server), "b_1");
    a.clock.advance(30_000);
    resumed.resolve();
    await untilAddress(server, "slow", "10.0.0.1");
    mayWriteSlow = true;
    await untilAddress(server, "slow", "10.0.0.2");
    await untilEvent(server, "slow", /^Renumbered: Assigned 10\.0\.0\.2 .* instead of 10\.0\.0\.1/);
    assert.equal(addressOf(server, "late"), "10.0.0.1");
    await until(() => a.lines.some(({ message }) => message === "leads no more"));
  },
);

test(
  "without permission for the Lease it says what it needs, and acts when it may",
  limits,
  async (t) => {
    const server = await serverWithPool(t);
    const fault = server.faults.add({ resource: "leases" }, { type: "answer", code: 403 });
    createService(server, "web");
    const a = await replica(t, server, "a");
    await until(() => a.lines.some(({ message }) => message === "the Lease may not be used"));
    assert.match(await a.fetch("/readyz"), /its service account needs "get" and "update"/);
    assert.equal(addressOf(server, "web"), "");
    const told = () => a.lines.filter(({ message }) => message === "the Lease may not be used");
    await until(() => fault.hits > 3);
    assert.equal(told().length, 1);
    fault.remove();
    await untilAddress(server, "web", "10.0.0.0");
    assert.equal(await a.fetch("/readyz"), "ok\n");
  },
);

test("a Lease that is deleted is made again by who led", limits, async (t) => {
  const server = await serverWithPool(t);
  const a = await replica(t, server, "a");
  createService(server, "one");
  await untilAddress(server, "one", "10.0.0.0");
  const b = await replica(t, server, "b");
  await until(() => b.lines.some(({ message }) => message === "another controller leads"));
  server.objects.delete("leases", `${namespace}/routelb-controller`);
  await until(() => holderOf(server) !== "");
  createService(server, "two");
  await untilAddress(server, "two", "10.0.0.1");
  assert.equal((await leads(a)) && (await leads(b)), false);
});

test(
  "what is assigned stays as it is through a takeover: nothing is written",
  limits,
  async (t) => {
    const server = await serverWithPool(t);
    const a = await replica(t, server, "a");
    createService(server, "one");
    createService(server, "two");
    await untilAddress(server, "two", "10.0.0.1");
    await untilEvent(server, "two", /^IPAllocated/);
    const events = eventsAbout(server, "two");
    const writes = statusWrites(server);
    const b = await replica(t, server, "b");
    await a.stop();
    await until(() => b.lines.some(({ message }) => message === "leads"));
    createService(server, "three");
    await untilAddress(server, "three", "10.0.0.2");
    assert.equal(statusWrites(server), writes + 1);
    assert.deepEqual(eventsAbout(server, "two"), events);
  },
);
