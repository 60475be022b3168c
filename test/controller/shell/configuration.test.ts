import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import type { ApiServer } from "../../../lab/kube/server.ts";
import {
  addressOf,
  applyConfig,
  assertMetric,
  createService,
  eventsAbout,
  inForceText,
  namespace,
  poolsText,
  run,
  startServer,
  until,
  untilAddress,
  untilEvent,
} from "../running.ts";

const limits = { timeout: 30_000 };

/** A server, and a controller with this configuration in force. */
async function runWith(t: TestContext, text: string): Promise<ApiServer> {
  const server = await startServer();
  applyConfig(server, text);
  await run(t, server);
  await until(() => inForceText(server) === text);
  return server;
}

test(
  "without any configuration it waits, says so once, and begins when there is one",
  limits,
  async (t) => {
    const server = await startServer();
    createService(server, "a");
    const { lines, fetch } = await run(t, server);
    const waiting = () => lines.filter(({ message }) => message.startsWith("no configuration"));
    createService(server, "b");
    applyConfig(server, "address-pools: [");
    await untilEvent(server, "config", /^InvalidConfig: config:1:/);
    assert.match(await fetch("/readyz"), /errors/);
    assert.equal(addressOf(server, "a"), "");
    applyConfig(server, poolsText(["p", "10.0.0.0/30"]));
    await untilAddress(server, "b", "10.0.0.1");
    assert.equal(addressOf(server, "a"), "10.0.0.0");
    assert.ok(waiting().length <= 1);
  },
);

test(
  "a broken edit changes nothing, also for a controller that starts later",
  limits,
  async (t) => {
    const server = await startServer();
    const good = poolsText(["p", "10.0.0.0/30"]);
    applyConfig(server, good);
    createService(server, "a");
    const { fetch, restart } = await run(t, server);
    await untilAddress(server, "a", "10.0.0.0");
    applyConfig(server, `${good}  adresses: []\n`);
    await untilEvent(server, "config", /^InvalidConfig: config:5:3: address-pools\[0\]\.adresses/);
    await restart();
    createService(server, "b");
    await untilAddress(server, "b", "10.0.0.1");
    assert.equal(inForceText(server), good);
    const metrics = await fetch("/metrics");
    assertMetric(metrics, "routelb_k8s_client_config_stale_bool", 1);
    assertMetric(metrics, "routelb_k8s_client_config_loaded_bool", 1);
  },
);

test("what was accepted is restored when it is deleted or edited", limits, async (t) => {
  const server = await startServer();
  const good = poolsText(["p", "10.0.0.0/30"]);
  applyConfig(server, good);
  await run(t, server);
  await until(() => inForceText(server) === good);
  server.objects.delete("configmaps", `${namespace}/config-in-force`);
  await until(() => inForceText(server) === good);
  server.objects.patch("configmaps", `${namespace}/config-in-force`, { data: { config: "x" } });
  await until(() => inForceText(server) === good);
  server.objects.delete("configmaps", `${namespace}/config`);
  createService(server, "a");
  await untilAddress(server, "a", "10.0.0.0");
});

test(
  "a configuration that strands an address is not applied until that is allowed",
  limits,
  async (t) => {
    const server = await startServer();
    const before = poolsText(["p", "10.0.0.0/30"]);
    const after = poolsText(["q", "10.0.1.0/30"]);
    applyConfig(server, before);
    createService(server, "a");
    const { fetch } = await run(t, server);
    await untilAddress(server, "a", "10.0.0.0");
    applyConfig(server, after);
    await untilEvent(server, "config", /^ConfigNotApplied: .*default\/a \(10\.0\.0\.0 of pool p\)/);
    assertMetric(await fetch("/metrics"), "routelb_k8s_client_config_stale_bool", 1);
    assert.equal(inForceText(server), before);
    assert.equal(addressOf(server, "a"), "10.0.0.0");
    applyConfig(server, after, { "routelb.io/allow-renumbering": "true" });
    await untilAddress(server, "a", "10.0.1.0");
    await untilEvent(
      server,
      "a",
      /^Renumbered: Assigned 10\.0\.1\.0 of pool q instead of 10\.0\.0\.0/,
    );
    assert.equal(inForceText(server), after);
  },
);

