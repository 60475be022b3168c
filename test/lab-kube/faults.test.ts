import assert from "node:assert/strict";
import { test } from "node:test";
import { numberAt, textAt } from "../../lab/kube/json.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { ask, configMap, names, serverFor, WatchReader } from "./client.ts";

const maps = "/api/v1/namespaces/default/configmaps";

test("a fault answers as many requests as it was asked to, and then is over", async (t) => {
  const server = await serverFor(t);
  const matcher = { verb: "list", resource: "configmaps" } as const;
  const action = { type: "answer", code: 429, retryAfterSeconds: 3 } as const;
  const fault = server.faults.add(matcher, action, 1);
  const refused = await ask(server, "GET", maps);
  assert.equal(refused.code, 429);
  assert.equal(refused.headers.get("retry-after"), "3");
  assert.equal(numberAt(refused.body, "details", "retryAfterSeconds"), 3);
  assert.equal((await ask(server, "GET", maps)).code, 200);
  assert.equal(fault.hits, 1);
});

test("a fault hits only what it matches", async (t) => {
  const server = await serverFor(t);
  server.objects.apply(configMap("a"));
  const action = { type: "answer", code: 500 } as const;
  const fault = server.faults.add({ name: "a", verb: "get" }, action);
  assert.equal((await ask(server, "GET", maps)).code, 200);
  assert.equal((await ask(server, "GET", `${maps}/a`)).code, 500);
  fault.remove();
  assert.equal((await ask(server, "GET", `${maps}/a`)).code, 200);
});

test("a list can lie, and a connection can be refused or cut in the middle of an answer", async (t) => {
  const server = await serverFor(t);
  server.objects.apply(configMap("a"));
  server.faults.add({ verb: "list" }, { type: "empty-list" }, 1);
  assert.deepEqual(names((await ask(server, "GET", maps)).body), []);
  server.faults.add({ verb: "list" }, { type: "refuse" }, 1);
  await assert.rejects(ask(server, "GET", maps));
  server.faults.add({ verb: "list" }, { type: "broken-text", text: '{"kind":' }, 1);
  await assert.rejects(ask(server, "GET", maps));
  assert.deepEqual(names((await ask(server, "GET", maps)).body), ["a"]);
});

test("a delayed request is answered when its time has come", async (t) => {
  const clock = new ManualClock();
  const server = await serverFor(t, { clock });
  server.faults.add({ verb: "list" }, { type: "delay", delayMs: 5000 });
  const answer = ask(server, "GET", maps);
  await clock.pass(5000);
  assert.equal((await answer).code, 200);
});

test("watches can end, be reset, break within a line, and fail", async (t) => {
  const server = await serverFor(t);
  const open = () => WatchReader.open(server, `${maps}?watch=1`);
  const ended = await open();
  server.watches.cut("end");
  assert.equal(await ended.next(), undefined);
  const reset = await open();
  server.watches.cut("reset");
  await assert.rejects(reset.next());
  const broken = await open();
  server.watches.cut("half-line");
  await assert.rejects(broken.next());
  const failed = await open();
  server.watches.fail({ kind: "Status", code: 500 });
  assert.equal(textAt(await failed.next(), "type"), "ERROR");
  failed.close();
});

test("a silenced watch stays open and says nothing; others go on", async (t) => {
  const server = await serverFor(t);
  const silent = await WatchReader.open(server, `${maps}?watch=1`, { "user-agent": "silent/1" });
  server.watches.silence({ userAgentPrefix: "silent" });
  const other = await WatchReader.open(server, `${maps}?watch=1`);
  server.objects.apply(configMap("a"));
  assert.equal(await other.nextText(), "ADDED a");
  assert.equal(server.watches.count(), 2);
  server.watches.cut("end");
  assert.equal(await silent.next(), undefined);
});

test("a watch gets bookmarks if it asks, and ends at its time", async (t) => {
  const clock = new ManualClock();
  const server = await serverFor(t, { clock, bookmarkIntervalMs: 1000 });
  server.objects.apply(configMap("a"));
  const path = `${maps}?watch=1&resourceVersion=99&allowWatchBookmarks=true&timeoutSeconds=60`;
  const watch = await WatchReader.open(server, path);
  clock.advance(1000);
  const bookmark = await watch.next();
  assert.equal(textAt(bookmark, "type"), "BOOKMARK");
  assert.equal(textAt(bookmark, "object", "kind"), "ConfigMap");
  assert.ok(Number(textAt(bookmark, "object", "metadata", "resourceVersion")) > 0);
  clock.advance(60_000);
  let last: string | undefined = "BOOKMARK";
  while (last === "BOOKMARK") {
    last = textAt(await watch.next(), "type");
  }
  assert.equal(last, undefined);
});

test("the history has an end: an older version gets 410", async (t) => {
  const server = await serverFor(t, { historyLimit: 5 });
  const { body } = await ask(server, "GET", maps);
  const version = textAt(body, "metadata", "resourceVersion");
  for (let index = 0; index < 20; index += 1) {
    server.objects.apply(configMap("a", { n: String(index) }));
  }
  const watch = await WatchReader.open(server, `${maps}?watch=1&resourceVersion=${version}`);
  assert.equal(numberAt(await watch.next(), "object", "code"), 410);
  const exact = `${maps}?resourceVersion=${version}&resourceVersionMatch=Exact`;
  assert.equal((await ask(server, "GET", exact)).code, 410);
});

test("every request is noted, with what it was about", async (t) => {
  const server = await serverFor(t);
  await ask(server, "GET", `${maps}?limit=1`);
  const [request] = server.requests;
  assert.equal(request?.verb, "list");
  assert.equal(request?.target?.type.plural, "configmaps");
  assert.equal(request?.query.get("limit"), "1");
});
