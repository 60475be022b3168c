import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";
import { freePort } from "../support/free-port.ts";
import {
  accept,
  applyConfigMap,
  applyService,
  applySlice,
  configText,
  setUp,
  startSpeaker,
} from "./speaker-process.ts";

const limits = { timeout: 20_000 };

test("from the API to the router and back, with SIGTERM at the end", limits, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t);
  applyConfigMap(server, "config", { config: configText(port) });
  accept(server, configText(port));
  const { get, stop, lines } = await startSpeaker(t, kubeconfigPath);
  await router.until(() => router.count("End-of-RIB ipv6") === 1);
  assert.deepEqual(router.log, ["open", "+172.16.7.192/32", "End-of-RIB ipv4", "End-of-RIB ipv6"]);
  assert.deepEqual(await get("/readyz"), { status: 200, text: "ok\n" });
  assert.equal((await get("/healthz")).status, 200);
  const state = JSON.parse((await get("/state")).text);
  assert.equal(state.sessions[0].state, "Established");
  assert.equal(state.routes.router[0].prefix, "172.16.7.192/32");
  assert.deepEqual(state.services[0].advertised, ["172.16.7.192"]);
  const capture = await get("/capture?peer=router");
  assert.equal(capture.status, 200);
  assert.ok(capture.text.includes("node1"), "our OPEN has the hostname capability");
  assert.equal((await get("/capture?peer=nobody")).status, 404);

  applySlice(server, "nginx", false);
  await router.untilRoutes();
  applySlice(server, "nginx", true);
  await router.untilRoutes("172.16.7.192/32");
  server.objects.delete("services", "default/nginx");
  await router.untilRoutes();
  applyService(server, "other", "172.16.7.201");
  applySlice(server, "other", true);
  await router.untilRoutes("172.16.7.201/32");

  await stop();
  await router.until(() => router.log.at(-1) === "closed");
  assert.deepEqual(router.log.slice(-3), [
    "-172.16.7.201/32",
    "NOTIFICATION 6/2 Cease, Administrative Shutdown: node1: the speaker is shutting down",
    "closed",
  ]);
  assert.equal(router.count("open"), 1);
  const warned = lines.filter(({ level }) => level === "warn" || level === "error");
  assert.deepEqual(
    warned.map(({ message }) => message),
    ["flags are set that nothing acts on yet"],
  );
});

test(
  "without a configuration it waits; the user's own counts while none was accepted",
  limits,
  async (t) => {
    const { server, router, port, kubeconfigPath } = await setUp(t);
    const { get } = await startSpeaker(t, kubeconfigPath);
    await until(async () => /ConfigMap|configuration/i.test((await get("/readyz")).text));
    assert.equal((await get("/readyz")).status, 503);
    applyConfigMap(server, "config", { config: configText(port) });
    await router.untilRoutes("172.16.7.192/32");
  },
);

test(
  "a broken edit changes nothing, also not for a speaker that starts later",
  limits,
  async (t) => {
    const { server, router, port, kubeconfigPath } = await setUp(t);
    accept(server, configText(port));
    applyConfigMap(server, "config", { config: "peers: [{my-asn: 0}]" });
    const { get } = await startSpeaker(t, kubeconfigPath);
    await router.untilRoutes("172.16.7.192/32");
    await until(async () =>
      (await get("/metrics")).text.includes("routelb_k8s_client_config_stale_bool 1\n"),
    );
    const state = JSON.parse((await get("/state")).text);
    assert.equal(state.config.isStale, true);
    assert.equal(typeof state.config.reason, "string");
  },
);

