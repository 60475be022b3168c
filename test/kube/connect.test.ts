import assert from "node:assert/strict";
import { Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import {
  isAlreadyExists,
  isConflict,
  isNotFound,
  KubeError,
  listAll,
} from "../../src/kube/client.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { CredentialsError } from "../../src/kube/credentials.ts";
import { resources } from "../../src/kube/resource.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { WireServer } from "../support/wire-server.ts";

const limits = { timeout: 20_000 };
const nginx = { resource: resources.services, namespace: "web", name: "nginx" };
const object = { metadata: { name: "nginx", namespace: "web", resourceVersion: "2" } };

async function setUp(t: TestContext) {
  const server = await WireServer.start();
  t.after(() => server.close());
  const clock = new ManualClock();
  const { kubeconfigPath } = server;
  const api = connectKubeApi({ kubeconfigPath, fieldManager: "routelb-controller", clock });
  return { server, clock, api };
}

async function refusal(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => undefined,
    (error: unknown) => error,
  );
}

test("each call is the request that the API documents", limits, async (t) => {
  const { server, api } = await setUp(t);
  const body = { metadata: { name: "nginx" } };
  const calls = [
    api.get(nginx),
    api.create(resources.services, "web", body),
    api.update({ ...nginx, subresource: "status" }, body),
    api.patch(nginx, "merge", body),
    api.patch({ ...nginx, subresource: "status" }, "json", []),
    api.patch(nginx, "strategic", body),
    api.remove(nginx),
    api.get({ resource: resources.nodes, name: "node1" }),
    api.get({ resource: resources.leases, namespace: "routelb-system", name: "lead" }),
  ];
  const seen: string[] = [];
  for (const _ of calls) {
    const exchange = await server.next();
    const manager = exchange.query.get("fieldManager") ?? "-";
    seen.push(`${exchange.method} ${exchange.path} ${exchange.contentType ?? "-"} ${manager}`);
    exchange.json(200, object);
  }
  await Promise.all(calls);
  const services = "/prefix/api/v1/namespaces/web/services";
  const us = "routelb-controller";
  assert.deepEqual(
    seen.toSorted(),
    [
      `GET ${services}/nginx - -`,
      `POST ${services} application/json ${us}`,
      `PUT ${services}/nginx/status application/json ${us}`,
      `PATCH ${services}/nginx application/merge-patch+json ${us}`,
      `PATCH ${services}/nginx/status application/json-patch+json ${us}`,
      `PATCH ${services}/nginx application/strategic-merge-patch+json ${us}`,
      `DELETE ${services}/nginx - -`,
      `GET /prefix/api/v1/nodes/node1 - -`,
      `GET /prefix/apis/coordination.k8s.io/v1/namespaces/routelb-system/leases/lead - -`,
    ].toSorted(),
  );
});

test("what the server refuses tells its status, reason and message", limits, async (t) => {
  const { server, api } = await setUp(t);
  const call = refusal(api.get(nginx));
  (await server.next()).refuse(404, "NotFound");
  const error = await call;
  assert.ok(error instanceof KubeError);
  assert.equal(error.status, 404);
  assert.equal(error.message, "GET /api/v1/namespaces/web/services/nginx: 404 NotFound: no");
  assert.equal(isNotFound(error), true);
});

test(
  "a 404 of a proxy, or of the resource, does not say that the object is gone",
  limits,
  async (t) => {
    const { server, api } = await setUp(t);
    const noResource = { kind: "Status", code: 404, reason: "NotFound", details: {} };
    for (const body of [{ page: "not found" }, noResource]) {
      const call = refusal(api.get(nginx));
      (await server.next()).json(404, body);
      assert.equal(isNotFound(await call), false);
    }
  },
);

test("a conflict and an object that is there already are told apart", limits, async (t) => {
  const { server, api } = await setUp(t);
  const update = refusal(api.update(nginx, {}));
  (await server.next()).refuse(409, "Conflict");
  const create = refusal(api.create(resources.services, "web", {}));
  (await server.next()).refuse(409, "AlreadyExists");
  assert.deepEqual([isConflict(await update), isAlreadyExists(await update)], [true, false]);
  assert.deepEqual([isConflict(await create), isAlreadyExists(await create)], [false, true]);
});

