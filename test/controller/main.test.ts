import assert from "node:assert/strict";
import { test } from "node:test";
import { recordOf, textOf } from "../../src/kube/json.ts";
import {
  addressOf,
  applyConfig,
  assertMetric,
  createService,
  eventsAbout,
  inForceText,
  poolsText,
  run,
  startServer,
  statusWrites,
  until,
  untilAddress,
  untilEvent,
} from "./running.ts";

const limits = { timeout: 30_000 };

const scenario = `peers:
- my-asn: 64522
  peer-asn: 64512
  peer-address: 172.16.9.1
address-pools:
- name: my-ip-space
  protocol: bgp
  avoid-buggy-ips: true
  addresses:
  - 172.16.7.192/26
`;

test(
  "the scenario: ConfigMap and Service give 172.16.7.192, told in status, Event and metrics",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, scenario);
    createService(server, "nginx");
    const { fetch } = await run(t, server);
    await untilAddress(server, "nginx", "172.16.7.192");
    await untilEvent(
      server,
      "nginx",
      /^IPAllocated: Assigned 172\.16\.7\.192 of pool my-ip-space$/,
    );

    const nginx = server.objects.require("services", "default/nginx");
    const { annotations } = recordOf(nginx["metadata"]);
    assert.deepEqual(annotations, { "routelb.io/ip-allocated-from-pool": "my-ip-space" });
    const { loadBalancer, conditions } = recordOf(nginx["status"]);
    assert.deepEqual(loadBalancer, { ingress: [{ ip: "172.16.7.192", ipMode: "VIP" }] });
    const [condition] = Array.isArray(conditions) ? conditions : [];
    assert.equal(recordOf(condition)["type"], "routelb.io/AddressAssigned");
    assert.equal(recordOf(condition)["status"], "True");
    assert.equal(inForceText(server), scenario);

    assert.equal(await fetch("/readyz"), "ok\n");
    const metrics = await fetch("/metrics");
    assertMetric(metrics, 'routelb_allocator_addresses_total{pool="my-ip-space"}', 63);
    assertMetric(metrics, 'routelb_allocator_addresses_in_use_total{pool="my-ip-space"}', 1);
    assertMetric(metrics, 'routelb_allocator_addresses_free{pool="my-ip-space"}', 62);
    assertMetric(metrics, "routelb_k8s_client_config_loaded_bool", 1);
    assertMetric(metrics, "routelb_k8s_client_config_stale_bool", 0);
    const state = recordOf(JSON.parse(await fetch("/state")));
    assert.deepEqual(state["pools"], [
      { name: "my-ip-space", ipv4: { total: 63, used: 1, free: 62 } },
    ]);
  },
);

test(
  "who waits gets an address when one comes free, by deletion or by a change of type",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/31"]));
    createService(server, "a");
    createService(server, "b");
    await run(t, server);
    await untilAddress(server, "b", "10.0.0.1");
    createService(server, "c");
    createService(server, "d");
    await untilEvent(server, "d", /^AllocationFailed: no free IPv4 address in p \(2 of 2 in use\)/);
    server.objects.delete("services", "default/a");
    await untilAddress(server, "c", "10.0.0.0");
    server.objects.patch("services", "default/b", { spec: { type: "ClusterIP" } });
    await untilAddress(server, "d", "10.0.0.1");
    await until(() => {
      const b = server.objects.require("services", "default/b");
      const { annotations } = recordOf(b["metadata"]);
      return Object.keys(recordOf(annotations)).length === 0;
    });
    const { loadBalancer, conditions } = recordOf(
      server.objects.require("services", "default/b")["status"],
    );
    assert.deepEqual([loadBalancer ?? {}, conditions ?? []], [{}, []]);
  },
);

test("a restart changes no Service and writes nothing", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/28"]));
  for (const name of ["a", "b", "c", "d"]) {
    createService(server, name);
  }
  const { restart, fetch } = await run(t, server);
  await untilAddress(server, "d", "10.0.0.3");
  server.objects.delete("services", "default/a");
  const versions = () =>
    server.objects.list("services").map((each) => recordOf(each["metadata"])["resourceVersion"]);
  const before = versions();
  await restart();
  const writes = statusWrites(server);
  createService(server, "e");
  await untilAddress(server, "e", "10.0.0.0");
  assert.deepEqual(versions().slice(0, 3), before);
  assert.equal(statusWrites(server), writes + 1);
  assert.equal(await fetch("/readyz"), "ok\n");
});

test("a field that the server does not keep is written once", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/28"]));
  // As a server that does not know conditions of Services, or ipMode.
  const withoutConditions = (body: object) => {
    const { status, ...rest } = recordOf(body);
    const { conditions: _, ...kept } = recordOf(status);
    return { ...rest, status: kept };
  };
  await run(t, server, {
    wrap: (api) => ({
      ...api,
      patch: (path, type, body, options) =>
        api.patch(path, type, path.name === "a" ? withoutConditions(body) : body, options),
    }),
  });
  createService(server, "a");
  await untilAddress(server, "a", "10.0.0.0");
  createService(server, "b");
  await untilAddress(server, "b", "10.0.0.1");
  createService(server, "c");
  await untilAddress(server, "c", "10.0.0.2");
  assert.equal(statusWrites(server), 3);
});

test("Events raise their count: a restart adds none", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/32"]));
  createService(server, "a");
  const { restart } = await run(t, server);
  await untilAddress(server, "a", "10.0.0.0");
  createService(server, "b");
  await untilEvent(server, "b", /^AllocationFailed/);
  await restart();
  const countOf = () => {
    const [event] = server.objects
      .list("events")
      .filter((each) => textOf(each["reason"]) === "AllocationFailed");
    return event?.["count"];
  };
  await until(() => countOf() === 2);
  assert.equal(eventsAbout(server, "b").length, 1);
});

test("both families are given to a dual-stack Service, in its order", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["four", "10.0.0.0/28"], ["six", "2001:db8::/120"]));
  createService(server, "a", {
    ipFamilyPolicy: "RequireDualStack",
    ipFamilies: ["IPv6", "IPv4"],
  });
  await run(t, server);
  await untilAddress(server, "a", "2001:db8::,10.0.0.0");
  const { annotations } = recordOf(server.objects.require("services", "default/a")["metadata"]);
  assert.deepEqual(annotations, { "routelb.io/ip-allocated-from-pool": "six,four" });
});

test("a Service that takes another class gives its address back", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/32"]));
  createService(server, "a");
  await run(t, server);
  await untilAddress(server, "a", "10.0.0.0");
  createService(server, "b");
  await untilEvent(server, "b", /^AllocationFailed/);
  // A real server lets the class change only by way of another type; the last step is the same.
  server.objects.patch("services", "default/a", { spec: { type: "ClusterIP" } });
  server.objects.patch("services", "default/a", {
    spec: { type: "LoadBalancer", loadBalancerClass: "example.com/other" },
  });
  await untilAddress(server, "b", "10.0.0.0");
  assert.equal(addressOf(server, "a"), "");
});
