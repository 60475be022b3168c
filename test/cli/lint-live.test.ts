import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ApiServer, startApiServer } from "../../lab/kube/server.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { listOf, recordOf } from "../../src/kube/json.ts";
import { runCommand } from "./run-command.ts";

const cluster = `apiVersion: v1
kind: Node
metadata: {name: node1, labels: {rack: a}}
spec: {podCIDRs: [10.244.1.0/24]}
status: {addresses: [{type: InternalIP, address: 172.16.7.11}]}
---
${["web", "api"]
  .map(
    (name) => `apiVersion: v1
kind: Service
metadata: {name: ${name}, annotations: {metallb.io/allow-shared-ip: one}}
spec:
  type: LoadBalancer
  externalTrafficPolicy: Local
  selector: {app: both}
  clusterIPs: [10.96.0.7]
  ipFamilies: [IPv4]
  ports: [{port: ${name === "web" ? 80 : 443}}]
status: {loadBalancer: {ingress: [{ip: 10.0.0.1}]}}
`,
  )
  .join("---\n")}---
apiVersion: v1
kind: ConfigMap
metadata: {name: config, namespace: routelb-system}
data:
  config: |
    address-pools: [{name: old, protocol: bgp, addresses: [10.0.0.0/24]}]
---
apiVersion: v1
kind: Secret
metadata: {name: routelb-peers, namespace: routelb-system}
data: {good: czNjcmV0}
`;

async function lint(t: TestContext, config: string, ...flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "routelb-lint-"));
  t.after(() => rm(folder, { recursive: true }));
  const manifests = join(folder, "cluster");
  await mkdir(manifests);
  await writeFile(join(manifests, "all.yaml"), cluster);
  const file = join(folder, "config.yaml");
  await writeFile(file, config);
  const { code, out, error } = await runCommand(["lint", file, "-f", manifests, ...flags]);
  return { code, lines: out.replaceAll(`${folder}/`, "").split("\n").slice(0, -1), error };
}

function peer(name: string, more: string): string {
  return `{my-asn: 64522, peer-asn: 64512, peer-address: 172.16.9.1, name: ${name}${more}}`;
}

function pool(range: string, more = ""): string {
  return `{name: p, protocol: bgp, addresses: [${range}]${more}}`;
}

const shared =
  "config.yaml: warning: address 10.0.0.1: is shared by default/api, default/web with " +
  "externalTrafficPolicy Local: only nodes on which each of them has an endpoint advertise it";

test("a configuration that fits the cluster has nothing but what the Services show", async (t) => {
  const config = `peers: [${peer("a", ", password-secret: {name: routelb-peers, key: good}")}]
address-pools: [${pool("10.0.0.0/24")}]
`;
  assert.deepEqual(await lint(t, config), { code: 0, lines: [shared], error: "" });
});

test("addresses that somebody else gave are replaced, and said to be", async (t) => {
  const config = `peers: [${peer("a", "")}]\naddress-pools: [${pool("10.5.0.0/24")}]\n`;
  const allowed = `kind: ConfigMap
metadata: {name: config, annotations: {routelb.io/allow-renumbering: "true"}}
data: {config: ${JSON.stringify(config)}}
`;
  const { lines } = await lint(t, allowed);
  assert.match(
    lines.at(-1) ?? "",
    /warning: configuration: no pool holds the address of default\/web \(10\.0\.0\.1\), default\/api/,
  );
  const named = `${config.trimEnd().slice(0, -1)}, {name: l2, protocol: bgp, addresses: [10.0.0.0/24]}]\n`;
  assert.deepEqual((await lint(t, named)).lines, [shared]);
});

