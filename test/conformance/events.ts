import assert from "node:assert/strict";
import { test } from "node:test";
import { type JsonObject, listAt, numberAt, textAt } from "../../lab/kube/json.ts";
import { assertFailure, create, createService, get, makeNamespace } from "./objects.ts";
import { ask, mergePatch, type Target } from "./target.ts";

/** What an EventRecorder may count on. */
export function eventsConformance(target: () => Target): void {
  test("an Event is created once; its count is raised by a patch", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/events`;
    const body = event("web.1", namespace, { kind: "Service", namespace, name: "web" });
    await create(target(), path, body);
    assertFailure(await ask(target(), "POST", path, { body }), 409, "AlreadyExists");
    const raised = await ask(target(), "PATCH", `${path}/web.1`, {
      body: { count: 2, lastTimestamp: "2026-01-01T00:01:00Z" },
      contentType: mergePatch,
    });
    assert.equal(raised.status, 200);
    assert.equal(numberAt(raised.body, "count"), 2);
    assert.equal(textAt(raised.body, "firstTimestamp"), "2026-01-01T00:00:00Z");
  });

  test("raising an Event that expired is NotFound", async () => {
    const namespace = await makeNamespace(target());
    const answer = await ask(target(), "PATCH", `/api/v1/namespaces/${namespace}/events/gone`, {
      body: { count: 2 },
      contentType: mergePatch,
    });
    assertFailure(answer, 404, "NotFound");
  });

  test("an Event lives in the namespace of what it is about", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/events`;
    const body = event("web.1", namespace, { kind: "Service", namespace: "default", name: "web" });
    assertFailure(await ask(target(), "POST", path, { body }), 422, "Invalid");
  });

  test("an Event about a Node is taken in namespace default only", async () => {
    const namespace = await makeNamespace(target());
    const about = { kind: "Node", name: "node1" };
    const elsewhere = event("node1.1", namespace, about);
    const refused = await ask(target(), "POST", `/api/v1/namespaces/${namespace}/events`, {
      body: elsewhere,
    });
    assertFailure(refused, 422, "Invalid");
    const body = event(`node1.${namespace}`, "default", about);
    await create(target(), "/api/v1/namespaces/default/events", body);
  });

  test("Events are found by what they are about", async () => {
    const namespace = await makeNamespace(target());
    const uid = textAt(await createService(target(), namespace), "metadata", "uid") ?? "";
    const path = `/api/v1/namespaces/${namespace}/events`;
    const about = { kind: "Service", namespace, name: "web", uid };
    await create(target(), path, event("web.1", namespace, about));
    await create(target(), path, event("other.1", namespace, { ...about, name: "b", uid: "x" }));
    const selector = [
      "involvedObject.kind=Service",
      `involvedObject.uid=${uid}`,
      "involvedObject.name=web",
      `involvedObject.namespace=${namespace}`,
    ].join();
    const found = await get(target(), `${path}?fieldSelector=${encodeURIComponent(selector)}`);
    const names = listAt(found, "items").map((item) => textAt(item, "metadata", "name"));
    assert.deepEqual(names, ["web.1"]);
  });
}

function event(name: string, namespace: string, involvedObject: JsonObject): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name, namespace },
    involvedObject: { apiVersion: "v1", ...involvedObject },
    type: "Normal",
    reason: "IPAllocated",
    message: "192.0.2.1",
    count: 1,
    firstTimestamp: "2026-01-01T00:00:00Z",
    lastTimestamp: "2026-01-01T00:00:00Z",
    source: { component: "conformance" },
  };
}
