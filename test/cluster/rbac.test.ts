import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { unusedGrants } from "../../lab/cluster/audit.ts";
import { textAt } from "../../lab/kube/json.ts";
import { buildProgram } from "../../lab/program.ts";
import { waitFor } from "../../lab/wait.ts";
import { formatGrant, type Grant, shippedGrants } from "../deploy/manifests.ts";
import { type Occasion, signOf, signs } from "../deploy/rule-table.ts";
import { BareCluster } from "./bare-cluster.ts";
import { sumOfMetric } from "./faults.ts";
import { type Account, type Component, createAccount } from "./rbac/account.ts";
import { Daemon } from "./rbac/daemon.ts";
import { controllerScene, highestCount, type Scene, speakerScene } from "./rbac/scenes.ts";
import { forEachOf } from "./services.ts";

let started: { readonly cluster: BareCluster; readonly program: string } | undefined;
let accounts = 0;

before(async () => {
  const cluster = await BareCluster.start("rbac");
  started = { cluster, program: await buildProgram(cluster.instance.path("program")) };
});

after(() => started?.cluster[Symbol.asyncDispose]());

interface Performance extends AsyncDisposable {
  readonly account: Account;
  readonly scene: Scene;
  readonly daemon: Daemon;
}

/** A running process whose account has all rights but `without`. */
async function perform(component: Component, without?: Grant): Promise<Performance> {
  assert.ok(started, "the control plane did not start");
  const { cluster, program } = started;
  accounts += 1;
  const index = accounts;
  const account = await createAccount(cluster, {
    id: `${component}-${index}`,
    component,
    ...(without !== undefined && { without }),
  });
  const scene =
    component === "controller"
      ? await controllerScene(cluster, account, index)
      : await speakerScene(cluster, account);
  const daemon = new Daemon({ cluster, account, program, flags: scene.flags });
  await daemon.start();
  return { account, scene, daemon, [Symbol.asyncDispose]: () => daemon[Symbol.asyncDispose]() };
}

/** Waits for the line of the log, in the server's words about `grant`, and for what is counted. */
async function awaitSign(daemon: Daemon, grant: Grant): Promise<string> {
  const { verb, resource } = grant;
  const sign = signOf(grant);
  const [plural = "", subresource] = resource.split("/");
  const full = subresource === undefined ? plural : `${plural}/${subresource}`;
  const said = `cannot ${verb} resource \\"${full}\\"`;
  const line = await waitFor(
    async () => {
      const lines = await daemon.log();
      return lines.find(
        (one) =>
          textAt(one, "msg") === sign.message &&
          JSON.stringify(one).replaceAll("\\\\", "\\").includes(said),
      );
    },
    { what: `"${sign.message}" with: ${said}`, timeoutMs: 60_000, intervalMs: 100 },
  );
  assert.notEqual(textAt(line, "level"), "debug");
  if (sign.notFollowed !== undefined) {
    const labels = `resource="${sign.notFollowed}",reason="forbidden"`;
    const count = sumOfMetric(await daemon.metrics(), "routelb_k8s_client_failures_total", labels);
    assert.ok(count > 0, labels);
  }
  return sign.notFollowed ?? sign.message;
}

test("every rule of deploy/ has its place in the table, and no other", () => {
  for (const account of ["controller", "speaker"] as const) {
    const granted = shippedGrants().filter((grant) => grant.account === account);
    const alphabetically = (names: readonly string[]) =>
      names.toSorted((a, b) => a.localeCompare(b));
    assert.deepEqual(
      alphabetically(granted.map(formatGrant)),
      alphabetically(Object.keys(signs[account])),
    );
  }
});

