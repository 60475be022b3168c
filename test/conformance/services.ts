import assert from "node:assert/strict";
import { test } from "node:test";
import { at, type JsonObject, listAt, numberAt, objectAt, textAt } from "../../lab/kube/json.ts";
import {
  assertFailure,
  createService,
  get,
  loadBalancer,
  makeNamespace,
  resourceVersion,
  servicesPath,
} from "./objects.ts";
import { ask, jsonPatch, mergePatch, type Target } from "./target.ts";

/** What a Service becomes when it is created, changed and refused. */
export function servicesConformance(target: () => Target): void {
  test("a LoadBalancer Service gets its defaults, a ClusterIP and a node port", async () => {
    const namespace = await makeNamespace(target());
    const { spec, status, metadata } = await createService(target(), namespace);
    const nodePort = numberAt(listAt(spec, "ports")[0], "nodePort") ?? 0;
    assert.ok(nodePort >= 30000 && nodePort <= 32767, `${nodePort}`);
    const clusterIP = textAt(spec, "clusterIP") ?? "";
    assert.match(clusterIP, /^10\.96\./);
    assert.deepEqual(spec, {
      allocateLoadBalancerNodePorts: true,
      clusterIP,
      clusterIPs: [clusterIP],
      externalTrafficPolicy: "Cluster",
      internalTrafficPolicy: "Cluster",
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      ports: [{ nodePort, port: 80, protocol: "TCP", targetPort: 80 }],
      selector: { app: "web" },
      sessionAffinity: "None",
      type: "LoadBalancer",
    });
    assert.deepEqual(status, { loadBalancer: {} });
    assert.match(textAt(metadata, "uid") ?? "", /^[0-9a-f-]{36}$/);
    assert.match(textAt(metadata, "creationTimestamp") ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    assert.equal(numberAt(metadata, "generation"), undefined);
  });

  test("a Local Service gets a health check node port, and loses it with the policy", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace, { externalTrafficPolicy: "Local" });
    const port = numberAt(made, "spec", "healthCheckNodePort") ?? 0;
    assert.ok(port >= 30000 && port <= 32767, `${port}`);
    const changed = await ask(target(), "PATCH", servicesPath(namespace, "web"), {
      body: { spec: { externalTrafficPolicy: "Cluster" } },
      contentType: mergePatch,
    });
    assert.equal(at(changed.body, "spec", "healthCheckNodePort"), undefined);
  });

  test("without allocateLoadBalancerNodePorts there is no node port", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace, { allocateLoadBalancerNodePorts: false });
    assert.deepEqual(listAt(made, "spec", "ports"), [
      { port: 80, protocol: "TCP", targetPort: 80 },
    ]);
  });

  test("a Service that becomes a ClusterIP loses its ingress addresses and its node port", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const path = servicesPath(namespace, "web");
    const given = await ask(target(), "PATCH", `${path}/status`, {
      body: { status: { loadBalancer: { ingress: [{ ip: "192.0.2.1" }] } } },
      contentType: mergePatch,
    });
    assert.equal(given.status, 200);
    const changed = await ask(target(), "PATCH", path, {
      body: { spec: { type: "ClusterIP" } },
      contentType: mergePatch,
    });
    assert.equal(changed.status, 200);
    const { spec, status } = await get(target(), path);
    assert.deepEqual(status, { loadBalancer: {} });
    assert.deepEqual(listAt(spec, "ports"), [{ port: 80, protocol: "TCP", targetPort: 80 }]);
    assert.equal(at(spec, "externalTrafficPolicy"), undefined);
    assert.equal(at(spec, "allocateLoadBalancerNodePorts"), undefined);
  });

  for (const [what, spec] of unacceptable) {
    test(`refused as invalid: ${what}`, async () => {
      const namespace = await makeNamespace(target());
      const body = loadBalancer("web", spec);
      const answer = await ask(target(), "POST", servicesPath(namespace), { body });
      assertFailure(answer, 422, "Invalid");
      assert.ok(listAt(answer.body, "details", "causes").length > 0);
    });
  }

  test("loadBalancerClass cannot be changed once it is set", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace, { loadBalancerClass: "example.com/a" });
    const answer = await ask(target(), "PATCH", servicesPath(namespace, "web"), {
      body: { spec: { loadBalancerClass: "example.com/b" } },
      contentType: mergePatch,
    });
    assertFailure(answer, 422, "Invalid");
  });

  test("creating what exists is a conflict that says AlreadyExists", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const body = loadBalancer("web");
    const answer = await ask(target(), "POST", servicesPath(namespace), { body });
    assertFailure(answer, 409, "AlreadyExists");
    assert.equal(textAt(answer.body, "message"), 'services "web" already exists');
    assert.deepEqual(objectAt(answer.body, "details"), { kind: "services", name: "web" });
  });

  test("what does not exist is a NotFound that names it", async () => {
    const namespace = await makeNamespace(target());
    const answer = await ask(target(), "GET", servicesPath(namespace, "absent"));
    assertFailure(answer, 404, "NotFound");
    assert.equal(textAt(answer.body, "message"), 'services "absent" not found');
    const body = loadBalancer("web");
    const elsewhere = await ask(target(), "POST", servicesPath("no-such-namespace"), { body });
    assertFailure(elsewhere, 404, "NotFound");
    assert.equal(textAt(elsewhere.body, "message"), 'namespaces "no-such-namespace" not found');
  });

  test("an update or a patch with an old resourceVersion is a conflict", async () => {
    const namespace = await makeNamespace(target());
    const path = servicesPath(namespace, "web");
    const old = await createService(target(), namespace);
    const label = { body: { metadata: { labels: { a: "b" } } }, contentType: mergePatch };
    assert.equal((await ask(target(), "PATCH", path, label)).status, 200);
    const updated = await ask(target(), "PUT", path, { body: old });
    assertFailure(updated, 409, "Conflict");
    assert.match(textAt(updated.body, "message") ?? "", /the object has been modified/);
    const body = { metadata: { resourceVersion: resourceVersion(old), labels: { a: "c" } } };
    const patched = await ask(target(), "PATCH", path, { body, contentType: mergePatch });
    assertFailure(patched, 409, "Conflict");
  });

  test("a patch that changes nothing leaves the resourceVersion as it is", async () => {
    const namespace = await makeNamespace(target());
    const made = await createService(target(), namespace);
    const answer = await ask(target(), "PATCH", servicesPath(namespace, "web"), {
      body: { spec: { externalTrafficPolicy: "Cluster" } },
      contentType: mergePatch,
    });
    assert.equal(resourceVersion(answer.body), resourceVersion(made));
  });

  test("a JSON patch whose test fails changes nothing", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const answer = await ask(target(), "PATCH", servicesPath(namespace, "web"), {
      body: [
        { op: "test", path: "/spec/type", value: "NodePort" },
        { op: "replace", path: "/spec/type", value: "ClusterIP" },
      ],
      contentType: jsonPatch,
    });
    assertFailure(answer, 422, "Invalid");
  });

  test("a dry run answers as if it were real and leaves nothing", async () => {
    const namespace = await makeNamespace(target());
    const body = loadBalancer("web");
    const answer = await ask(target(), "POST", `${servicesPath(namespace)}?dryRun=All`, { body });
    assert.equal(answer.status, 201);
    assertFailure(await ask(target(), "GET", servicesPath(namespace, "web")), 404, "NotFound");
  });

  test("deleting answers with the Status of success, and a finalizer holds the object", async () => {
    const namespace = await makeNamespace(target());
    await createService(target(), namespace);
    const path = servicesPath(namespace, "web");
    const hold = { metadata: { finalizers: ["example.com/hold"] } };
    await ask(target(), "PATCH", path, { body: hold, contentType: mergePatch });
    const held = await ask(target(), "DELETE", path);
    assert.equal(held.status, 200);
    assert.ok(at(await get(target(), path), "metadata", "deletionTimestamp"));
    const release = { metadata: { finalizers: null } };
    assert.equal(
      (await ask(target(), "PATCH", path, { body: release, contentType: mergePatch })).status,
      200,
    );
    assertFailure(await ask(target(), "GET", path), 404, "NotFound");
  });
}

/** Specs that users write by mistake. */
const unacceptable: readonly (readonly [string, JsonObject])[] = [
  ["no ports", { ports: [] }],
  ["a port beyond 65535", { ports: [{ port: 70000 }] }],
  ["several ports without names", { ports: [{ port: 80 }, { port: 443 }] }],
  [
    "one port twice",
    {
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    },
  ],
  ["a type that does not exist", { type: "Balancer" }],
  ["a traffic policy that does not exist", { externalTrafficPolicy: "Near" }],
  ["externalTrafficPolicy on a ClusterIP", { type: "ClusterIP", externalTrafficPolicy: "Local" }],
  ["loadBalancerClass on a ClusterIP", { type: "ClusterIP", loadBalancerClass: "example.com/a" }],
  ["a node port outside the range", { ports: [{ port: 80, nodePort: 80 }] }],
  ["dual stack demanded of a single-stack cluster", { ipFamilyPolicy: "RequireDualStack" }],
];
