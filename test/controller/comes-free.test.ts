import assert from "node:assert/strict";
import { test } from "node:test";
import type { JsonObject } from "../../lab/kube/json.ts";
import type { ApiServer } from "../../lab/kube/server.ts";
import { listOf, numberOf, recordOf } from "../../src/kube/json.ts";
import {
  addressOf,
  applyConfig,
  createService,
  poolsText,
  run,
  startServer,
  until,
  untilAddress,
  untilEvent,
} from "./running.ts";

const limits = { timeout: 30_000 };

/**
 * `holder` has the only address that `waiting` may have. Each cause lets `waiting` have one, and
 * nothing else happens: the controller looks again at that change or never.
 */
interface Cause {
  readonly says: string;
  readonly holder?: JsonObject;
  readonly waiting?: JsonObject;
  readonly holderAnnotations?: JsonObject;
  readonly waitingAnnotations?: JsonObject;
  readonly config?: string;
  readonly happens: (server: ApiServer) => void;
  /** d: 10.0.0.0 */
  readonly gets?: string;
}

const onePool = poolsText(["p", "10.0.0.0/32"]);
const admitsTeam = onePool.replace(
  "addresses: [10.0.0.0/32]",
  "auto-assign: false\n  addresses: [10.0.0.0/32]\n- name: team\n  protocol: bgp\n" +
    "  addresses: [10.0.1.0/32]\n  service-allocation: {namespace-selectors: [{match-labels: {team: a}}]}",
);

function annotate(server: ApiServer, name: string, annotations: JsonObject): void {
  server.objects.patch("services", `default/${name}`, { metadata: { annotations } });
}

function respecify(server: ApiServer, name: string, spec: JsonObject): void {
  server.objects.patch("services", `default/${name}`, { spec });
}

const key = (value: string) => ({ "routelb.io/allow-shared-ip": value });
const otherPort = { ports: [{ port: 81 }] };

const causes: readonly Cause[] = [
  {
    says: "the holder is deleted",
    happens: (server) => server.objects.delete("services", "default/holder"),
  },
  {
    says: "the holder becomes a ClusterIP",
    happens: (server) => respecify(server, "holder", { type: "ClusterIP" }),
  },
  {
    says: "the holder takes another class",
    happens: (server) => {
      respecify(server, "holder", { type: "ClusterIP" });
      respecify(server, "holder", { type: "LoadBalancer", loadBalancerClass: "example.com/other" });
    },
  },
  {
    says: "the holder asks for another address",
    config: `${onePool}- {name: q, protocol: bgp, addresses: [10.0.9.0/32], auto-assign: false}\n`,
    happens: (server) => respecify(server, "holder", { loadBalancerIP: "10.0.9.0" }),
  },
  {
    says: "the last finalizer of a deleted holder goes",
    happens: (server) => {
      const hold = (finalizers: readonly string[] | null) =>
        server.objects.patch("services", "default/holder", { metadata: { finalizers } });
      hold(["example.com/wait"]);
      server.objects.delete("services", "default/holder");
      hold(null);
    },
  },
  {
    says: "a Service of another class gives back an address of the pool",
    holder: { loadBalancerClass: "example.com/other" },
    happens: (server) => {
      const status = { loadBalancer: { ingress: null } };
      server.objects.patch("services", "default/holder", { status }, "status");
    },
  },
  {
    says: "a pool is added",
    happens: (server) =>
      applyConfig(server, `${onePool}- {name: q, protocol: bgp, addresses: [10.0.9.0/32]}\n`),
    gets: "10.0.9.0",
  },
  {
    says: "the pool grows",
    happens: (server) => applyConfig(server, poolsText(["p", "10.0.0.0/31"])),
    gets: "10.0.0.1",
  },
  {
    says: "a label of its namespace opens a pool to it",
    config: admitsTeam,
    holderAnnotations: { "routelb.io/address-pool": "p" },
    happens: (server) =>
      server.objects.patch("namespaces", "default", { metadata: { labels: { team: "a" } } }),
    gets: "10.0.1.0",
  },
  {
    says: "its own sharing key becomes the holder's",
    holderAnnotations: key("one"),
    waitingAnnotations: key("other"),
    waiting: otherPort,
    happens: (server) => annotate(server, "waiting", key("one")),
  },
  {
    says: "the holder's sharing key becomes its own",
    holderAnnotations: key("other"),
    waitingAnnotations: key("one"),
    waiting: otherPort,
    happens: (server) => annotate(server, "holder", key("one")),
  },
  {
    says: "the holder gives up the port in which the two collide",
    holderAnnotations: key("one"),
    waitingAnnotations: key("one"),
    happens: (server) => respecify(server, "holder", otherPort),
  },
  {
    says: "it asks for an address that is free",
    config: `${onePool}- {name: q, protocol: bgp, addresses: [10.0.9.0/32], auto-assign: false}\n`,
    happens: (server) => annotate(server, "waiting", { "routelb.io/loadBalancerIPs": "10.0.9.0" }),
    gets: "10.0.9.0",
  },
];

