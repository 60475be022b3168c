import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startApiServer } from "../../lab/kube/server.ts";
import type { Service } from "../../src/cluster/service.ts";
import { isConflict, isNotFound } from "../../src/kube/client.ts";
import { Comeback } from "../../src/kube/comeback.ts";
import { connectKubeApi } from "../../src/kube/connect.ts";
import { projectService } from "../../src/kube/project.ts";
import { Reflector } from "../../src/kube/reflector.ts";
import { resources } from "../../src/kube/resource.ts";
import { Store } from "../../src/kube/store.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { recordingLogger } from "../support/recording-logger.ts";

const limits = { timeout: 30_000 };

function service(name: string): {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace: string };
  spec: { type: string; ports: { port: number }[] };
} {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }] },
  };
}

async function setUp(t: TestContext, names: readonly string[] = []) {
  const folder = await mkdtemp(join(tmpdir(), "routelb-test-"));
  const tokenFile = join(folder, "tokens");
  await writeFile(tokenFile, "first\n");
  const server = await startApiServer({ tokenFile });
  const kubeconfigPath = join(folder, "kubeconfig");
  const writeKubeconfig = (token: string) =>
    writeFile(
      kubeconfigPath,
      JSON.stringify({
        "current-context": "lab",
        contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
        clusters: [{ name: "lab", cluster: { server: server.url } }],
        users: [{ name: "lab", user: { token } }],
      }),
    );
  await writeKubeconfig("first");
  for (const name of names) {
    server.objects.create(service(name));
  }
  const clock = new ManualClock();
  const api = connectKubeApi({ kubeconfigPath, fieldManager: "routelb-controller", clock });
  const store = new Store<Service>();
  const missing: string[] = [];
  store.onChange((change) => {
    if (change.source === "list") {
      missing.push(...change.missing.keys());
    }
  });
  const reflector = new Reflector({
    api,
    resource: resources.services,
    project: projectService,
    store,
    clock,
    random: () => 1,
    logger: recordingLogger(),
    comeback: new Comeback(),
  });
  const stop = new AbortController();
  const ended = reflector.run(stop.signal);
  t.after(async () => {
    stop.abort();
    await ended;
    await server.close();
    await rm(folder, { recursive: true });
  });
  const rotate = async (token: string) => {
    await writeFile(tokenFile, `${token}\n`);
    await writeKubeconfig(token);
  };
  return { server, clock, api, store, missing, rotate };
}

/** Resolves when the Store is as wanted. */
function until(store: Store<Service>, isWanted: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (isWanted()) {
        end();
        resolve();
      }
    };
    const end = store.onChange(look);
    look();
  });
}

test("what kubectl does to Services is seen", limits, async (t) => {
  const { server, store } = await setUp(t, ["a"]);
  await until(store, () => store.entries.has("default/a"));
  server.objects.create(service("b"));
  await until(store, () => store.entries.size === 2);
  server.objects.delete("services", "default/a");
  await until(store, () => store.entries.size === 1);
  assert.equal(store.entries.get("default/b")?.type, "LoadBalancer");
});

test("our own status patch is in the Store with its answer, and stays", limits, async (t) => {
  const { server, api, store, clock } = await setUp(t, ["a"]);
  await until(store, () => store.isSynced);
  await clock.timerOf(120_000);
  server.watches.silence();
  const before = store.entries.get("default/a");
  const path = { resource: resources.services, namespace: "default", name: "a" };
  const patch = {
    metadata: { resourceVersion: before?.resourceVersion },
    status: { loadBalancer: { ingress: [{ ip: "172.16.7.192" }] } },
  };
  const answer = await api.patch({ ...path, subresource: "status" }, "merge", patch);
  store.applyOwnWrite("default/a", answer.metadata.resourceVersion, projectService(answer));
  const written = store.entries.get("default/a");
  assert.equal(written?.ingress[0]?.ip, "172.16.7.192");
  assert.equal(written?.ingressManager, "routelb-controller");
  await assert.rejects(api.patch({ ...path, subresource: "status" }, "merge", patch), isConflict);
  await assert.rejects(api.get({ ...path, name: "none" }), isNotFound);
  await clock.pass(120_000);
  await clock.pass(500);
  server.objects.create(service("b"));
  await until(store, () => store.entries.has("default/b"));
  assert.equal(store.entries.get("default/a"), written);
});

test("what happened while a stream was silent is caught up with", limits, async (t) => {
  const { server, store, clock } = await setUp(t, ["a", "b"]);
  await until(store, () => store.isSynced);
  await clock.timerOf(120_000);
  server.watches.silence();
  server.objects.delete("services", "default/a");
  server.objects.create(service("c"));
  await clock.pass(120_000);
  await clock.pass(500);
  await until(store, () => store.entries.has("default/c") && !store.entries.has("default/a"));
});

test("a server that restarts with another history is read anew", limits, async (t) => {
  const { server, store, clock, missing } = await setUp(t, ["a", "b", "c"]);
  await until(store, () => store.isSynced);
  await clock.timerOf(120_000);
  await server.stop();
  server.objects.delete("services", "default/b");
  server.objects.create(service("d"));
  server.compact();
  await server.start();
  await clock.pass(500);
  await clock.pass(500);
  await until(store, () => store.entries.has("default/d"));
  assert.deepEqual([...store.entries.keys()], ["default/a", "default/c", "default/d"]);
  assert.deepEqual(missing, ["default/b"]);
});

test("streams that break anywhere lose nothing", limits, async (t) => {
  const { server, store, clock } = await setUp(t);
  await until(store, () => store.isSynced);
  for (const how of ["half-line", "reset", "end"] as const) {
    await clock.timerOf(120_000);
    clock.advance(15_000);
    server.watches.cut(how);
    server.objects.create(service(how));
    if (how !== "end") {
      await clock.pass(500);
    }
    await until(store, () => store.entries.has(`default/${how}`));
  }
});

test("a token that is rotated is taken up without a gap", limits, async (t) => {
  const { server, store, clock, rotate } = await setUp(t, ["a"]);
  await until(store, () => store.isSynced);
  await clock.timerOf(120_000);
  clock.advance(15_000);
  await rotate("second");
  server.watches.cut("end");
  server.objects.create(service("b"));
  await until(store, () => store.entries.has("default/b"));
});

test("a list of several pages arrives whole", limits, async (t) => {
  const names = Array.from({ length: 1_100 }, (_, index) => `s${index}`);
  const { server, store } = await setUp(t, names);
  await until(store, () => store.isSynced);
  assert.equal(store.entries.size, 1_100);
  const lists = server.requests.filter(({ verb }) => verb === "list");
  assert.equal(lists.length, 11);
});
