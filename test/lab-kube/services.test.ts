import assert from "node:assert/strict";
import { test } from "node:test";
import { ApiError } from "../../lab/kube/api-error.ts";
import { makeCluster } from "../../lab/kube/cluster.ts";
import { at, type JsonObject, listAt, numberAt, textAt, textsAt } from "../../lab/kube/json.ts";
import type { Objects } from "../../lab/kube/objects.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { service } from "./client.ts";

function newCluster(ranges?: readonly string[]): Objects {
  return makeCluster({
    clock: new ManualClock(),
    random: () => 0.5,
    ...(ranges === undefined ? {} : { serviceClusterIpRanges: ranges }),
  }).objects;
}

/** The causes of a refusal, each as `field: message`. */
function causes(act: () => unknown): readonly string[] {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof ApiError);
    return listAt(error.details, "causes").map(
      (cause) => `${textAt(cause, "field")}: ${textAt(cause, "message")}`,
    );
  }
  assert.fail("was not refused");
}

test("a LoadBalancer Service gets a cluster address, a node port and the defaults", () => {
  const objects = newCluster();
  const created = objects.create(service("a", { type: "LoadBalancer" }));
  assert.match(textAt(created, "spec", "clusterIP") ?? "", /^10\.96\.\d+\.\d+$/);
  const [port] = listAt(created, "spec", "ports");
  const nodePort = numberAt(port, "nodePort") ?? 0;
  assert.ok(nodePort >= 30000 && nodePort <= 32767);
  assert.equal(textAt(port, "protocol"), "TCP");
  assert.equal(numberAt(port, "targetPort"), 80);
  assert.equal(textAt(created, "spec", "externalTrafficPolicy"), "Cluster");
  assert.equal(textAt(created, "spec", "internalTrafficPolicy"), "Cluster");
  assert.equal(textAt(created, "spec", "sessionAffinity"), "None");
  assert.equal(at(created, "spec", "allocateLoadBalancerNodePorts"), true);
  assert.deepEqual(at(created, "status"), { loadBalancer: {} });
});

test("two Services never share a cluster address or a node port", () => {
  const objects = newCluster();
  const seen = new Set<string>();
  for (let index = 0; index < 300; index += 1) {
    const created = objects.create(service(`a${index}`, { type: "NodePort" }));
    seen.add(textAt(created, "spec", "clusterIP") ?? "");
    seen.add(String(numberAt(listAt(created, "spec", "ports")[0], "nodePort")));
  }
  assert.equal(seen.size, 600);
});

test("what a deleted Service held is free again", () => {
  const objects = newCluster();
  const spec = {
    type: "NodePort",
    clusterIP: "10.96.0.10",
    ports: [{ port: 80, nodePort: 30000 }],
  };
  objects.create(service("a", spec));
  assert.deepEqual(
    causes(() => objects.create(service("b", spec))),
    [
      'spec.clusterIPs[0]: Invalid value: "10.96.0.10": failed to allocate IP 10.96.0.10: provided IP is already allocated',
      "spec.ports[0].nodePort: Invalid value: 30000: provided port is already allocated",
    ],
  );
  objects.delete("services", "default/a");
  objects.create(service("b", spec));
});

test("a Local Service gets a health check port, and loses it with its policy", () => {
  const objects = newCluster();
  const created = objects.create(
    service("a", { type: "LoadBalancer", externalTrafficPolicy: "Local" }),
  );
  assert.ok((numberAt(created, "spec", "healthCheckNodePort") ?? 0) >= 30000);
  const changed = objects.patch("services", "default/a", {
    spec: { externalTrafficPolicy: "Cluster" },
  });
  assert.equal(at(changed, "spec", "healthCheckNodePort"), undefined);
});

test("no node port is given where none is wanted", () => {
  const created = newCluster().create(
    service("a", { type: "LoadBalancer", allocateLoadBalancerNodePorts: false }),
  );
  assert.equal(numberAt(listAt(created, "spec", "ports")[0], "nodePort"), undefined);
});

test("a change of type to ClusterIP drops node ports, policy, class and the ingress addresses", () => {
  const objects = newCluster();
  objects.create(service("a", { type: "LoadBalancer", loadBalancerClass: "x/y" }));
  const ingress = [{ ip: "192.0.2.1" }];
  objects.patch("services", "default/a", { status: { loadBalancer: { ingress } } }, "status");
  const changed = objects.patch("services", "default/a", { spec: { type: "ClusterIP" } });
  assert.deepEqual(at(changed, "status", "loadBalancer"), {});
  for (const field of [
    "externalTrafficPolicy",
    "allocateLoadBalancerNodePorts",
    "loadBalancerClass",
  ]) {
    assert.equal(at(changed, "spec", field), undefined, field);
  }
  assert.equal(numberAt(listAt(changed, "spec", "ports")[0], "nodePort"), undefined);
});

test("a replacement that leaves out what the server gave keeps it", () => {
  const objects = newCluster();
  const before = objects.create(service("a", { type: "LoadBalancer" }));
  const after = objects.update(service("a", { type: "LoadBalancer", sessionAffinity: "ClientIP" }));
  assert.equal(textAt(after, "spec", "clusterIP"), textAt(before, "spec", "clusterIP"));
  assert.equal(
    numberAt(listAt(after, "spec", "ports")[0], "nodePort"),
    numberAt(listAt(before, "spec", "ports")[0], "nodePort"),
  );
  assert.equal(
    numberAt(after, "spec", "sessionAffinityConfig", "clientIP", "timeoutSeconds"),
    10800,
  );
});

