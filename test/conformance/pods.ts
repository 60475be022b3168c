import assert from "node:assert/strict";
import { test } from "node:test";
import { at, type JsonObject, listAt, numberAt, textAt } from "../../lab/kube/json.ts";
import { assertFailure, create, get, makeNamespace } from "./objects.ts";
import { ask, mergePatch, strategicPatch, type Target } from "./target.ts";

/** What a kubelet may count on. */
export function podsConformance(target: () => Target): void {
  test("a bound Pod that is deleted waits for its kubelet's final delete", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(
      target(),
      path,
      pod("web", { nodeName: "no-node", terminationGracePeriodSeconds: 7 }),
    );
    const deleted = await ask(target(), "DELETE", `${path}/web`);
    assert.equal(deleted.status, 200);
    assert.equal(textAt(deleted.body, "kind"), "Pod");
    const { metadata } = await get(target(), `${path}/web`);
    assert.equal(numberAt(metadata, "deletionGracePeriodSeconds"), 7);
    assert.ok(textAt(metadata, "deletionTimestamp"));
    const final = await ask(target(), "DELETE", `${path}/web`, { body: { gracePeriodSeconds: 0 } });
    assert.equal(final.status, 200);
    assertFailure(await ask(target(), "GET", `${path}/web`), 404, "NotFound");
  });

  test("a Pod that no node has is deleted at once", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(target(), path, pod("web", { nodeSelector: { nowhere: "at-all" } }));
    assert.equal((await ask(target(), "DELETE", `${path}/web`)).status, 200);
    assertFailure(await ask(target(), "GET", `${path}/web`), 404, "NotFound");
  });

  test("a final delete with the UID of an earlier Pod of that name is a conflict", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(target(), path, pod("web", { nodeName: "no-node" }));
    const body = { gracePeriodSeconds: 0, preconditions: { uid: "another" } };
    const answer = await ask(target(), "DELETE", `${path}/web`, { body });
    assertFailure(answer, 409, "Conflict");
  });

  test("a Pod's status is written by patch, conditions merged by type", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const made = await create(target(), path, pod("web", { nodeName: "no-node" }));
    assert.equal(textAt(made, "status", "phase"), "Pending");
    for (const type of ["Initialized", "Ready"]) {
      const conditions = [{ type, status: "True" }];
      const body = {
        status: {
          phase: "Running",
          podIP: "10.244.1.2",
          podIPs: [{ ip: "10.244.1.2" }],
          conditions,
        },
      };
      const contentType = strategicPatch;
      const answer = await ask(target(), "PATCH", `${path}/web/status`, { body, contentType });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
    }
    const { status } = await get(target(), `${path}/web`);
    assert.equal(textAt(status, "podIP"), "10.244.1.2");
    assert.deepEqual(at(status, "podIPs"), [{ ip: "10.244.1.2" }]);
  });

  test("a Pod whose address changes says so by replacing the list, which a patch else joins", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(target(), path, pod("web", { nodeName: "no-node" }));
    const patchAddresses = (podIP: string, podIPs: readonly JsonObject[]) =>
      ask(target(), "PATCH", `${path}/web/status`, {
        body: { status: { podIP, podIPs } },
        contentType: strategicPatch,
      });
    assert.equal((await patchAddresses("10.244.1.2", [{ ip: "10.244.1.2" }])).status, 200);
    const joined = await patchAddresses("10.244.1.3", [{ ip: "10.244.1.3" }]);
    assertFailure(joined, 422, "Invalid");
    assert.match(
      textAt(joined.body, "message") ?? "",
      /: may specify no more than one IP for each IP family$/,
    );
    const addresses = [{ $patch: "replace" }, { ip: "10.244.1.3" }];
    assert.equal((await patchAddresses("10.244.1.3", addresses)).status, 200);
    const { status } = await get(target(), `${path}/web`);
    assert.deepEqual(at(status, "podIPs"), [{ ip: "10.244.1.3" }]);
  });

  test("a Pod's network cannot be changed", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(target(), path, pod("web", { nodeName: "no-node" }));
    const answer = await ask(target(), "PATCH", `${path}/web`, {
      body: { spec: { hostNetwork: true } },
      contentType: mergePatch,
    });
    assertFailure(answer, 422, "Invalid");
  });

  test("Pods are found by the node that they are bound to", async () => {
    const namespace = await makeNamespace(target());
    const path = `/api/v1/namespaces/${namespace}/pods`;
    await create(target(), path, pod("a", { nodeName: "no-node" }));
    await create(target(), path, pod("b", { nodeName: "other-node" }));
    const list = await get(target(), `${path}?fieldSelector=spec.nodeName%3Dno-node`);
    assert.deepEqual(
      listAt(list, "items").map((item) => textAt(item, "metadata", "name")),
      ["a"],
    );
  });
}

function pod(name: string, spec: JsonObject): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "web", image: "nginx" }], ...spec },
  };
}
