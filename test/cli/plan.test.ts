import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startApiServer } from "../../lab/kube/server.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { UsageError } from "../../src/cli/flags.ts";
import { runPlan } from "../../src/cli/plan.ts";
import { recordOf } from "../../src/kube/json.ts";
import { runCommand } from "./run-command.ts";

const before = `peers:
- {my-asn: 64522, peer-asn: 64512, peer-address: 172.16.9.1, name: router}
address-pools:
- {name: old, protocol: bgp, addresses: [10.0.0.0/30]}
`;

function serviceText(name: string, ip: string, policy = "Cluster"): string {
  return `apiVersion: v1
kind: Service
metadata: {name: ${name}, creationTimestamp: "2026-01-01T00:00:00Z"}
spec:
  type: LoadBalancer
  externalTrafficPolicy: ${policy}
  clusterIPs: [10.96.0.9]
  ipFamilies: [IPv4]
  selector: {app: ${name}}
  ports: [{port: 80}]
status: {loadBalancer: {ingress: [{ip: ${ip}}]}}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
endpoints: [{addresses: [10.244.1.2], nodeName: node1, conditions: {ready: true}}]
---
`;
}

const nodes = ["node1", "node2"]
  .map(
    (name, index) => `apiVersion: v1
kind: Node
metadata: {name: ${name}, labels: {rack: r${index}}}
status: {addresses: [{type: InternalIP, address: 172.16.7.${11 + index}}]}
---
`,
  )
  .join("");

function configMap(text: string, annotations = "{}"): string {
  const lines = text.split("\n").map((line) => `    ${line}`);
  return `apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: routelb-system, annotations: ${annotations}}
data:
  config: |
${lines.join("\n")}
`;
}

/** Runs `plan` on manifests of a cluster with `before` in force and Services `web` and `near`. */
async function plan(t: TestContext, after: string, ...flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "routelb-plan-"));
  t.after(() => rm(folder, { recursive: true }));
  const cluster = join(folder, "cluster");
  await mkdir(cluster);
  await writeFile(join(cluster, "services.yaml"), serviceText("web", "10.0.0.0"));
  await writeFile(join(cluster, "near.yaml"), serviceText("near", "10.0.0.1", "Local"));
  await writeFile(join(cluster, "rest.yaml"), `${nodes}${configMap(before)}`);
  const file = join(folder, "new.yaml");
  await writeFile(file, after);
  return runCommand(["plan", file, "-f", cluster, ...flags]);
}

test("what changes nothing is said to change nothing", async (t) => {
  const { code, out } = await plan(t, before, "--exit-code");
  assert.equal(out, "Nothing changes: no Service, no route, no session.\n");
  assert.equal(code, 0);
});

test("a pool that goes away: refused, and what would come of it", async (t) => {
  const { code, out } = await plan(t, before.replace("10.0.0.0/30", "10.1.0.0/30"));
  assert.equal(code, 3);
  assert.match(
    out,
    /^REFUSED\n {2}not applied, because .*default\/near \(10\.0\.0\.1 of pool old\)/,
  );
  assert.match(out, /Services \(2\)\n {2}default\/near: 10\.0\.0\.1 -> 10\.1\.0\.\d\n/);
  assert.match(out, /Routes \(2\)\n {2}node1 to router: \+ 10\.1\.0\.0\/32, 10\.1\.0\.1\/32; - 10/);
  assert.match(out, /node2 to router: \+ 10\.1\.0\.\d\/32; - 10\.0\.0\.0\/32\n$/);
});

test("with renumbering allowed in the file it is not refused", async (t) => {
  const text = before.replace("10.0.0.0/30", "10.1.0.0/32");
  const after = configMap(text, '{routelb.io/allow-renumbering: "true"}');
  const { code, out } = await plan(t, after, "--exit-code");
  assert.equal(code, 1);
  assert.doesNotMatch(out, /REFUSED/);
  assert.match(out, /default\/\w+: loses 10\.0\.0\.\d: no free IPv4 address in old/);
});