test("dual stack gives an address of each family, and single stack takes the second back", () => {
  const objects = newCluster();
  const created = objects.create(service("a", { ipFamilyPolicy: "PreferDualStack" }));
  assert.deepEqual(textsAt(created, "spec", "ipFamilies"), ["IPv4", "IPv6"]);
  assert.match(textsAt(created, "spec", "clusterIPs")[1] ?? "", /^fd00:10:96::/);
  const changed = objects.patch("services", "default/a", {
    spec: { ipFamilyPolicy: "SingleStack" },
  });
  assert.deepEqual(textsAt(changed, "spec", "ipFamilies"), ["IPv4"]);
  assert.equal(textsAt(changed, "spec", "clusterIPs").length, 1);
  const sixth = objects.create(service("b", { ipFamilies: ["IPv6"] }));
  assert.match(textAt(sixth, "spec", "clusterIP") ?? "", /^fd00:10:96::/);
});

test("dual stack is refused or left out where there is one range", () => {
  const objects = newCluster(["10.96.0.0/16"]);
  assert.deepEqual(
    causes(() => objects.create(service("a", { ipFamilyPolicy: "RequireDualStack" }))),
    [
      'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
    ],
  );
  const created = objects.create(service("a", { ipFamilyPolicy: "PreferDualStack" }));
  assert.deepEqual(textsAt(created, "spec", "ipFamilies"), ["IPv4"]);
});

test("a headless Service has no address, and an ExternalName neither address nor ports", () => {
  const objects = newCluster();
  const headless = objects.create(service("a", { clusterIP: "None" }));
  assert.deepEqual(textsAt(headless, "spec", "clusterIPs"), ["None"]);
  const named = objects.create({
    ...service("b"),
    spec: { type: "ExternalName", externalName: "example.com" },
  });
  assert.equal(at(named, "spec", "clusterIP"), undefined);
  assert.equal(at(named, "spec", "internalTrafficPolicy"), undefined);
});

const mistakes: readonly (readonly [string, JsonObject, string])[] = [
  ["no port", { ports: [] }, "spec.ports: Required value"],
  [
    "a port of 0",
    { ports: [{ port: 0, targetPort: 1 }] },
    "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
  ],
  [
    "a wrong protocol",
    { ports: [{ port: 1, protocol: "ICMP" }] },
    'spec.ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"',
  ],
  [
    "ports without names",
    { ports: [{ port: 1 }, { port: 2, name: "b" }] },
    "spec.ports[0].name: Required value",
  ],
  [
    "one name twice",
    {
      ports: [
        { port: 1, name: "b" },
        { port: 2, name: "b" },
      ],
    },
    'spec.ports[1].name: Duplicate value: "b"',
  ],
  [
    "an unknown type",
    { type: "Magic" },
    'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
  ],
  [
    "a policy without outside",
    { externalTrafficPolicy: "Local" },
    'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services',
  ],
  [
    "a class without a load balancer",
    { loadBalancerClass: "a/b" },
    "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
  ],
  [
    "a node port out of range",
    { type: "NodePort", ports: [{ port: 1, nodePort: 80 }] },
    "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767",
  ],
  [
    "an address out of range",
    { clusterIP: "10.0.0.1" },
    'spec.clusterIPs[0]: Invalid value: "10.0.0.1": failed to allocate IP 10.0.0.1: the provided IP (10.0.0.1) is not in the valid range. The range of valid IPs is 10.96.0.0/16, fd00:10:96::/112',
  ],
];

for (const [name, spec, cause] of mistakes) {
  test(`a Service with ${name} is refused with the real server's words`, () => {
    const objects = newCluster();
    assert.deepEqual(
      causes(() => objects.create(service("a", spec))),
      [cause],
    );
  });
}

test("the cluster address and the class of a load balancer never change", () => {
  const objects = newCluster();
  objects.create(service("a", { type: "LoadBalancer" }));
  const patch = { spec: { clusterIP: "10.96.9.9", loadBalancerClass: "x/y" } };
  assert.deepEqual(
    causes(() => objects.patch("services", "default/a", patch)),
    [
      'spec.loadBalancerClass: Invalid value: "x/y": may not change once set',
      'spec.clusterIPs[0]: Invalid value: "10.96.9.9": may not change once set',
    ],
  );
});

test("ingress addresses are checked, and are VIPs unless they say otherwise", () => {
  const objects = newCluster();
  objects.create(service("a", { type: "LoadBalancer" }));
  const write = (ingress: readonly JsonObject[]) =>
    objects.patch("services", "default/a", { status: { loadBalancer: { ingress } } }, "status");
  const written = write([
    { ip: "192.0.2.1" },
    { ip: "192.0.2.2", ipMode: "Proxy" },
    { hostname: "a.b" },
  ]);
  assert.deepEqual(at(written, "status", "loadBalancer", "ingress"), [
    { ip: "192.0.2.1", ipMode: "VIP" },
    { ip: "192.0.2.2", ipMode: "Proxy" },
    { hostname: "a.b" },
  ]);
  assert.match(causes(() => write([{ ip: "nonsense" }]))[0] ?? "", /must be a valid IP address/);
  assert.match(
    causes(() => write([{ ip: "192.0.2.1", ipMode: "X" }]))[0] ?? "",
    /Unsupported value/,
  );
});
