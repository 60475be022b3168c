import assert from "node:assert/strict";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { attempt } from "../../lab/command.ts";
import { listAt, textAt } from "../../lab/kube/json.ts";
import { buildProgram } from "../../lab/program.ts";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import { manifestPath } from "../../lab/service-manifest.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import { waitFor } from "../../lab/wait.ts";
import { Cluster } from "./cluster.ts";
import { followers, sumOfMetric } from "./faults.ts";
import { makeReachableService, serviceAddresses } from "./services.ts";
import { underRequests } from "./stream.ts";

const { serviceAddress } = scenario;
const configMaps = "/api/v1/namespaces/routelb-system/configmaps";
const workers = workerNodes.map(({ address }) => address);
const newImage = "routelb:next";
let started: { readonly cluster: Cluster; readonly folder: string } | undefined;

function cluster(): Cluster {
  assert.ok(started, "the cluster did not start");
  return started.cluster;
}

/**
 * An older program: this one's bundle, in which the key `import-limit` was taken out of the list of
 * keys that a peer may have. All else of it is as it is.
 */
async function buildOlderProgram(folder: string): Promise<string> {
  await chmod(folder, 0o755);
  const program = await buildProgram(folder);
  const bundle = await readFile(program, "utf8");
  const parts = bundle.split('"import-limit","link-bandwidth"');
  assert.equal(parts.length, 2, "the list of a peer's keys is not where it was");
  await writeFile(program, parts.join('"link-bandwidth"'));
  return program;
}

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-older-"));
  const program = await buildOlderProgram(folder);
  const { version } = JSON.parse(await readFile("package.json", "utf8"));
  const opened = await Cluster.start({
    id: "upgrade",
    proxyMode: "nftables",
    images: { [`routelb:${version}`]: program },
  });
  started = { cluster: opened, folder };
  const { kubectl } = opened.lab;
  await kubectl.run("-n", "routelb-system", "scale", "deployment/controller", "--replicas=2");
  await kubectl.run("create", "-f", manifestPath("nginx"));
  await awaitGateways(opened.lab, serviceAddress, workers);
});

after(async () => {
  await started?.cluster[Symbol.asyncDispose]();
  if (started !== undefined) await rm(started.folder, { recursive: true });
});

/** Gives a workload the new image and waits until no Pod of the old one is left. */
async function upgrade(workload: string, container: string): Promise<void> {
  const { kubectl } = cluster().lab;
  const namespace = ["-n", "routelb-system"];
  await kubectl.run(...namespace, "set", "image", workload, `${container}=${newImage}`);
  await waitFor(
    async () => {
      await kubectl.run(...namespace, "rollout", "status", workload, "--timeout=25s");
      return true;
    },
    { what: `${workload} is new`, timeoutMs: 180_000 },
  );
}

async function images(container: string): Promise<readonly string[]> {
  const list = await cluster().lab.api.get("/api/v1/namespaces/routelb-system/pods");
  return listAt(list, "items")
    .map((pod) => listAt(pod, "spec", "containers")[0])
    .filter((one) => textAt(one, "name") === container)
    .map((one) => textAt(one, "image") ?? "");
}

async function staleSpeakers(): Promise<number> {
  const those = (await followers(cluster())).filter(({ name }) => name.startsWith("speaker"));
  const texts = await Promise.all(those.map(({ metrics }) => metrics()));
  return texts.filter((text) => sumOfMetric(text, "routelb_k8s_client_config_stale_bool") === 1)
    .length;
}

test("a rolling update of the controllers, under requests: nothing changes, and addresses are given on", async (context) => {
  await cluster().look(context, async () => {
    const before = await serviceAddresses(cluster());
    const stream = await underRequests(cluster(), [serviceAddress], () =>
      upgrade("deployment/controller", "controller"),
    );
    assert.equal(stream.changes, 0, stream.told);
    assert.deepEqual(await images("controller"), [newImage, newImage]);
    assert.deepEqual(await serviceAddresses(cluster()), before);
    const { address } = await makeReachableService(cluster(), "after-upgrade");
    assert.notEqual(address, serviceAddress);
    return stream.told;
  });
});