test("a peer whose values change is reset; one for some nodes is added there", async (t) => {
  const after = before
    .replace("name: router}", "name: router, hold-time: 30s}")
    .replace(
      "address-pools:",
      "- {my-asn: 64522, peer-asn: 64512, peer-address: 172.16.9.2, name: second, node-selectors: [{match-labels: {rack: r0}}]}\naddress-pools:",
    );
  const { code, out } = await plan(t, after);
  assert.equal(code, 0);
  assert.match(out, /router: reset \(its values change\) on node1, node2/);
  assert.match(out, /second: added on node1\n/);
  assert.match(out, /node1 to second: \+ 10\.0\.0\.0\/32, 10\.0\.0\.1\/32/);
  assert.doesNotMatch(out, /Services/);
});

test("other attributes of a route are shown, as JSON too", async (t) => {
  const after = before.replace("/30]}", "/30], bgp-advertisements: [{communities: [no-export]}]}");
  const { out } = await plan(t, after, "-o", "json");
  const value = recordOf(JSON.parse(out));
  assert.equal(value["refused"], false);
  assert.deepEqual(value["routes"], [
    {
      node: "node1",
      peer: "router",
      added: [],
      withdrawn: [],
      changed: ["10.0.0.0/32", "10.0.0.1/32"],
    },
    { node: "node2", peer: "router", added: [], withdrawn: [], changed: ["10.0.0.0/32"] },
  ]);
});

test("what a status shows stands, with nothing in force and with no controller", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-plan-"));
  t.after(() => rm(folder, { recursive: true }));
  const [cluster, file] = [join(folder, "cluster"), join(folder, "new.yaml")];
  await mkdir(cluster);
  const services = [
    serviceText("kept", "10.0.0.2"),
    serviceText("strange", "192.0.2.7"),
    serviceText("new", "").replace(/^status.*$/m, ""),
  ];
  await writeFile(join(cluster, "all.yaml"), services.join("") + nodes);
  await writeFile(file, before);
  const run = async () => (await runCommand(["plan", file, "-f", cluster])).out;
  const changes =
    "Services (2)\n  default/new: gets 10.0.0.0\n  default/strange: 192.0.2.7 -> 10.0.0.1\n";
  const unasked = await run();
  assert.ok(unasked.startsWith(changes), unasked);
  await writeFile(join(cluster, "config.yaml"), configMap(before));
  assert.match(
    await run(),
    /^Services \(1\)\n {2}default\/strange: 192\.0\.2\.7 -> 10\.0\.0\.\d\n/,
  );
});

test("what cannot be read or is wrong: exit 2, and why", async (t) => {
  const wrong = await plan(t, "address-pools: [{name: 1x}]");
  assert.equal(wrong.code, 2);
  assert.match(wrong.error, /new\.yaml:1:\d+: address-pools\[0\]/);
  const absent = await runCommand(["plan", "/nowhere/config.yaml"]);
  assert.equal(absent.code, 2);
  assert.match(absent.error, /cannot read \/nowhere\/config\.yaml/);
  const io = {
    stdin: (async function* () {})(),
    environment: {},
    write: () => undefined,
    writeError: () => undefined,
  };
  await assert.rejects(() => runPlan([], io), UsageError);
  await assert.rejects(() => runPlan(["a", "--default-class"], io), UsageError);
});

test("against a cluster it compares with the configuration in force", async (t) => {
  const server = await startApiServer();
  t.after(() => server.close());
  const folder = await mkdtemp(join(tmpdir(), "routelb-plan-"));
  t.after(() => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig({ server: server.url }));
  for (const [name, config] of [
    ["config", "broken: ["],
    ["config-in-force", before],
  ] as const) {
    server.objects.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name, namespace: "routelb-system" },
      data: { config },
    });
  }
  server.objects.create({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default" },
    spec: { type: "LoadBalancer", ports: [{ port: 80 }], selector: { app: "web" } },
  });
  const file = join(folder, "new.yaml");
  await writeFile(file, before.replace("10.0.0.0/30", "10.1.0.0/30"));
  const run = () => runCommand(["plan", file, "--kubeconfig", kubeconfig, "--exit-code"]);
  const { code, out } = await run();
  assert.equal(code, 3);
  assert.match(out, /Services \(1\)\n {2}default\/web: 10\.0\.0\.0 -> 10\.1\.0\.0\n$/);
  server.objects.patch("configmaps", "routelb-system/config-in-force", {
    data: { config: "broken: [" },
  });
  assert.deepEqual(await run(), {
    code: 2,
    out: "",
    error: "routelb plan: the configuration in force has errors\n",
  });
  server.faults.add({ resource: "services" }, { type: "answer", code: 403 });
  assert.equal((await run()).code, 2);
});
