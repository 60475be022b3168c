import assert from "node:assert/strict";
import { test } from "node:test";
import { at, type Json, listAt, objectAt, textAt } from "../../lab/kube/json.ts";
import {
  assertFailure,
  createService,
  get,
  makeNamespace,
  resourceVersion,
  servicesPath,
} from "./objects.ts";
import { type Answer, ask, mergePatch, strategicPatch, type Target } from "./target.ts";

const ingress = { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } };

/** What writing a Service's status does, and what it leaves alone. */
export function statusConformance(target: () => Target): void {
  test("a written address gets ipMode VIP when the writer says none", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const answer = await patchStatus(target(), namespace, { status: ingress });
    assert.equal(answer.status, 200);
    const written = { loadBalancer: { ingress: [{ ip: "192.0.2.1", ipMode: "VIP" }] } };
    assert.deepEqual(at(answer.body, "status"), written);
  });

  test("writing the same status again changes nothing", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const first = await patchStatus(target(), namespace, { status: ingress });
    const second = await patchStatus(target(), namespace, { status: ingress });
    assert.equal(resourceVersion(second.body), resourceVersion(first.body));
  });

  test("a patch of the status carries annotations along, but no spec", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace);
    const answer = await patchStatus(target(), namespace, {
      metadata: { annotations: { a: "b" } },
      spec: { externalTrafficPolicy: "Local" },
      status: ingress,
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(at(answer.body, "spec"), at(made, "spec"));
    assert.deepEqual(at(answer.body, "metadata", "annotations"), { a: "b" });
  });

  test("a patch of the Service itself does not touch the status", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const answer = await ask(target(), "PATCH", servicesPath(namespace, "web"), {
      body: { metadata: { annotations: { a: "b" } }, status: ingress },
      contentType: mergePatch,
    });
    assert.equal(answer.status, 200);
    assert.deepEqual(at(answer.body, "status"), { loadBalancer: {} });
  });

  test("an update of the status keeps the rest of the object", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace);
    const answer = await ask(target(), "PUT", servicesPath(namespace, "web", "status"), {
      body: {
        ...made,
        spec: { ...objectAt(made, "spec"), externalTrafficPolicy: "Local" },
        status: ingress,
      },
    });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    assert.deepEqual(at(answer.body, "spec"), at(made, "spec"));
    assert.equal(listAt(answer.body, "status", "loadBalancer", "ingress").length, 1);
  });

  test("an old resourceVersion is a conflict and writes nothing", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace);
    await ask(target(), "PATCH", servicesPath(namespace, "web"), {
      body: { metadata: { labels: { a: "b" } } },
      contentType: mergePatch,
    });
    const answer = await patchStatus(target(), namespace, {
      metadata: { resourceVersion: resourceVersion(made) },
      status: ingress,
    });
    assertFailure(answer, 409, "Conflict");
    const { status } = await get(target(), servicesPath(namespace, "web"));
    assert.deepEqual(status, { loadBalancer: {} });
  });

  test("conditions of several writers live together under a strategic merge patch", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const path = servicesPath(namespace, "web", "status");
    const contentType = strategicPatch;
    for (const type of ["example.com/A", "example.com/B"]) {
      const body = { status: { conditions: [condition(type)] } };
      assert.equal((await ask(target(), "PATCH", path, { body, contentType })).status, 200);
    }
    const { status } = await get(target(), servicesPath(namespace, "web"));
    const types = listAt(status, "conditions").map((entry) => textAt(entry, "type"));
    assert.deepEqual(new Set(types), new Set(["example.com/A", "example.com/B"]));
  });

  test("a merge patch of conditions replaces the list", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    for (const type of ["example.com/A", "example.com/B"]) {
      await patchStatus(target(), namespace, { status: { conditions: [condition(type)] } });
    }
    const { status } = await get(target(), servicesPath(namespace, "web"));
    assert.deepEqual(
      listAt(status, "conditions").map((entry) => textAt(entry, "type")),
      ["example.com/B"],
    );
  });

  test("text that is no address is refused", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const status = { loadBalancer: { ingress: [{ ip: "192.0.2.300" }] } };
    assertFailure(await patchStatus(target(), namespace, { status }), 422, "Invalid");
  });

  test("an address on a Service that is no LoadBalancer is refused", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace, { type: "ClusterIP" });
    assertFailure(await patchStatus(target(), namespace, { status: ingress }), 422, "Invalid");
  });

  test("the status of a Service that does not exist is NotFound", async () => {
    const namespace = await makeNamespace(target());
    assertFailure(await patchStatus(target(), namespace, { status: ingress }), 404, "NotFound");
  });

  test("managedFields name who wrote the status", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const path = servicesPath(namespace, "web", "status");
    const write = { body: { status: ingress }, contentType: mergePatch };
    await ask(target(), "PATCH", path, { ...write, userAgent: "some-controller/v1.2 (linux)" });
    const { metadata } = await get(target(), servicesPath(namespace, "web"));
    const entry = listAt(metadata, "managedFields").find(
      (candidate) => textAt(candidate, "subresource") === "status",
    );
    assert.equal(textAt(entry, "manager"), "some-controller");
    assert.equal(textAt(entry, "operation"), "Update");
    assert.ok(at(entry, "fieldsV1", "f:status", "f:loadBalancer", "f:ingress"));
  });
}

function condition(type: string) {
  return {
    type,
    status: "True",
    reason: "Given",
    message: "",
    lastTransitionTime: "2026-01-01T00:00:00Z",
  };
}

async function patchStatus(target: Target, namespace: string, body: Json): Promise<Answer> {
  const path = servicesPath(namespace, "web", "status");
  return ask(target, "PATCH", path, { body, contentType: mergePatch });
}
