import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { at, type JsonObject, listAt, numberAt, textAt, textsAt } from "../../lab/kube/json.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { ask, configMap, names, patch, serverFor, service, WatchReader } from "./client.ts";

const maps = "/api/v1/namespaces/default/configmaps";
const services = "/api/v1/namespaces/default/services";
const pods = "/api/v1/namespaces/default/pods";
const asTable = { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" };

function pod(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "a", image: "b" }], nodeName: "node1", ...spec },
  };
}

test("only a client with a token of the file gets in, and the file is read anew", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-tokens-"));
  t.after(() => rm(folder, { recursive: true }));
  const tokenFile = join(folder, "tokens");
  await writeFile(tokenFile, "first,admin,1\n");
  const server = await serverFor(t, { tokenFile });
  const code = async (token: string) =>
    (await ask(server, "GET", maps, undefined, { authorization: `Bearer ${token}` })).code;
  assert.equal((await ask(server, "GET", maps)).code, 401);
  assert.equal(await code("first"), 200);
  await writeFile(tokenFile, "second\n");
  assert.equal(await code("first"), 401);
  assert.equal(await code("second"), 200);
});

test("the server listens on a Unix socket too", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-socket-"));
  t.after(() => rm(folder, { recursive: true }));
  const socketPath = join(folder, "api");
  await serverFor(t, { socketPath });
  const body = await new Promise<string>((resolve, reject) => {
    httpRequest({ socketPath, path: "/readyz" }, (response) => {
      text(response).then(resolve, reject);
    })
      .on("error", reject)
      .end();
  });
  assert.equal(body, "ok");
});

test("a Table has rows with the metadata of their objects", async (t) => {
  const server = await serverFor(t);
  server.objects.apply(service("a", { type: "LoadBalancer" }));
  const { body } = await ask(server, "GET", services, undefined, asTable);
  assert.equal(textAt(body, "kind"), "Table");
  const [row] = listAt(body, "rows");
  assert.equal(textAt(row, "object", "kind"), "PartialObjectMetadata");
  assert.equal(textAt(row, "object", "metadata", "name"), "a");
  assert.deepEqual(textsAt(row, "cells").slice(0, 2), ["a", "LoadBalancer"]);
  const whole = await ask(server, "GET", `${services}?includeObject=Object`, undefined, asTable);
  assert.equal(textAt(listAt(whole.body, "rows")[0], "object", "spec", "type"), "LoadBalancer");
});

test("a watch of Tables names the columns once", async (t) => {
  const server = await serverFor(t);
  const watch = await WatchReader.open(server, `${maps}?watch=1`, asTable);
  server.objects.apply(configMap("a"));
  server.objects.apply(configMap("b"));
  assert.equal(listAt(await watch.next(), "object", "columnDefinitions").length, 3);
  assert.equal(listAt(await watch.next(), "object", "columnDefinitions").length, 0);
  watch.close();
});

test("what a client cannot read is 406, and what we cannot read is 415", async (t) => {
  const server = await serverFor(t);
  const yaml = { accept: "application/yaml" };
  assert.equal((await ask(server, "GET", maps, undefined, yaml)).code, 406);
  server.objects.apply(configMap("a"));
  const apply = { "content-type": "application/apply-patch+yaml" };
  const answer = await ask(server, "PATCH", `${maps}/a`, {}, apply);
  assert.equal(answer.code, 415);
  assert.equal(textAt(answer.body, "reason"), "UnsupportedMediaType");
});

test("a dry run answers and writes nothing", async (t) => {
  const server = await serverFor(t);
  const created = await ask(server, "POST", `${maps}?dryRun=All`, configMap("a"));
  assert.equal(created.code, 201);
  assert.equal((await ask(server, "GET", `${maps}/a`)).code, 404);
  server.objects.apply(configMap("a", { n: "1" }));
  const changed = await patch(server, `${maps}/a?dryRun=All`, { data: { n: "2" } });
  assert.equal(textAt(changed.body, "data", "n"), "2");
  await ask(server, "DELETE", `${maps}/a`, { dryRun: ["All"] });
  assert.equal(textAt((await ask(server, "GET", `${maps}/a`)).body, "data", "n"), "1");
});