test("Retry-After is passed on, from the header or the Status", limits, async (t) => {
  const { server, api } = await setUp(t);
  const first = refusal(api.get(nginx));
  (await server.next()).refuse(429, "TooManyRequests", { "retry-after": "3" });
  const second = refusal(api.get(nginx));
  (await server.next()).json(504, { kind: "Status", details: { retryAfterSeconds: 1 } });
  const seconds = [await first, await second].map((error) =>
    error instanceof KubeError ? error.retryAfterSeconds : undefined,
  );
  assert.deepEqual(seconds, [3, 1]);
});

test(
  "a call that is told to stop ends with that reason, whenever it is told",
  limits,
  async (t) => {
    const { server, api } = await setUp(t);
    const reason = new Error("enough");
    assert.equal(await refusal(api.get(nginx, { signal: AbortSignal.abort(reason) })), reason);
    const stop = new AbortController();
    const waiting = refusal(api.get(nginx, { signal: stop.signal }));
    const unanswered = await server.next();
    stop.abort(reason);
    assert.equal(await waiting, reason);
    await unanswered.closed;
    const later = new AbortController();
    const reading = refusal(api.get(nginx, { signal: later.signal }));
    const half = await server.next();
    half.open();
    half.write('{"metadata":');
    await new Promise(setImmediate);
    later.abort(reason);
    assert.equal(await reading, reason);
  },
);

test(
  "no answer in time, a cut answer and no JSON are errors without a status",
  limits,
  async (t) => {
    const { server, api, clock } = await setUp(t);
    const late = refusal(api.get(nginx));
    await server.next();
    await clock.pass(65_000);
    const cut = refusal(api.get(nginx));
    const exchange = await server.next();
    exchange.open();
    exchange.write("{");
    exchange.cut();
    const text = refusal(api.get(nginx));
    const page = await server.next();
    page.open();
    page.write("<html>");
    page.end();
    for (const error of [await late, await cut, await text]) {
      assert.ok(error instanceof KubeError);
      assert.equal(error.status, 0);
    }
  },
);

test("a read on a kept connection that died is sent again; a write is not", limits, async (t) => {
  const { server, api } = await setUp(t);
  const first = api.get(nginx);
  (await server.next()).json(200, object);
  await first;
  const read = api.get(nginx);
  (await server.next()).cut();
  (await server.next()).json(200, object);
  assert.equal((await read).metadata.name, "nginx");
  const write = refusal(api.update(nginx, object));
  (await server.next()).cut();
  assert.ok((await write) instanceof KubeError);
  const fresh = refusal(api.get(nginx));
  (await server.next()).cut();
  assert.ok((await fresh) instanceof KubeError, "a new connection that breaks is a failure");
});

test("listAll reads every page", limits, async (t) => {
  const { server, api } = await setUp(t);
  const all = listAll(api, resources.pods, { namespace: "web", labelSelector: "app=nginx" });
  const first = await server.next();
  assert.equal(first.query.get("labelSelector"), "app=nginx");
  first.json(200, { metadata: { resourceVersion: "5", continue: "x" }, items: [object] });
  const second = await server.next();
  assert.equal(second.query.get("continue"), "x");
  second.json(200, { metadata: { resourceVersion: "5" }, items: [object, object] });
  assert.equal((await all).length, 3);
});

test("a list may ask for a state not older than a version", limits, async (t) => {
  const { server, api } = await setUp(t);
  const end = api.list(resources.configMaps, { name: "config", resourceVersion: "7" }, () => {});
  const exchange = await server.next();
  assert.equal(exchange.query.get("resourceVersionMatch"), "NotOlderThan");
  assert.equal(exchange.query.get("fieldSelector"), "metadata.name=config");
  exchange.json(200, { metadata: { resourceVersion: "9" }, items: [] });
  assert.deepEqual(await end, { resourceVersion: "9" });
});