test("without any one of the rules something fails, and the log says which rule", async (t) => {
  const verdicts: string[] = [];
  const failed: string[] = [];
  const grants = shippedGrants().filter((grant) => signOf(grant).after !== "missing");
  const queue = new Map(grants.map((grant, index) => [`${index}`, grant]));
  await forEachOf([...queue.keys()], 3, async (key) => {
    const grant = queue.get(key);
    assert.ok(grant !== undefined);
    const name = `${grant.account}: ${formatGrant(grant)}`;
    try {
      const sign = signOf(grant);
      await using shown = await perform(component(grant), grant);
      await shown.scene.bring(sign.after, shown.daemon);
      verdicts.push(`${name} -> ${sign.after}: ${await awaitSign(shown.daemon, grant)}`);
    } catch (error) {
      failed.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  });
  for (const verdict of verdicts.toSorted((a, b) => a.localeCompare(b))) t.diagnostic(verdict);
  assert.deepEqual(failed, []);
  assert.equal(verdicts.length, grants.length);
});

function component(grant: Grant): Component {
  return grant.account === "controller" ? "controller" : "speaker";
}

test("with all rules, nothing is refused on the same occasions, and every rule is used", async (t) => {
  assert.ok(started);
  const { cluster } = started;
  const asks = shippedGrants().filter((grant) => formatGrant(grant) === "get services");
  const [getServices] = asks;
  assert.ok(getServices);
  await using controller = await perform("controller");
  await using speaker = await perform("speaker");
  await using asking = await perform("controller", getServices);
  await bringAll(controller, ["edit", "again"]);
  await untilEdited(controller);
  await bringAll(speaker, ["drain", "again"]);
  await eventRepeated("default", speaker.account.namespace);
  await eventRepeated(controller.account.namespace, "unserved");
  await bringAll(speaker, ["end"]);
  for (const { daemon } of [controller, speaker]) {
    const refused = (await daemon.log()).filter((line) => /forbidden/.test(JSON.stringify(line)));
    assert.deepEqual(refused, []);
  }
  const users = [controller, speaker].map(({ account }) => ({
    account: account.component,
    user: account.user,
    namespace: account.namespace,
  }));
  const audited = () => unusedGrants(cluster.auditLog, shippedGrants(), users);
  // An API server that has just started refuses what it has not read the rules of, whoever asks: so
  // what was refused is looked at before that occasion.
  const before = await audited();
  assert.deepEqual(before.refused, []);
  assert.deepEqual(before.unused, asks);
  await missService(t, controller, asking);
  await inUse(controller, 0);
  await awaitSign(asking.daemon, getServices);
  assert.deepEqual((await audited()).unused, []);
});

async function bringAll({ scene, daemon }: Performance, occasions: readonly Occasion[]) {
  for (const occasion of occasions) await scene.bring(occasion, daemon);
}

async function untilEdited({ account }: Performance): Promise<void> {
  const path = `/api/v1/namespaces/${account.namespace}/configmaps/config-in-force`;
  await waitFor(
    async () => {
      const text = textAt(await started?.cluster.api.get(path), "data", "config");
      return text?.includes("name: two") || undefined;
    },
    { what: "the edited configuration in force", timeoutMs: 60_000 },
  );
}

async function eventRepeated(namespace: string, name: string): Promise<void> {
  await waitFor(
    async () => {
      assert.ok(started);
      return ((await highestCount(started.cluster.api, namespace, name)) ?? 0) > 1 || undefined;
    },
    { what: `an Event about ${name} twice`, timeoutMs: 60_000 },
  );
}

async function inUse({ daemon }: Performance, count: number): Promise<void> {
  await waitFor(
    async () => {
      const text = await daemon.metrics();
      const used = sumOfMetric(text, "routelb_allocator_addresses_in_use_total", 'pool="one"');
      return (text.includes('in_use_total{pool="one"}') && used === count) || undefined;
    },
    { what: `${count} addresses in use`, timeoutMs: 60_000 },
  );
}

/**
 * Their Services go after the API server has restarted, while they are stopped: it does not know any
 * more where their watches were, and its list shows them nothing.
 */
async function missService(t: TestContext, ...those: readonly Performance[]): Promise<void> {
  assert.ok(started);
  const { cluster } = started;
  for (const one of those) await inUse(one, 1);
  for (const { daemon } of those) daemon.signal("SIGSTOP");
  t.after(() => those.forEach(({ daemon }) => daemon.signal("SIGCONT")));
  // Newer than all that they have seen, and not on its way to them.
  await cluster.api.create("/api/v1/namespaces/default/configmaps", {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "newer" },
  });
  await cluster.restartApiServer();
  for (const { account } of those) {
    await cluster.api.remove(`/api/v1/namespaces/${account.namespace}/services/served`);
  }
  for (const { daemon } of those) daemon.signal("SIGCONT");
}