test("unknown fields are dropped with a warning, silently, or refused, as the client wishes", async (t) => {
  const server = await serverFor(t);
  const odd = { ...service("a"), spec: { ports: [{ port: 80, prot: 1 }], colour: "red" } };
  const strict = await ask(server, "POST", `${services}?fieldValidation=Strict`, odd);
  assert.equal(strict.code, 400);
  assert.equal(
    textAt(strict.body, "message"),
    'Service in version "v1" cannot be handled as a Service: strict decoding error: unknown field "spec.ports[0].prot", unknown field "spec.colour"',
  );
  const warned = await ask(server, "POST", services, odd);
  assert.equal(warned.code, 201);
  assert.equal(at(warned.body, "spec", "colour"), undefined);
  assert.match(warned.headers.get("warning") ?? "", /299 - "unknown field \\"spec.colour\\""/);
  const ignored = await ask(server, "PUT", `${services}/a?fieldValidation=Ignore`, odd);
  assert.equal(ignored.headers.get("warning"), null);
});

test("a value of the wrong type is refused", async (t) => {
  const server = await serverFor(t);
  const answer = await ask(server, "POST", services, service("a", { ports: [{ port: "80" }] }));
  assert.equal(answer.code, 400);
  assert.equal(
    textAt(answer.body, "message"),
    'Service in version "v1" cannot be handled as a Service: json: cannot unmarshal string into Go struct field ServicePort.spec.ports.port of type int32',
  );
});

test("a deleted Pod is marked, serves its time, and goes with a grace period of 0", async (t) => {
  const server = await serverFor(t, { clock: new ManualClock() });
  await ask(server, "POST", pods, pod("a", { terminationGracePeriodSeconds: 5 }));
  const marked = await ask(server, "DELETE", `${pods}/a`);
  assert.equal(textAt(marked.body, "metadata", "deletionTimestamp"), "2026-01-01T00:00:05Z");
  assert.equal(numberAt(marked.body, "metadata", "deletionGracePeriodSeconds"), 5);
  const longer = await ask(server, "DELETE", `${pods}/a`, { gracePeriodSeconds: 60 });
  assert.equal(numberAt(longer.body, "metadata", "deletionGracePeriodSeconds"), 5);
  const shorter = await ask(server, "DELETE", `${pods}/a`, { gracePeriodSeconds: 1 });
  assert.equal(numberAt(shorter.body, "metadata", "deletionGracePeriodSeconds"), 1);
  await ask(server, "DELETE", `${pods}/a`, { gracePeriodSeconds: 0 });
  assert.equal((await ask(server, "GET", `${pods}/a`)).code, 404);
});

test("a Pod that no node has goes at once", async (t) => {
  const server = await serverFor(t);
  const { nodeName: _node, ...spec } = { nodeName: "", containers: [{ name: "a", image: "b" }] };
  await ask(server, "POST", pods, { ...pod("a"), spec });
  await ask(server, "DELETE", `${pods}/a`);
  assert.equal((await ask(server, "GET", `${pods}/a`)).code, 404);
});

test("a finalizer holds back the end; preconditions must hold", async (t) => {
  const server = await serverFor(t);
  const held = { ...configMap("a"), metadata: { name: "a", finalizers: ["x/y"] } };
  const { body } = await ask(server, "POST", maps, held);
  const other = await ask(server, "DELETE", `${maps}/a`, { preconditions: { uid: "other" } });
  assert.equal(other.code, 409);
  await ask(server, "DELETE", `${maps}/a`, {
    preconditions: { uid: textAt(body, "metadata", "uid") ?? "" },
  });
  const marked = await ask(server, "GET", `${maps}/a`);
  assert.ok(textAt(marked.body, "metadata", "deletionTimestamp") !== undefined);
  await patch(server, `${maps}/a`, { metadata: { finalizers: null } });
  assert.equal((await ask(server, "GET", `${maps}/a`)).code, 404);
});

test("a collection is deleted by selector", async (t) => {
  const server = await serverFor(t);
  server.objects.apply({ ...configMap("a"), metadata: { name: "a", labels: { x: "1" } } });
  server.objects.apply(configMap("b"));
  const answer = await ask(server, "DELETE", `${maps}?labelSelector=x`);
  assert.deepEqual(names(answer.body), ["a"]);
  assert.deepEqual(names((await ask(server, "GET", maps)).body), ["b"]);
});

test("a Lease is made by PUT, and replaced only with its version", async (t) => {
  const server = await serverFor(t);
  const path = "/apis/coordination.k8s.io/v1/namespaces/default/leases/a";
  const lease = { metadata: { name: "a" }, spec: { holderIdentity: "x" } };
  const created = await ask(server, "PUT", path, lease);
  assert.equal(created.code, 201);
  assert.equal((await ask(server, "PUT", path, lease)).code, 422);
  const answer = await ask(server, "PUT", path, { ...created.body, spec: { holderIdentity: "y" } });
  assert.equal(textAt(answer.body, "spec", "holderIdentity"), "y");
});