test("a key that only the new controller knows: old speakers, also restarted ones, keep their routes", async (context) => {
  await cluster().look(context, async () => {
    const { lab } = cluster();
    const text = textAt(await lab.api.get(`${configMaps}/config`), "data", "config") ?? "";
    const newer = text.replace("my-asn: 64522", "my-asn: 64522\n  import-limit: 1000");
    assert.notEqual(newer, text);
    await assertOnlyNewKnows(newer);
    const addresses = [...(await serviceAddresses(cluster())).values()];
    const stream = await underRequests(cluster(), [serviceAddress], async () => {
      await lab.api.patch(`${configMaps}/config`, { data: { config: newer } });
      await waitFor(
        async () => {
          const inForce = await lab.api.get(`${configMaps}/config-in-force`);
          const kept = [textAt(inForce, "data", "config"), textAt(inForce, "data", "previous")];
          return (kept[0] === newer && kept[1] === text) || undefined;
        },
        { what: "the controller accepted the text", timeoutMs: 60_000 },
      );
      await waitFor(async () => (await staleSpeakers()) === 3 || undefined, {
        what: "three speakers cannot read it",
        timeoutMs: 60_000,
        intervalMs: 300,
      });
      await restartSpeaker("node1");
      assert.equal(await staleSpeakers(), 3);
      for (const address of addresses) await awaitGateways(lab, address, workers);
    });
    assert.equal(stream.changes, 0, stream.told);
    return stream.told;
  });
});

test("a rolling update of the speakers, under requests: the router's kernel does not notice", async (context) => {
  await cluster().look(context, async () => {
    const stream = await underRequests(cluster(), [serviceAddress], () =>
      upgrade("daemonset/speaker", "speaker"),
    );
    assert.equal(stream.changes, 0, stream.told);
    assert.deepEqual(await images("speaker"), [newImage, newImage, newImage]);
    assert.equal(await staleSpeakers(), 0, "the new ones read the text");
    assert.equal((await cluster().lab.establishedPeers()).length, 3);
    return stream.told;
  });
});

/** The two programs differ in what they say of `text`, and in that key only. */
async function assertOnlyNewKnows(text: string): Promise<void> {
  const file = cluster().lab.instance.path("newer.yaml");
  await writeFile(file, text);
  const lint = (program: string) => attempt(process.execPath, [program, "lint", file]);
  const older = await lint(join(started?.folder ?? "", "routelb.js"));
  assert.match(older.text, /peers\[0\]\.import-limit: unknown key/);
  const newer = await lint(cluster().lab.instance.path("program", "routelb.js"));
  assert.equal(newer.text, "");
}

/** Deletes a node's speaker and waits for the next one, of the same old image, to be ready. */
async function restartSpeaker(node: string): Promise<void> {
  const { api, kubectl } = cluster().lab;
  const selector = `labelSelector=app.kubernetes.io%2Fcomponent%3Dspeaker&fieldSelector=spec.nodeName%3D${node}`;
  const pods = async () =>
    listAt(await api.get(`/api/v1/namespaces/routelb-system/pods?${selector}`), "items");
  const [old] = await pods();
  const oldName = textAt(old, "metadata", "name") ?? "";
  await kubectl.run("-n", "routelb-system", "delete", "pod", oldName);
  await waitFor(
    async () => {
      const [next] = await pods();
      const isReady = listAt(next, "status", "conditions").some(
        (one) => textAt(one, "type") === "Ready" && textAt(one, "status") === "True",
      );
      return (textAt(next, "metadata", "name") !== oldName && isReady) || undefined;
    },
    { what: `the next speaker of ${node} is ready`, timeoutMs: 90_000, intervalMs: 200 },
  );
}
