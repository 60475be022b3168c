import assert from "node:assert/strict";
import { test } from "node:test";
import { at, listAt, numberAt, objectAt, textAt } from "../../lab/kube/json.ts";
import { ask, configMap, names, patch, serverFor, service, WatchReader } from "./client.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const services = "/api/v1/namespaces/default/services";

test("a created object has a uid, a version and a creation time, and is created once", async (t) => {
  const server = await serverFor(t);
  const created = await ask(server, "POST", maps, configMap("a", { key: "value" }));
  assert.equal(created.code, 201);
  const metadata = objectAt(created.body, "metadata");
  assert.match(textAt(metadata, "uid") ?? "", /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/);
  assert.match(textAt(metadata, "creationTimestamp") ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.ok(Number(textAt(metadata, "resourceVersion")) > 0);
  const again = await ask(server, "POST", maps, configMap("a"));
  assert.equal(again.code, 409);
  assert.equal(textAt(again.body, "reason"), "AlreadyExists");
  assert.equal(textAt(again.body, "message"), 'configmaps "a" already exists');
});

test("an object of a namespace that is not there is refused with 404", async (t) => {
  const server = await serverFor(t);
  const answer = await ask(server, "POST", "/api/v1/namespaces/none/configmaps", configMap("a"));
  assert.equal(answer.code, 404);
  assert.equal(textAt(answer.body, "message"), 'namespaces "none" not found');
});

test("a PUT with an old resourceVersion is a conflict, and one without replaces", async (t) => {
  const server = await serverFor(t);
  const { body: first } = await ask(server, "POST", maps, configMap("a", { n: "1" }));
  await ask(server, "PUT", `${maps}/a`, { ...first, data: { n: "2" } });
  const stale = await ask(server, "PUT", `${maps}/a`, { ...first, data: { n: "3" } });
  assert.equal(stale.code, 409);
  assert.equal(textAt(stale.body, "reason"), "Conflict");
  const forced = await ask(server, "PUT", `${maps}/a`, configMap("a", { n: "4" }));
  assert.equal(forced.code, 200);
  assert.equal(textAt(forced.body, "data", "n"), "4");
});

test("a write that changes nothing makes no new version", async (t) => {
  const server = await serverFor(t);
  const { body: first } = await ask(server, "POST", maps, configMap("a", { n: "1" }));
  const { body: second } = await patch(server, `${maps}/a`, { data: { n: "1" } });
  assert.deepEqual(second, first);
});

test("managedFields name the field manager, or else the client's program", async (t) => {
  const server = await serverFor(t);
  await ask(
    server,
    "POST",
    `${services}?fieldManager=creator`,
    service("a", { type: "LoadBalancer" }),
  );
  const status = { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } };
  const { body } = await ask(server, "PATCH", `${services}/a/status`, status, {
    "content-type": "application/merge-patch+json",
    "user-agent": "klipper-lb/v1.2 linux",
  });
  const managers = listAt(body, "metadata", "managedFields");
  assert.deepEqual(
    managers.map((entry) => textAt(entry, "manager")),
    ["creator", "klipper-lb"],
  );
  const writer = managers.find((entry) => textAt(entry, "subresource") === "status");
  assert.equal(textAt(writer, "manager"), "klipper-lb");
  assert.deepEqual(at(writer, "fieldsV1"), {
    "f:status": { "f:loadBalancer": { "f:ingress": {} } },
  });
});

test("a write of status leaves the spec, and a write of the object leaves the status", async (t) => {
  const server = await serverFor(t);
  await ask(server, "POST", services, service("a", { type: "LoadBalancer" }));
  const both = {
    spec: { sessionAffinity: "ClientIP" },
    status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } },
  };
  const { body: one } = await patch(server, `${services}/a/status`, both);
  assert.equal(textAt(one, "spec", "sessionAffinity"), "None");
  assert.deepEqual(at(one, "status", "loadBalancer"), {
    ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }],
  });
  const { body: other } = await patch(server, `${services}/a`, { ...both, status: null });
  assert.equal(textAt(other, "spec", "sessionAffinity"), "ClientIP");
  assert.deepEqual(at(other, "status"), at(one, "status"));
});

test("a list in pages shows one version, whatever is written between them", async (t) => {
  const server = await serverFor(t);
  for (const name of ["a", "b", "c", "d", "e"]) {
    server.objects.apply(configMap(name));
  }
  const { body: first } = await ask(server, "GET", `${maps}?limit=2`);
  assert.deepEqual(names(first), ["a", "b"]);
  assert.equal(numberAt(first, "metadata", "remainingItemCount"), 3);
  server.objects.delete("configmaps", "default/c");
  server.objects.apply(configMap("dd"));
  const token = textAt(first, "metadata", "continue") ?? "";
  const { body: rest } = await ask(server, "GET", `${maps}?limit=5&continue=${token}`);
  assert.deepEqual(names(rest), ["c", "d", "e"]);
  assert.equal(
    textAt(rest, "metadata", "resourceVersion"),
    textAt(first, "metadata", "resourceVersion"),
  );
  server.compact();
  const late = await ask(server, "GET", `${maps}?limit=2&continue=${token}`);
  assert.equal(late.code, 410);
  assert.equal(textAt(late.body, "reason"), "Expired");
});

