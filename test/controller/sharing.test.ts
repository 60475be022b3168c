import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { formatSharingRefusal, sharingTerms, whyNotShared } from "../../src/controller/sharing.ts";
import { pool, service, snapshot, summaries, withStatus } from "./fixtures.ts";

const p = pool("p", ["10.0.0.0/29"]);

function sharer(name: string, more: Partial<Service> = {}, key = "k"): Service {
  return service(name, { annotations: { "metallb.universe.tf/allow-shared-ip": key }, ...more });
}

const https = { ports: ["TCP:443"] };

test("Services of one key and different ports pack onto the lowest address", () => {
  const services = [
    sharer("a1"),
    sharer("a2", https),
    sharer("a3"),
    sharer("a4", { ports: ["UDP:80"] }),
    sharer("a5", https),
  ];
  assert.deepEqual(summaries(allocate(snapshot([p], services))), {
    a1: "10.0.0.0",
    a2: "10.0.0.0",
    a3: "10.0.0.1",
    a4: "10.0.0.0",
    a5: "10.0.0.1",
  });
});

test("a free address before the shared one is taken first", () => {
  const services = [withStatus(sharer("a1"), "10.0.0.4"), sharer("a2", https)];
  assert.deepEqual(summaries(allocate(snapshot([p], services))), {
    a1: "10.0.0.4",
    a2: "10.0.0.0",
  });
});

test("an address that is shared later in the pool is not forgotten while free ones come first", () => {
  const holder = withStatus(sharer("a0"), "10.0.0.2");
  const others = ["a1", "a2", "a3", "a4"].map((name) => sharer(name, https));
  assert.deepEqual(summaries(allocate(snapshot([p], [holder, ...others]))), {
    a0: "10.0.0.2",
    a1: "10.0.0.0",
    a2: "10.0.0.1",
    a3: "10.0.0.2",
    a4: "10.0.0.3",
  });
});

test("who may share with whom", () => {
  const a = sharer("a1");
  const local = { externalTrafficPolicy: "Local" as const };
  const rows: readonly (readonly [string, Service, Service, "cluster" | "namespace", string])[] = [
    ["one has no key", a, service("b2", https), "cluster", "not-shared"],
    ["other key", a, sharer("b2", https, "x"), "cluster", "other-key"],
    [
      "one port in common",
      a,
      sharer("b2", { ports: ["TCP:443", "TCP:80"] }),
      "cluster",
      "port-in-use",
    ],
    ["same number, other protocol", a, sharer("b2", { ports: ["UDP:80"] }), "cluster", ""],
    ["other namespace", a, sharer("b2", { namespace: "x", ...https }), "cluster", ""],
    [
      "other namespace, pool says no",
      a,
      sharer("b2", { namespace: "x", ...https }),
      "namespace",
      "other-namespace",
    ],
    ["same namespace, pool says so", a, sharer("b2", https), "namespace", ""],
    ["Cluster with Local", a, sharer("b2", { ...https, ...local }), "cluster", "other-endpoints"],
    [
      "Cluster with Local without selector",
      a,
      sharer("b2", { ...https, ...local, selectorText: "" }),
      "cluster",
      "",
    ],
    [
      "Local, other selector",
      sharer("a1", local),
      sharer("b2", { ...https, ...local }),
      "cluster",
      "other-endpoints",
    ],
    [
      "Local, same selector",
      sharer("a1", { ...local, selectorText: "a=b" }),
      sharer("b2", { ...https, ...local, selectorText: "a=b" }),
      "cluster",
      "",
    ],
  ];
  for (const [says, one, two, sharing, reason] of rows) {
    const termsOf = (service: Service) =>
      sharingTerms(service, service.annotations["metallb.universe.tf/allow-shared-ip"]);
    const refusal = whyNotShared(termsOf(one), termsOf(two), sharing);
    assert.equal(refusal?.reason ?? "", reason, says);
    assert.equal(whyNotShared(termsOf(two), termsOf(one), sharing)?.reason ?? "", reason, says);
    assert.notEqual(refusal === undefined ? "fine" : formatSharingRefusal(refusal), "");
  }
});

test("a requested address is shared on the same terms", () => {
  const services = [
    withStatus(sharer("a1"), "10.0.0.5"),
    sharer("a2", { ...https, loadBalancerIP: "10.0.0.5" }),
    sharer("a3", { ...https, loadBalancerIP: "10.0.0.5" }),
  ];
  assert.deepEqual(summaries(allocate(snapshot([p], services))), {
    a1: "10.0.0.5",
    a2: "10.0.0.5",
    a3: "(address-in-use)",
  });
});

test("the only holder may change its key, ports and policy and keeps its address", () => {
  const before = allocate(snapshot([p], [withStatus(sharer("a1"), "10.0.0.5")]));
  const changed = sharer("a1", { ports: ["TCP:8080"], externalTrafficPolicy: "Local" }, "other");
  const after = allocate(snapshot([p], [withStatus(changed, "10.0.0.5")]), before);
  assert.deepEqual(summaries(after), { a1: "10.0.0.5" });
});

test("with company it is the one that changed that moves, although it is the older", () => {
  const b2 = withStatus(sharer("b2", https), "10.0.0.5");
  const before = allocate(snapshot([p], [withStatus(sharer("a1"), "10.0.0.5"), b2]));
  const changed = withStatus(sharer("a1", https), "10.0.0.5");
  const after = allocate(snapshot([p], [changed, b2]), before);
  assert.deepEqual(summaries(after), { a1: "10.0.0.0", b2: "10.0.0.5" });
});

test("after a restart nobody knows who changed: the older keeps the address", () => {
  const services = [
    withStatus(sharer("a1", https), "10.0.0.5"),
    withStatus(sharer("b2", https), "10.0.0.5"),
  ];
  const allocation = allocate(snapshot([p], services));
  assert.deepEqual(summaries(allocation), { a1: "10.0.0.5", b2: "10.0.0.0" });
});

test("one that is being deleted still shares on its terms until it is gone", () => {
  const services = [
    withStatus(sharer("a1", { deleting: true }), "10.0.0.0"),
    sharer("a2", { ...https, loadBalancerIP: "10.0.0.0" }),
    sharer("a3", { ports: ["TCP:80"], loadBalancerIP: "10.0.0.0" }),
  ];
  assert.deepEqual(summaries(allocate(snapshot([p], services))), {
    a2: "10.0.0.0",
    a3: "(address-in-use)",
  });
});