test("both Event APIs show the same Events", async (t) => {
  const server = await serverFor(t);
  const view = {
    metadata: { name: "a" },
    regarding: { kind: "Service", name: "s", namespace: "default" },
    note: "text",
    reason: "R",
    type: "Normal",
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "c",
    reportingInstance: "i",
    action: "x",
  };
  await ask(server, "POST", "/apis/events.k8s.io/v1/namespaces/default/events", view);
  const core = await ask(server, "GET", "/api/v1/namespaces/default/events/a");
  assert.equal(textAt(core.body, "message"), "text");
  assert.equal(textAt(core.body, "involvedObject", "name"), "s");
  const again = await ask(server, "GET", "/apis/events.k8s.io/v1/namespaces/default/events/a");
  assert.equal(textAt(again.body, "apiVersion"), "events.k8s.io/v1");
  assert.equal(textAt(again.body, "note"), "text");
  const found = "/api/v1/events?fieldSelector=involvedObject.kind%3DService,reason%3DR";
  assert.deepEqual(names((await ask(server, "GET", found)).body), ["a"]);
});

test("scale shows and sets the replicas of a Deployment", async (t) => {
  const server = await serverFor(t);
  server.objects.apply({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "a" },
    spec: {
      selector: { matchLabels: { app: "a" } },
      template: {
        metadata: { labels: { app: "a" } },
        spec: { containers: [{ name: "a", image: "b" }] },
      },
    },
  });
  const path = "/apis/apps/v1/namespaces/default/deployments/a";
  const shown = await ask(server, "GET", `${path}/scale`);
  assert.equal(textAt(shown.body, "kind"), "Scale");
  assert.equal(textAt(shown.body, "status", "selector"), "app=a");
  await patch(server, `${path}/scale`, { spec: { replicas: 4 } });
  const { body } = await ask(server, "GET", path);
  assert.equal(numberAt(body, "spec", "replicas"), 4);
  assert.equal(numberAt(body, "metadata", "generation"), 2);
});

test("a Pod's own HTTP server is reached through its proxy", async (t) => {
  const server = await serverFor(t);
  const upstream = createServer((request, response) => {
    response.writeHead(418, { "x-path": request.url ?? "" });
    response.end("tea");
  });
  await new Promise<void>((resolve) => {
    upstream.listen(0, "127.0.0.1", resolve);
  });
  t.after(() => upstream.close());
  const port = portOf(upstream.address());
  const containers = [{ name: "a", image: "b", ports: [{ name: "web", containerPort: port }] }];
  server.objects.apply({ ...pod("a", { containers }), status: { podIP: "127.0.0.1" } });
  for (const name of ["a", `a:${port}`, "a:web", `http:a:${port}`]) {
    const response = await fetch(`${server.url}${pods}/${name}/proxy/x/y?z=1`);
    assert.equal(response.status, 418, name);
    assert.equal(response.headers.get("x-path"), "/x/y?z=1");
    assert.equal(await response.text(), "tea");
  }
  upstream.close();
  upstream.closeAllConnections();
  const gone = await ask(server, "GET", `${pods}/a/proxy/`);
  assert.equal(gone.code, 503);
});

function portOf(address: string | AddressInfo | null): number {
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}

test("discovery names every resource, and in aggregate to those who ask so", async (t) => {
  const server = await serverFor(t);
  const { body } = await ask(server, "GET", "/api/v1");
  assert.ok(listAt(body, "resources").some((entry) => textAt(entry, "name") === "services/status"));
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
  const all = await ask(server, "GET", "/apis", undefined, { accept });
  assert.equal(all.headers.get("content-type"), accept);
  assert.equal(textAt(all.body, "kind"), "APIGroupDiscoveryList");
  assert.equal((await ask(server, "GET", "/apis/none/v1")).code, 404);
});

test("a path that names nothing is 404, and a method that does not fit is 405", async (t) => {
  const server = await serverFor(t);
  for (const path of ["/api/v1/gadgets", "/nothing", `${maps}/a/gadget`, "/api/v1/configmaps/a"]) {
    assert.equal((await ask(server, "GET", path)).code, 404, path);
  }
  assert.equal((await ask(server, "POST", `${maps}/a`, configMap("a"))).code, 405);
  assert.equal((await ask(server, "POST", "/api/v1/configmaps", configMap("a"))).code, 405);
});