test("peers: unused, on no node, with Secrets that are not there", async (t) => {
  const config = `peers:
- ${peer("used", ", password-secret: {name: routelb-peers, key: bad}")}
- ${peer("unused", ", peer-port: 1179, password-secret: {name: other, key: x}")}
- ${peer("nowhere", ", peer-port: 2179, node-selectors: [{match-labels: {rack: z}}]")}
address-pools:
- ${pool("10.0.0.0/24", ", bgp-advertisements: [{peers: [used, nowhere], node-selectors: [{match-labels: {rack: q}}]}]")}
`;
  const { code, lines } = await lint(t, config);
  assert.equal(code, 1);
  assert.deepEqual(lines, [
    "config.yaml: peer used: Secret routelb-system/routelb-peers has nothing under bad: the session stays down",
    "config.yaml: warning: peer unused: no bgp-advertisements of any pool go to it",
    "config.yaml: warning: peer unused: the speaker's Role as shipped names the Secret routelb-peers only: add other to it",
    "config.yaml: peer unused: there is no Secret routelb-system/other: the session stays down",
    "config.yaml: warning: peer nowhere: its node-selectors match no node: there is no session",
    "config.yaml: warning: pool p: the node-selectors of bgp-advertisements[0] match no node: nothing is advertised by it",
    shared,
  ]);
});

test("pools: over nodes, Pods and ClusterIPs, and without what Services have", async (t) => {
  const ranges = "172.16.7.0/24, 10.244.0.0/16, 10.96.0.0/24";
  const { code, lines } = await lint(t, `address-pools: [${pool(ranges)}]\n`);
  assert.equal(code, 1);
  assert.deepEqual(lines.slice(0, 3), [
    "config.yaml: pool p: holds the address of node1",
    "config.yaml: pool p: overlaps the Pods' range 10.244.1.0/24",
    "config.yaml: pool p: holds the ClusterIP 10.96.0.7 (default/web), 10.96.0.7 (default/api)",
  ]);
  assert.match(
    lines.at(-1) ?? "",
    /^config\.yaml: configuration: not applied, because .*10\.0\.0\.1/,
  );
});

test("as JSON, and only the file's own findings where it has errors", async (t) => {
  const { code, lines } = await lint(t, "address-pools: [{name: p}]\n", "-o", "json");
  assert.equal(code, 1);
  const findings = listOf(recordOf(JSON.parse(lines.join("\n")))["findings"]).map(recordOf);
  assert.ok(findings.length > 0);
  assert.ok(findings.every(({ severity }) => severity === "error"));
  assert.match(String(findings[0]?.["text"]), /config\.yaml:1:\d+: address-pools\[0\]/);
});

async function startWith(t: TestContext): Promise<{ server: ApiServer; args: readonly string[] }> {
  const server = await startApiServer();
  const folder = await mkdtemp(join(tmpdir(), "routelb-lint-"));
  t.after(async () => {
    await server.close();
    await rm(folder, { recursive: true });
  });
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig({ server: server.url }));
  const file = join(folder, "config.yaml");
  const secret = ", password-secret: {name: routelb-peers, key: good}";
  await writeFile(file, `peers: [${peer("a", secret)}]\naddress-pools: [${pool("10.0.0.0/24")}]\n`);
  return { server, args: ["lint", file, "--live", "--kubeconfig", kubeconfig] };
}

test("--live reads the cluster, and what may not be read is said", async (t) => {
  const { server, args } = await startWith(t);
  const missing = await runCommand(args);
  assert.equal(missing.code, 1);
  assert.match(missing.out, /peer a: there is no Secret routelb-system\/routelb-peers/);
  const fault = server.faults.add({ resource: "secrets" }, { type: "answer", code: 403 });
  const forbidden = await runCommand(args);
  assert.equal(forbidden.code, 0);
  assert.match(forbidden.out, /warning: peer a: Secret .* is not checked: you may not read it/);
  fault.remove();
  server.objects.apply({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "routelb-peers", namespace: "routelb-system" },
    data: { good: "czNjcmV0" },
  });
  assert.deepEqual(await runCommand(args), { code: 0, out: "", error: "" });
  server.faults.add({ resource: "nodes" }, { type: "answer", code: 403 });
  assert.equal((await runCommand(args)).code, 2);
});

function nodeManifests(count: number): string {
  return Array.from(
    { length: count },
    (_, index) => `---
apiVersion: v1
kind: Node
metadata:
  name: n${index}
${index === 0 ? "  labels: {node.kubernetes.io/exclude-from-external-load-balancers: x}\n" : ""}`,
  ).join("");
}

