import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { after, before, test } from "node:test";
import { ApiError } from "../../lab/api-client.ts";
import { type Json, type JsonObject, listAt, objectAt, textAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import { deployFolder, ofKind, readManifests, shippedManifests } from "../deploy/manifests.ts";
import { BareCluster } from "./bare-cluster.ts";

let started: BareCluster | undefined;

function cluster(): BareCluster {
  assert.ok(started, "the control plane did not start");
  return started;
}

before(async () => {
  started = await BareCluster.start("deploy");
});

after(() => started?.[Symbol.asyncDispose]());

/** Validation by the server, which takes no field that it does not know. */
const strictly = ["apply", "--server-side", "--validate=strict"];
const overlay = (name: string): string => join(deployFolder, "overlays", name);

test("deploy/routelb.yaml is what the kustomization makes", async () => {
  const rendered = await cluster().kubectl.run("kustomize", deployFolder);
  assert.equal(
    readFileSync(join(deployFolder, "routelb.yaml"), "utf8"),
    rendered,
    "out of date: kubectl kustomize deploy > deploy/routelb.yaml",
  );
});

test("the real API server takes all manifests, strictly, and again without a change", async () => {
  const { kubectl } = cluster();
  const file = join(deployFolder, "routelb.yaml");
  const said = await kubectl.run(...strictly, "-f", file);
  assert.equal(said.trim().split("\n").length, shippedManifests().length);
  assert.equal(await kubectl.run("diff", "--server-side", "-f", file), "");
  await kubectl.run(...strictly, "-f", join(deployFolder, "examples/config.yaml"));
});

for (const name of ["lb-class", "monitoring"]) {
  test(`overlay ${name}: taken strictly`, async () => {
    await cluster().kubectl.run(...strictly, "--force-conflicts", "-k", overlay(name));
  });
}

test("overlay lb-class: both daemons are told the class", async () => {
  const objects = readManifests(await cluster().kubectl.run("kustomize", overlay("lb-class")));
  for (const kind of ["Deployment", "DaemonSet"]) {
    const [container] = listAt(ofKind(objects, kind)[0], "spec", "template", "spec", "containers");
    const names = listAt(container, "env").map((one) => textAt(one, "name"));
    assert.ok(names.includes("ROUTELB_LB_CLASS"), names.join());
  }
});

test("overlay in-metallb-system: beside MetalLB's own objects, whose names stay free", async () => {
  const { kubectl, api } = cluster();
  const objects = readManifests(await kubectl.run("kustomize", overlay("in-metallb-system")));
  assert.deepEqual(ofKind(objects, "Namespace"), []);
  const elsewhere = objects.filter(
    (one) =>
      !["metallb-system", "default", undefined].includes(textAt(one, "metadata", "namespace")),
  );
  assert.deepEqual(elsewhere, []);
  for (const kind of ["Deployment", "DaemonSet", "ServiceAccount"]) {
    for (const one of ofKind(objects, kind)) {
      assert.match(textAt(one, "metadata", "name") ?? "", /^routelb-/);
    }
  }
  await api.create("/api/v1/namespaces", namespaceObject("metallb-system", "privileged"));
  await kubectl.run(...strictly, "--force-conflicts", "-k", overlay("in-metallb-system"));
  const may = (...what: readonly string[]) =>
    kubectl.run(
      "auth",
      "can-i",
      ...what,
      "--as=system:serviceaccount:metallb-system:routelb-speaker",
    );
  assert.equal((await may("create", "events", "-n", "default")).trim(), "yes");
  assert.equal((await may("watch", "configmaps/config", "-n", "metallb-system")).trim(), "yes");
});

test("all components together make one deployment in metallb-system", async () => {
  // kustomize takes components by relative paths only.
  const folder = await mkdtemp("/tmp/routelb-components-");
  try {
    const component = (name: string) => relative(folder, join(deployFolder, "components", name));
    const kustomization = {
      resources: [relative(folder, join(deployFolder, "base"))],
      components: ["monitoring", "lb-class", "in-metallb-system"].map(component),
      images: [{ name: "routelb", newName: "registry.example/routelb", newTag: "1" }],
    };
    await writeFile(join(folder, "kustomization.yaml"), JSON.stringify(kustomization));
    const objects = readManifests(await cluster().kubectl.run("kustomize", folder));
    const alerts = ofKind(objects, "ConfigMap")[0];
    assert.equal(textAt(alerts, "metadata", "namespace"), "metallb-system");
    assert.ok(textAt(alerts, "data", "routelb.rules.yaml")?.includes("RouteLBStaleConfig"));
    const spec = objectAt(ofKind(objects, "DaemonSet")[0], "spec", "template", "spec");
    assert.equal(textAt(listAt(spec, "containers")[0], "image"), "registry.example/routelb:1");
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("Pod Security: the controller is fit for `restricted`; the speaker but for its network", async () => {
  const { api } = cluster();
  await api.create("/api/v1/namespaces", namespaceObject("strict", "restricted"));
  await api.create("/api/v1/namespaces/strict/serviceaccounts", serviceAccount("controller"));
  await api.create("/api/v1/namespaces/strict/serviceaccounts", serviceAccount("speaker"));
  const pods = "/api/v1/namespaces/strict/pods?dryRun=All";
  await api.create(pods, podOf("Deployment"));
  await assert.rejects(api.create(pods, podOf("DaemonSet")), (error) => {
    assert.ok(error instanceof ApiError);
    assert.equal(error.status, 403);
    const [, violations = ""] =
      /violates PodSecurity "restricted:latest": (.*)$/.exec(error.message) ?? [];
    assert.equal(
      violations,
      'host namespaces (hostNetwork=true), hostPort (container "speaker" uses hostPort 7472)',
    );
    return true;
  });
});

test("kubectl delete -k deploy: what it installed is gone, with its namespace, and nothing else", async () => {
  const { kubectl, api } = cluster();
  await api.create("/api/v1/namespaces/default/services", loadBalancer("theirs"));
  const service = "/api/v1/namespaces/default/services/theirs";
  const given = { status: { loadBalancer: { ingress: [{ ip: "172.16.7.192" }] } } };
  await api.patch(`${service}/status`, given);
  await kubectl.run(...strictly, "--force-conflicts", "-k", deployFolder);
  const before = await inventory();
  const installed = new Set(shippedManifests().map(identity));
  const namespaceId = "Namespace - routelb-system";
  assert.deepEqual(
    [...installed].filter((id) => !before.includes(id)),
    [],
  );
  const kept = await api.get(service);
  await kubectl.run("delete", "-k", deployFolder, "--ignore-not-found", "--wait=false");
  await waitFor(async () => !(await inventory()).includes(namespaceId) || undefined, {
    what: "the namespace is gone",
    timeoutMs: 180_000,
    intervalMs: 500,
  });
  const isOurs = (id: string) => installed.has(id) || id.split(" ")[1] === "routelb-system";
  assert.deepEqual(
    await inventory(),
    before.filter((id) => !isOurs(id)),
  );
  assert.deepEqual(await api.get(service), kept);
});

/** Every object of the kinds that we install or that a user has beside them, in order. */
async function inventory(): Promise<readonly string[]> {
  const shipped = shippedManifests().map((object) => textAt(object, "kind") ?? "");
  const names = [...new Set([...shipped, "ConfigMap", "Secret", "Service"])].join();
  const list = JSON.parse(await cluster().kubectl.run("get", names, "-A", "-o", "json"));
  return listAt(list, "items").map(identity).toSorted();
}

/** `Role routelb-system speaker`; of what has no namespace: `ClusterRole - routelb-speaker`. */
function identity(object: Json): string {
  const [namespace = "-", name] = ["namespace", "name"].map((key) =>
    textAt(object, "metadata", key),
  );
  return [textAt(object, "kind"), namespace, name].join(" ");
}

function loadBalancer(name: string): JsonObject {
  const spec = { type: "LoadBalancer", ports: [{ port: 80 }] };
  return { apiVersion: "v1", kind: "Service", metadata: { name }, spec };
}

function namespaceObject(name: string, level: string): JsonObject {
  const labels = { "pod-security.kubernetes.io/enforce": level };
  return { apiVersion: "v1", kind: "Namespace", metadata: { name, labels } };
}

function serviceAccount(name: string): JsonObject {
  return { apiVersion: "v1", kind: "ServiceAccount", metadata: { name } };
}

/** The Pod that a workload makes. */
function podOf(kind: "Deployment" | "DaemonSet"): JsonObject {
  const [workload] = ofKind(shippedManifests(), kind);
  const spec = objectAt(workload, "spec", "template", "spec");
  return { apiVersion: "v1", kind: "Pod", metadata: { name: "one" }, spec };
}
