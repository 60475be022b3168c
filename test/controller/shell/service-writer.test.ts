import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiServer } from "../../../lab/kube/server.ts";
import { recordOf } from "../../../src/kube/json.ts";
import {
  addressOf,
  applyConfig,
  createService,
  eventsAbout,
  namespace,
  poolsText,
  run,
  startServer,
  statusWrites,
  until,
  untilAddress,
  untilEvent,
} from "../running.ts";

const limits = { timeout: 60_000 };
const statusWrite = { verb: "patch", resource: "services", subresource: "status" } as const;

test(
  "an accepted configuration that cannot be written is not acted on, and tried again",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/27"]));
    createService(server, "a");
    const fault = server.faults.add(
      { verb: "create", resource: "configmaps" },
      { type: "answer", code: 403, message: "not allowed to create ConfigMaps" },
    );
    await run(t, server);
    await untilEvent(server, "config", /^ConfigNotApplied: .*config-in-force.*not allowed/);
    assert.equal(addressOf(server, "a"), "");
    fault.remove();
    await untilAddress(server, "a", "10.0.0.0");
    await until(
      () => server.objects.get("configmaps", `${namespace}/config-in-force`) !== undefined,
    );
  },
);

test(
  "a Service that changes while its status is written is decided about anew",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/27"], ["q", "10.0.1.0/27"]));
    await run(t, server);
    server.faults.add(statusWrite, { type: "delay", delayMs: 50 }, 2);
    createService(server, "a");
    await until(() => server.requests.some(({ verb }) => verb === "patch"));
    server.objects.patch("services", "default/a", {
      metadata: { annotations: { "routelb.io/address-pool": "q" } },
    });
    await untilAddress(server, "a", "10.0.1.0");
  },
);

/** Has the list of Services read again. */
function expireWatch(server: ApiServer): void {
  server.compact();
  const status = { kind: "Status", status: "Failure", reason: "Expired", code: 410 };
  server.watches.fail(status, { resource: "services" });
}

test("a list that hides Services gives none of their addresses away", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/31"]));
  createService(server, "a");
  createService(server, "b");
  const { lines } = await run(t, server);
  await untilAddress(server, "b", "10.0.0.1");
  const hidden = server.faults.add(
    { verb: "list", resource: "services" },
    { type: "empty-list" },
    1,
  );
  expireWatch(server);
  await until(() => lines.some(({ message }) => message.includes("missing in a new list")));
  assert.equal(hidden.hits, 1);
  createService(server, "c");
  await untilEvent(server, "c", /^AllocationFailed: .*\(2 of 2 in use\)/);
  assert.deepEqual(
    ["a", "b", "c"].map((name) => addressOf(server, name)),
    ["10.0.0.0", "10.0.0.1", ""],
  );
  expireWatch(server);
  server.objects.delete("services", "default/a");
  await untilAddress(server, "c", "10.0.0.0");
});

test("Services that went while nobody watched do give up their addresses", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/32"]));
  createService(server, "a");
  await run(t, server);
  await untilAddress(server, "a", "10.0.0.0");
  createService(server, "b");
  await untilEvent(server, "b", /^AllocationFailed/);
  await server.stop();
  server.objects.delete("services", "default/a");
  server.compact();
  await server.start();
  await untilAddress(server, "b", "10.0.0.0");
});

/** Another load balancer, which puts its own address into each status that it sees. */
function overwrite(server: ApiServer, name: string): () => void {
  const rival = server.objects.as("k3s");
  return server.objects.onChange("services", () => {
    setImmediate(() => {
      if (addressOf(server, name) === "10.0.0.0") {
        const ingress = [{ ip: "192.168.0.5" }];
        rival.patch(
          "services",
          `default/${name}`,
          { status: { loadBalancer: { ingress } } },
          "status",
        );
      }
    });
  });
}

test(
  "a status war ends after three rounds, with one Event, and goes on when the spec changes",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/27"]));
    const { fetch } = await run(t, server);
    const end = overwrite(server, "a");
    createService(server, "a");
    await untilEvent(server, "a", /^StatusOverwritten: .*by k3s.*loadBalancerClass/);
    assert.equal(addressOf(server, "a"), "192.168.0.5");
    assert.match(await fetch("/state"), /"servicesWithOverwrittenStatus":\s*\["default\/a"\]/);
    end();
    createService(server, "b");
    await untilAddress(server, "b", "10.0.0.1");
    assert.equal(addressOf(server, "a"), "192.168.0.5");
    assert.equal(eventsAbout(server, "a").filter((each) => each.startsWith("Status")).length, 1);

    server.objects.patch("services", "default/a", { spec: { externalTrafficPolicy: "Local" } });
    await untilAddress(server, "a", "10.0.0.0");
  },
);