test("the API server goes away and comes back: routes stay, then follow", limits, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t);
  accept(server, configText(port));
  const { get } = await startSpeaker(t, kubeconfigPath);
  await router.untilRoutes("172.16.7.192/32");
  await server.stop();
  const following = 'routelb_k8s_client_following{resource="services"}';
  await until(async () => (await get("/metrics")).text.includes(`${following} 0\n`));
  assert.deepEqual(await get("/readyz"), { status: 200, text: "ok\n" });
  assert.deepEqual([...router.routes], ["172.16.7.192/32"]);
  applyService(server, "other", "172.16.7.201");
  applySlice(server, "other", true);
  await server.start();
  await router.untilRoutes("172.16.7.192/32", "172.16.7.201/32");
  assert.equal(router.count("open"), 1);
  assert.equal(router.count("-172.16.7.192/32"), 0);
});

test("the session's coming up is an Event on the Node", limits, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t);
  accept(server, configText(port));
  const written = new Promise<void>((resolve) => {
    server.objects.onChange("events", () => resolve());
  });
  await startSpeaker(t, kubeconfigPath);
  await router.untilRoutes("172.16.7.192/32");
  await written;
  const [event] = server.objects.list("events", "default");
  assert.equal(event?.["reason"], "BGPSessionUp");
  assert.equal(event?.["message"], "BGP session with router is up");
});

test("a password's Secret is read by its name, and no other is asked for", limits, async (t) => {
  const { server, port, kubeconfigPath } = await setUp(t);
  const secret = "password-secret: {name: routelb-peers, key: router}";
  accept(server, configText(port).replace("name: router", `name: router, ${secret}`));
  const { get } = await startSpeaker(t, kubeconfigPath);
  const state = async () => JSON.parse((await get("/state")).text);
  await until(async () => (await state()).notDialled[0]?.reason === "secret-missing");
  server.objects.apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "routelb-peers", namespace: "routelb-system" },
    data: { router: Buffer.from("s3cret").toString("base64") },
  });
  await until(async () => (await state()).sessions.length === 1);
  const asked = server.requests.filter(({ target }) => target?.type.plural === "secrets");
  assert.ok(asked.length > 0);
  for (const { target, query } of asked) {
    assert.equal(target?.namespace, "routelb-system");
    assert.equal(query.get("fieldSelector"), "metadata.name=routelb-peers");
  }
});

test("as a process: SIGTERM withdraws and ends it with code 0", limits, async (t) => {
  const { server, router, port, kubeconfigPath } = await setUp(t);
  accept(server, configText(port));
  const program = join(import.meta.dirname, "../../src/cli/main.ts");
  const flags = [
    "--kubeconfig",
    kubeconfigPath,
    "--node-name",
    "node1",
    "--host",
    "127.0.0.1",
    "--drain-time",
    "0s",
  ];
  const httpPort = String(await freePort());
  const child = spawn(process.execPath, [program, "speaker", ...flags, "--port", httpPort]);
  t.after(() => child.kill("SIGKILL"));
  await router.until(() => router.count("End-of-RIB ipv4") === 1);
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(code, 0);
  await router.until(() => router.log.at(-1) === "closed");
  assert.match(router.log.at(-2) ?? "", /^NOTIFICATION 6\/2 Cease, Administrative Shutdown: node1/);
});

/** Asks until it is so; the test's own limit ends it. */
async function until(isTrue: () => Promise<boolean>): Promise<void> {
  while (!(await isTrue())) {
    await new Promise((resolve) => {
      setTimeout(resolve, 10);
    });
  }
}

test(
  "a Service that becomes a load balancer later has its endpoints at once",
  limits,
  async (t) => {
    const { server, router, port, kubeconfigPath } = await setUp(t);
    accept(server, configText(port));
    const clusterIp = {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name: "late", namespace: "default" },
      spec: { type: "ClusterIP", ports: [{ port: 80 }], selector: { app: "late" } },
    };
    server.objects.apply(clusterIp);
    applySlice(server, "late", true);
    await startSpeaker(t, kubeconfigPath);
    await router.untilRoutes("172.16.7.192/32");
    applyService(server, "late", "172.16.7.202");
    await router.untilRoutes("172.16.7.192/32", "172.16.7.202/32");
  },
);