function failureCount(server: ApiServer): number {
  const event = server.objects
    .list("events")
    .find(
      (each) =>
        recordOf(each["involvedObject"])["name"] === "waiting" &&
        each["reason"] === "AllocationFailed",
    );
  return numberOf(event?.["count"]) ?? 0;
}

for (const cause of causes) {
  test(`who waits gets an address when ${cause.says}`, limits, async (t) => {
    const server = await startServer();
    applyConfig(server, cause.config ?? onePool);
    await run(t, server);
    createService(server, "holder", { type: "ClusterIP" });
    annotate(server, "holder", cause.holderAnnotations ?? {});
    respecify(server, "holder", { type: "LoadBalancer", ...cause.holder });
    if (cause.holder?.["loadBalancerClass"] !== undefined) {
      const status = { loadBalancer: { ingress: [{ ip: "10.0.0.0" }] } };
      server.objects.patch("services", "default/holder", { status }, "status");
    }
    await untilAddress(server, "holder", "10.0.0.0");
    createService(server, "waiting", { type: "ClusterIP", ...cause.waiting });
    annotate(server, "waiting", cause.waitingAnnotations ?? {});
    respecify(server, "waiting", { type: "LoadBalancer" });
    await untilEvent(server, "waiting", /^AllocationFailed/);
    assert.equal(addressOf(server, "waiting"), "");
    cause.happens(server);
    await untilAddress(server, "waiting", cause.gets ?? "10.0.0.0");
  });
}

test(
  "who waits in vain costs no write and no Event, however often it is looked at",
  limits,
  async (t) => {
    const server = await startServer();
    applyConfig(server, poolsText(["p", "10.0.0.0/31"]));
    const { clock } = await run(t, server);
    createService(server, "holder");
    createService(server, "mover");
    await untilAddress(server, "mover", "10.0.0.1");
    createService(server, "waiting", { loadBalancerIP: "10.0.0.0" });
    await untilEvent(server, "waiting", /^AllocationFailed/);
    const version = () =>
      recordOf(server.objects.require("services", "default/waiting")["metadata"]);
    await until(() => conditionsOf(server, "waiting").length === 1);
    const before = version()["resourceVersion"];
    for (let round = 1; round <= 20; round += 1) {
      // Each time an address comes free that is not the one it asks for.
      server.objects.delete("services", "default/mover");
      createService(server, "mover");
      await untilAddress(server, "mover", "10.0.0.1");
    }
    assert.equal(version()["resourceVersion"], before);
    assert.equal(failureCount(server), 1);
    clock.advance(45 * 60_000);
    await until(() => failureCount(server) === 2);
    assert.equal(version()["resourceVersion"], before);
  },
);

function conditionsOf(server: ApiServer, name: string): readonly unknown[] {
  return listOf(
    recordOf(server.objects.get("services", `default/${name}`)?.["status"])["conditions"],
  );
}