test("more nodes than routers use next hops, as usual or as told; never an error", async (t) => {
  const config = `peers:
- ${peer("a", "")}
- ${peer("b", ", peer-port: 1179")}
address-pools: [${pool("10.0.0.0/24")}]
`;
  const folder = await mkdtemp(join(tmpdir(), "routelb-lint-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  await writeFile(file, config);
  const findings = async (nodes: number, services: number, ...flags: readonly string[]) => {
    const ingress = Array.from(
      { length: services },
      (_, index) => `---
apiVersion: v1
kind: Service
metadata: {name: s${index}}
spec: {type: LoadBalancer, clusterIPs: [10.96.0.1], ipFamilies: [IPv4], ports: [{port: 80}]}
status: {loadBalancer: {ingress: [{ip: 10.0.0.${index}}, {ip: 10.0.0.255}]}}
`,
    );
    const cluster = join(folder, "cluster");
    await mkdir(cluster, { recursive: true });
    await writeFile(join(cluster, "all.yaml"), nodeManifests(nodes) + ingress.join(""));
    const { code, out } = await runCommand(["lint", file, "-f", cluster, ...flags]);
    assert.equal(code, 0);
    return out
      .split("\n")
      .slice(0, -1)
      .map((line) => line.slice(file.length + 2));
  };
  assert.deepEqual(await findings(65, 1), [], "64 nodes may advertise");
  const [usual, ...none] = await findings(66, 1);
  assert.match(
    usual ?? "",
    /^warning: peer a: 65 nodes can advertise one address; many routers use at most 64/,
  );
  assert.deepEqual(none, [], "two entries for one router are one router");
  assert.deepEqual(await findings(66, 1, "--router-paths", "65"), []);
  const [told] = await findings(4, 1, "--router-paths", "2");
  assert.match(
    told ?? "",
    /^warning: peer a: 3 nodes can advertise one address, and the router uses 2 next hops/,
  );
  assert.deepEqual(await findings(65, 256), [], "16,384 next hops");
  const [total] = await findings(65, 256, "--router-next-hops", "16383");
  assert.match(total ?? "", /64 nodes x 256 addresses are 16384 next hops; the router holds 16383/);
  const more = await findings(66, 256, "--router-paths", "128");
  assert.match(
    more.join(),
    /^warning: peer a: 65 nodes x 256 addresses are 16640 next hops; a switch usually/,
  );
});

test("--live sees MetalLB's speakers and warns of what it would send otherwise", async (t) => {
  const { server, args } = await startWith(t);
  const [, file = ""] = args;
  await writeFile(
    file,
    `peers: [{my-asn: 64512, peer-asn: internal, peer-address: 172.16.9.1, name: a}]\naddress-pools: [${pool("10.0.0.0/24")}]\n`,
  );
  assert.deepEqual(await runCommand(args), { code: 0, out: "", error: "" });
  server.objects.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "speaker-x",
      namespace: "metallb-system",
      labels: { app: "metallb", component: "speaker" },
    },
    spec: { containers: [{ name: "speaker", image: "speaker" }] },
  });
  const { code, out } = await runCommand(args);
  assert.equal(code, 0);
  assert.match(
    out,
    /warning: address-pools\[0\]\.bgp-advertisements: has no localpref and goes to a/,
  );
  const level = (await readFile(file, "utf8")).replace(
    "10.0.0.0/24]",
    "10.0.0.0/24], bgp-advertisements: [{localpref: 0}]",
  );
  await writeFile(file, level);
  assert.deepEqual(await runCommand(args), { code: 0, out: "", error: "" });
  server.objects.delete("pods", "metallb-system/speaker-x");
  assert.match(
    (await runCommand(args)).out,
    /warning: pool .*: localpref: 0 goes to a, an internal/,
  );
});

test("what routers hold is held against a cluster, so one is needed", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-lint-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  await writeFile(file, `address-pools: [${pool("10.0.0.0/24")}]\n`);
  const { code, error } = await runCommand(["lint", file, "--router-paths", "8"]);
  assert.equal(code, 2);
  assert.match(error, /--router-paths and --router-next-hops need --live, or -f/);
});