test("a kubeconfig that is not there or not usable is told of at once", () => {
  const clock = new ManualClock();
  assert.throws(
    () => connectKubeApi({ kubeconfigPath: "/nowhere/config", fieldManager: "test", clock }),
    (error) => error instanceof CredentialsError && error.message.startsWith("/nowhere/config: "),
  );
});

test("a kubeconfig that vanished is a failed call, not the end", limits, async (t) => {
  const { server, api } = await setUp(t);
  const call = refusal(api.get(nginx));
  const exchange = await server.next();
  await server.removeKubeconfig();
  exchange.refuse(401, "Unauthorized");
  const error = await call;
  assert.ok(error instanceof KubeError);
  assert.equal(error.status, 401);
});

test(
  "a list may come compressed, a watch does not; one that is cut short is an error",
  limits,
  async (t) => {
    const { server, api } = await setUp(t);
    const items = Array.from({ length: 3_000 }, (_, index) => ({
      metadata: { name: `nginx-${index}`, namespace: "web", resourceVersion: "2" },
    }));
    const packed = gzipSync(JSON.stringify({ metadata: { resourceVersion: "7" }, items }));
    const names: string[] = [];
    const listing = api.list(resources.services, {}, ({ metadata }) => names.push(metadata.name));
    const whole = await server.next();
    assert.equal(whole.acceptEncoding, "gzip");
    whole.open({ "content-encoding": "gzip" });
    whole.write(packed.subarray(0, 100));
    whole.write(packed.subarray(100));
    whole.end();
    assert.deepEqual(await listing, { resourceVersion: "7" });
    assert.equal(names.length, items.length);
    assert.equal(names.at(-1), "nginx-2999");

    const cut = api.list(resources.services, {}, () => undefined);
    const second = await server.next();
    second.open({ "content-encoding": "gzip" });
    second.write(packed.subarray(0, packed.length >> 1));
    second.end();
    const error = await refusal(cut);
    assert.ok(error instanceof KubeError && error.status === 0, String(error));

    const options = { resourceVersion: "7", timeoutSeconds: 60, silenceLimitMs: 1_000 };
    const ended = new AbortController();
    const watching = api.watch(resources.services, { ...options, signal: ended.signal });
    const third = await server.next();
    assert.equal(third.acceptEncoding, undefined);
    third.open();
    await watching;
    ended.abort();
  },
);

test("a list that comes at once leaves the event loop its turns", limits, async (t) => {
  const { server, api, clock } = await setUp(t);
  const items = Array.from({ length: 3_000 }, (_, index) => ({
    metadata: { name: `nginx-${index}`, namespace: "web", resourceVersion: "2" },
  }));
  let seen = 0;
  let isCounting = true;
  const inTurns = new Set<number>();
  const look = () => {
    inTurns.add(seen);
    if (isCounting) {
      setImmediate(look);
    }
  };
  const listing = api.list(resources.services, {}, () => {
    seen += 1;
    clock.advance(0.1);
  });
  const exchange = await server.next();
  look();
  exchange.json(200, { metadata: { resourceVersion: "7" }, items });
  await listing;
  isCounting = false;
  assert.equal(seen, items.length);
  const counts = [...inTurns, seen].sort((x, y) => x - y);
  const most = Math.max(...counts.slice(1).map((count, index) => count - (counts[index] ?? 0)));
  // A slice's 80 objects, and what is left of a piece of 16 kB: some 200 of so few octets.
  assert.ok(most <= 300, `${most} in one turn`);
});

test(
  "an idle connection is probed every 15 s, also one that was used before",
  limits,
  async (t) => {
    const { server, api } = await setUp(t);
    const { mock } = t.mock.method(Socket.prototype, "setKeepAlive");
    for (let count = 0; count < 3; count += 1) {
      const call = api.get(nginx);
      (await server.next()).json(200, object);
      await call;
      await new Promise((resolve) => {
        setImmediate(resolve);
      });
    }
    const delays = mock.calls.map(({ arguments: [isOn, delayMs] }) => isOn === true && delayMs);
    assert.deepEqual([...new Set(delays)], [15_000]);
  },
);