test("items of a list carry no kind, as in the real server", async (t) => {
  const server = await serverFor(t);
  server.objects.apply(configMap("a"));
  const { body } = await ask(server, "GET", maps);
  assert.equal(textAt(body, "kind"), "ConfigMapList");
  assert.equal(textAt(listAt(body, "items")[0], "kind"), undefined);
});

test("a list newer than the server answers 504, as after a restore", async (t) => {
  const server = await serverFor(t);
  const answer = await ask(
    server,
    "GET",
    `${maps}?resourceVersion=999&resourceVersionMatch=NotOlderThan`,
  );
  assert.equal(answer.code, 504);
  assert.equal(numberAt(answer.body, "details", "retryAfterSeconds"), 1);
});

test("selectors by label and by field choose objects", async (t) => {
  const server = await serverFor(t);
  server.objects.apply({ ...configMap("a"), metadata: { name: "a", labels: { x: "1", y: "2" } } });
  server.objects.apply({ ...configMap("b"), metadata: { name: "b", labels: { x: "2" } } });
  server.objects.apply(configMap("c"));
  const choose = async (query: string) =>
    names((await ask(server, "GET", `${maps}?${query}`)).body);
  assert.deepEqual(await choose("labelSelector=x%3D1"), ["a"]);
  assert.deepEqual(await choose("labelSelector=x!%3D1"), ["b", "c"]);
  assert.deepEqual(await choose("labelSelector=x+in+(1,2),y"), ["a"]);
  assert.deepEqual(await choose("labelSelector=x+notin+(1)"), ["b", "c"]);
  assert.deepEqual(await choose("labelSelector=!x"), ["c"]);
  assert.deepEqual(await choose("fieldSelector=metadata.name%3Db"), ["b"]);
  const bad = await ask(server, "GET", `${maps}?fieldSelector=data.n%3D1`);
  assert.equal(textAt(bad.body, "message"), "field label not supported: data.n");
});

test("a watch shows what was, what comes, and what stops matching", async (t) => {
  const server = await serverFor(t);
  server.objects.apply({ ...configMap("a"), metadata: { name: "a", labels: { x: "1" } } });
  const watch = await WatchReader.open(server, `${maps}?watch=1&labelSelector=x`);
  assert.equal(await watch.nextText(), "ADDED a");
  server.objects.apply(configMap("b"));
  server.objects.patch("configmaps", "default/b", { metadata: { labels: { x: "1" } } });
  assert.equal(await watch.nextText(), "ADDED b");
  server.objects.patch("configmaps", "default/b", { data: { n: "1" } });
  assert.equal(await watch.nextText(), "MODIFIED b");
  server.objects.patch("configmaps", "default/b", { metadata: { labels: { x: null } } });
  assert.equal(await watch.nextText(), "DELETED b");
  watch.close();
});

test("a watch goes on from a version, and gets 410 when that is compacted", async (t) => {
  const server = await serverFor(t);
  const { body } = await ask(server, "GET", maps);
  const version = textAt(body, "metadata", "resourceVersion");
  server.objects.apply(configMap("a"));
  const watch = await WatchReader.open(server, `${maps}?watch=1&resourceVersion=${version}`);
  assert.equal(await watch.nextText(), "ADDED a");
  watch.close();
  server.compact();
  const late = await WatchReader.open(server, `${maps}?watch=1&resourceVersion=${version}`);
  const event = await late.next();
  assert.equal(textAt(event, "type"), "ERROR");
  assert.equal(numberAt(event, "object", "code"), 410);
  assert.equal(textAt(event, "object", "reason"), "Expired");
  assert.equal(await late.next(), undefined);
});

test("sendInitialEvents is refused, as by a server without WatchList", async (t) => {
  const server = await serverFor(t);
  const answer = await ask(server, "GET", `${maps}?watch=1&sendInitialEvents=true`);
  assert.equal(answer.code, 422);
  assert.equal(textAt(answer.body, "reason"), "Invalid");
});

test("a server that stopped and started has the same objects at the same port", async (t) => {
  const server = await serverFor(t);
  server.objects.apply(configMap("a"));
  await server.stop();
  await assert.rejects(ask(server, "GET", maps));
  await server.start();
  assert.deepEqual(names((await ask(server, "GET", maps)).body), ["a"]);
});