test(
  "whoever only takes the address out, however often, finds it there again",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/27"]));
    const { clock } = await run(t, server);
    createService(server, "a");
    const k3s = server.objects.as("k3s");
    for (const round of [1, 2, 3, 4]) {
      await untilAddress(server, "a", "10.0.0.0");
      k3s.patch("services", "default/a", { status: { loadBalancer: { ingress: null } } }, "status");
      if (round === 3) {
        await untilEvent(server, "a", /^StatusOverwritten: .*emptied .*by k3s/);
        clock.advance(500);
      }
    }
    await untilAddress(server, "a", "10.0.0.0");
  },
);

test("after ten minutes of peace an overwritten status is written again", limits, async (t) => {
  const server = await startServer();
  applyConfig(server, poolsText(["p", "10.0.0.0/27"]));
  const { clock } = await run(t, server);
  const end = overwrite(server, "a");
  createService(server, "a");
  await untilEvent(server, "a", /^StatusOverwritten/);
  end();
  clock.advance(500_000);
  createService(server, "b");
  await untilAddress(server, "b", "10.0.0.1");
  assert.equal(addressOf(server, "a"), "192.168.0.5");
  clock.advance(100_000);
  await untilAddress(server, "a", "10.0.0.0");
});

test(
  "who strips our annotation again and again is told of, and the address stays",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/27"]));
    await run(t, server);
    const annotation = "routelb.io/ip-allocated-from-pool";
    const pruner = server.objects.as("pruner");
    let isOver = false;
    server.objects.onChange("services", () => {
      setImmediate(() => {
        const metadata = recordOf(server.objects.get("services", "default/a")?.["metadata"]);
        if (!isOver && recordOf(metadata["annotations"])[annotation] !== undefined) {
          pruner.patch("services", "default/a", {
            metadata: { annotations: { [annotation]: null } },
          });
        }
      });
    });
    createService(server, "a");
    await untilEvent(server, "a", /^StatusOverwritten: the annotation/);
    isOver = true;
    const writes = statusWrites(server);
    createService(server, "b");
    await untilAddress(server, "b", "10.0.0.1");
    assert.equal(statusWrites(server), writes + 1);
    assert.equal(addressOf(server, "a"), "10.0.0.0");
    server.objects.patch("services", "default/a", { spec: { loadBalancerIP: "10.0.0.7" } });
    await untilAddress(server, "a", "10.0.0.7");
  },
);

test(
  "what changes no address is written one at a time, and a new Service goes before it",
  limits,
  async (t) => {
    const server = await startServer();
    const names = Array.from({ length: 40 }, (_, index) => `s${index}`);
    applyConfig(server, poolsText(["p", "10.0.0.0/24"]));
    for (const [index, name] of names.entries()) {
      createService(server, name);
      const status = { loadBalancer: { ingress: [{ ip: `10.0.0.${index}`, ipMode: "VIP" }] } };
      server.objects.patch("services", `default/${name}`, { status }, "status");
    }
    const fault = server.faults.add(
      { ...statusWrite, where: ({ target }) => target?.name !== "new" },
      { type: "delay", delayMs: 9_000 },
    );
    await run(t, server);
    await until(() => fault.hits > 0);
    createService(server, "new");
    await until(() => addressOf(server, "new") !== "");
    assert.ok(fault.hits < 16, `${fault.hits} of the others were on their way meanwhile`);
    fault.remove();
    const isMarked = (name: string) =>
      JSON.stringify(server.objects.get("services", `default/${name}`)).includes("AddressAssigned");
    await until(() => names.every(isMarked));
  },
);

test("a new Service does not wait behind many that move", limits, async (t) => {
  const server = await startServer();
  const names = Array.from({ length: 80 }, (_, index) => `s${index}`);
  applyConfig(server, poolsText(["p", "10.0.0.0/24"]));
  for (const name of names) {
    createService(server, name);
  }
  await run(t, server);
  await until(() => names.every((name) => addressOf(server, name) !== ""));
  const fault = server.faults.add(statusWrite, { type: "delay", delayMs: 100 });
  applyConfig(server, poolsText(["p", "10.0.9.0/24"]), { "routelb.io/allow-renumbering": "true" });
  await until(() => fault.hits >= 16);
  createService(server, "new");
  await until(() => addressOf(server, "new") !== "");
  const moved = names.filter((name) => addressOf(server, name).startsWith("10.0.9."));
  assert.ok(moved.length < names.length, "all that move were written first");
  fault.remove();
  await until(() => names.every((name) => addressOf(server, name).startsWith("10.0.9.")));
});