test(
  "a stranding configuration comes into force by itself once the Service is gone",
  limits,
  async (t) => {
    const server = await startServer();
    const after = poolsText(["q", "10.0.1.0/30"]);
    applyConfig(server, poolsText(["p", "10.0.0.0/30"]));
    createService(server, "a");
    await run(t, server);
    await untilAddress(server, "a", "10.0.0.0");
    applyConfig(server, after);
    await untilEvent(server, "config", /^ConfigNotApplied/);
    server.objects.delete("services", "default/a");
    await until(() => inForceText(server) === after);
  },
);

test(
  "an accepted configuration whose write failed is judged again by what was given since",
  limits,
  async (t) => {
    const [before, after] = [poolsText(["p", "10.0.0.0/30"]), poolsText(["q", "10.0.1.0/30"])];
    const server = await runWith(t, before);
    const write = { verb: "patch", resource: "configmaps" } as const;
    const fault = server.faults.add(write, { type: "answer", code: 500 });
    applyConfig(server, after);
    await until(() => fault.hits > 0);
    createService(server, "a");
    await untilAddress(server, "a", "10.0.0.0");
    fault.remove();
    await untilEvent(server, "config", /^ConfigNotApplied: .*default\/a \(10\.0\.0\.0 of pool p\)/);
    assert.equal(inForceText(server), before);
    assert.equal(addressOf(server, "a"), "10.0.0.0");
    server.objects.delete("services", "default/a");
    await until(() => inForceText(server) === after);
  },
);

test(
  "while an accepted configuration is on its way, nothing is given by the one before it",
  limits,
  async (t) => {
    const [before, after] = [poolsText(["p", "10.0.0.0/30"]), poolsText(["q", "10.0.1.0/30"])];
    const server = await runWith(t, before);
    server.faults.add({ verb: "patch", resource: "configmaps" }, { type: "delay", delayMs: 100 });
    applyConfig(server, after);
    createService(server, "a");
    await untilAddress(server, "a", "10.0.1.0");
    assert.equal(inForceText(server), after);
    assert.deepEqual(
      eventsAbout(server, "a").filter((event) => event.startsWith("Renumbered")),
      [],
    );
  },
);

test("a layer2 pool is left out, with an Event on the ConfigMap", limits, async (t) => {
  const server = await startServer();
  const layer2 = "- name: l2\n  protocol: layer2\n  addresses: [192.0.2.0/24]\n";
  applyConfig(server, poolsText(["p", "10.0.0.0/30"]) + layer2);
  createService(server, "theirs", { loadBalancerIP: "192.0.2.7" });
  createService(server, "ours");
  await run(t, server);
  await untilAddress(server, "ours", "10.0.0.0");
  await untilEvent(server, "config", /^ConfigWarning: .*layer2/);
  assert.equal(addressOf(server, "theirs"), "");
  assert.deepEqual(eventsAbout(server, "theirs"), []);
});

test(
  "a ConfigMap that loses its key changes nothing and is told; an empty text is done",
  limits,
  async (t) => {
    const server = await startServer();
    const good = poolsText(["p", "10.0.0.0/30"]);
    applyConfig(server, good);
    createService(server, "a");
    const { fetch } = await run(t, server);
    await untilAddress(server, "a", "10.0.0.0");
    server.objects.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "config", namespace },
      data: { config: null, confg: good },
    });
    await untilEvent(server, "config", /^ConfigNotApplied: The ConfigMap has no key "config"/);
    createService(server, "b");
    await untilAddress(server, "b", "10.0.0.1");
    assert.equal(inForceText(server), good);
    assertMetric(await fetch("/metrics"), "routelb_k8s_client_config_stale_bool", 1);
    applyConfig(server, "", { "routelb.io/allow-renumbering": "true" });
    await until(() => inForceText(server) === "" && addressOf(server, "a") === "");
  },
);
