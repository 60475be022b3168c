import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { startApiServer } from "../../lab/kube/server.ts";
import { formatKubeconfig } from "../../lab/kubeconfig.ts";
import { runCommand } from "./run-command.ts";

const nodes = [1, 2, 3]
  .map(
    (number) => `apiVersion: v1
kind: Node
metadata: {name: node${number}, labels: {rack: ${number === 3 ? "b" : "a"}}}
status: {addresses: [{type: InternalIP, address: 172.16.7.1${number}}]}
`,
  )
  .join("---\n");

const pools = `address-pools:
- name: p
  protocol: bgp
  addresses: [172.16.7.192/26, 10.0.0.10-10.0.0.12, "fd00:8::/64"]
  weights: true
  weight-community: 64513
  bgp-advertisements: [{}, {aggregation-length: 31, local-host-routes: false, peers: [rack-a]}]
bfd-profiles: [{name: fast, receive-interval: 100, transmit-interval: 200, detect-multiplier: 5}]
`;

const full = `peers:
- name: rack-a
  my-asn: 64522
  peer-asn: 64512
  peer-address: 172.16.9.1
  hold-time: 9s
  ebgp-multihop: true
  bfd-profile: fast
  password-secret: {name: routelb-peers, key: rack-a}
  node-selectors: [{match-labels: {rack: a}}]
- name: rack-b
  my-asn: 64523
  peer-asn: 64512
  peer-address: 172.16.9.1
  password: never-shown
  node-selectors: [{match-labels: {rack: b}}]
  families: [ipv4]
  graceful-restart: false
${pools}`;

async function routerConfig(t: TestContext, config: string, ...flags: readonly string[]) {
  const folder = await mkdtemp(join(tmpdir(), "routelb-router-config-"));
  t.after(() => rm(folder, { recursive: true }));
  const manifests = join(folder, "cluster");
  await mkdir(manifests);
  await writeFile(join(manifests, "nodes.yaml"), nodes);
  const file = join(folder, "config.yaml");
  await writeFile(file, config);
  return runCommand(["router-config", file, "-f", manifests, ...flags]);
}

function peer(more: string): string {
  return `peers: [{my-asn: 64522, ${more}}]\n${pools.replace(", peers: [rack-a]", "")}`;
}

const dialects = { frr: [], bird: [], "vyos-1.3": ["--vyos", "1.3"], "vyos-1.4": [] } as const;

for (const [name, flags] of Object.entries(dialects)) {
  test(`${name}: two entries for one router, read in review`, async (t) => {
    const dialect = name.replace(/-.*/, "");
    const { code, out, error } = await routerConfig(t, full, "--dialect", dialect, ...flags);
    assert.equal(error, "");
    assert.equal(code, 0);
    assert.ok(!out.includes("never-shown"), "a password is not printed");
    t.assert.fileSnapshot(out, `test/golden/router-config/${name}.conf`, {
      serializers: [String],
    });
  });
}

test("docs/routers.md says from which document each word of VyOS is", async (t) => {
  const page = await readFile("docs/routers.md", "utf8");
  const rows = page.split("\n").filter((line) => / \| (protocols|policy|system)\//.test(line));
  const documented = new Set(rows.join(" ").match(/[a-z0-9-]+/g));
  const range = ["--listen-range", "172.16.7.0/24", "--peer", "rack-a"];
  for (const version of ["1.3", "1.4"]) {
    for (const more of [[], range]) {
      const flags = ["--dialect", "vyos", "--vyos", version, ...more];
      const { out } = await routerConfig(t, full, ...flags);
      const words = [...out.matchAll(/^set (.*)$/gm)].flatMap(([, line = ""]) =>
        line.replace(/(description|password) \S+/, "$1").split(" "),
      );
      const isWord = (word: string) => /^[a-z][a-z0-9-]*$/.test(word) && !word.includes("routelb");
      const values = new Set(["permit", "deny"]);
      const unknown = new Set(words.filter((word) => isWord(word) && !values.has(word)));
      const missing = [...unknown].filter((word) => !documented.has(word));
      assert.deepEqual(missing, [], flags.join(" "));
    }
  }
});

test("a listen range and a file need no cluster", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "routelb-router-config-"));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, "config.yaml");
  await writeFile(file, full);
  const flags = ["--dialect", "frr", "--listen-range", "172.16.7.0/24", "--peer", "rack-a"];
  const { code, out } = await runCommand(["router-config", file, ...flags]);
  assert.equal(code, 0);
  assert.match(out, /^ bgp listen range 172\.16\.7\.0\/24 peer-group routelb$/m);
  assert.doesNotMatch(out, /^ neighbor 172/m);
  assert.doesNotMatch(out, /rack-b/);
});

test("the configuration in force and the nodes come from the cluster", async (t) => {
  const server = await startApiServer();
  t.after(() => server.close());
  server.objects.apply({
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "node1" },
    status: { addresses: [{ type: "InternalIP", address: "172.16.7.11" }] },
  });
  server.objects.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "config", namespace: "routelb-system" },
    data: { config: peer("peer-asn: 64512, peer-address: 172.16.7.1") },
  });
  const folder = await mkdtemp(join(tmpdir(), "routelb-router-config-"));
  t.after(() => rm(folder, { recursive: true }));
  const kubeconfig = join(folder, "kubeconfig");
  await writeFile(kubeconfig, formatKubeconfig({ server: server.url }));
  const flags = ["--dialect", "bird", "--kubeconfig", kubeconfig];
  const { code, out } = await runCommand(["router-config", ...flags]);
  assert.equal(code, 0);
  assert.match(out, /neighbor 172\.16\.7\.11 as 64522; } # node1$/m);
});

test("internal and external: the router's AS number", async (t) => {
  const internal = peer("peer-asn: internal, peer-address: 172.16.7.1");
  const { out } = await routerConfig(t, internal, "--dialect", "frr");
  assert.match(out, /^router bgp 64522$/m);
  assert.match(out, /^ {2}maximum-paths ibgp 8$/m);
  const external = peer("peer-asn: external, peer-address: 172.16.7.1");
  const refused = await routerConfig(t, external, "--dialect", "frr");
  assert.equal(refused.code, 2);
  assert.match(refused.error, /peer-asn of 172\.16\.7\.1:179 is external: give --router-asn/);
  const told = await routerConfig(t, external, "--dialect", "frr", "--router-asn", "4200000000");
  assert.match(told.out, /^router bgp 4200000000$/m);
});

test("what Nodes do not tell is said: link-local ends, other families", async (t) => {
  const linkLocal = peer(`peer-asn: 64512, peer-address: "fe80::1%eth0"`);
  const { code, out } = await routerConfig(t, linkLocal, "--dialect", "frr");
  assert.equal(code, 0);
  assert.match(out, /To be written by hand: node1: its link-local address on eth0/);
  const other = peer("peer-asn: 64512, peer-address: fd00::1");
  const { out: without } = await routerConfig(t, other, "--dialect", "bird");
  assert.match(without, /To be written by hand: node1: it has no ipv6 InternalIP\./);
  const gateway = peer("peer-asn: 64512, peer-address: default-gateway");
  const { out: default_ } = await routerConfig(t, gateway, "--dialect", "bird");
  assert.match(default_, /^ {2}local as 64512;$/m);
  assert.match(default_, /neighbor 172\.16\.7\.13 as 64522/);
});

test("what FRR refuses of a second load, or beside neighbours of its own: said where it can happen", async (t) => {
  const twice = /^! Loaded once more, FRR 8\.4/m;
  const others = /^! A neighbour that is in another peer group/m;
  const entry = "peer-asn: 64512, peer-address: 172.16.7.1";
  const { out } = await routerConfig(t, peer(entry), "--dialect", "frr");
  assert.match(out, twice);
  assert.match(out, others);
  const range = ["--listen-range", "172.16.7.0/24"];
  const withoutRestart = peer(`${entry}, graceful-restart: false`);
  const none = await routerConfig(t, withoutRestart, "--dialect", "frr", ...range);
  assert.doesNotMatch(none.out, twice);
  assert.doesNotMatch(none.out, others);
});

test("FRR's single-hop BFD to the far side never comes up: said", async (t) => {
  const far = peer("peer-asn: 64512, peer-address: 172.16.9.1, bfd-profile: fast");
  const { out } = await routerConfig(t, far, "--dialect", "frr");
  assert.match(out, /^ ! CAUTION: the nodes dial an address that seems to be on another link/m);
  const near = peer("peer-asn: 64512, peer-address: 172.16.7.1, bfd-profile: fast");
  assert.doesNotMatch((await routerConfig(t, near, "--dialect", "frr")).out, /CAUTION/);
});

test("two routers: what each needs, one below the other, in names that do not meet", async (t) => {
  const two = `peers:
- {my-asn: 64522, peer-asn: 64512, peer-address: 172.16.7.1}
- {my-asn: 64522, peer-asn: 64600, peer-address: 172.16.7.2, peer-port: 1179}
${pools.replace(", peers: [rack-a]", "")}`;
  const { out } = await routerConfig(t, two, "--dialect", "frr");
  assert.deepEqual(out.match(/^router bgp \d+$/gm), ["router bgp 64512", "router bgp 64600"]);
  assert.deepEqual(out.match(/^! RouteLB: what FRR on router \S+/gm), [
    "! RouteLB: what FRR on router 172.16.7.1",
    "! RouteLB: what FRR on router 172.16.7.2",
  ]);
  assert.equal(out.match(/^ neighbor routelb-2 peer-group$/gm)?.length, 1);
  assert.match(out, /^ ! The nodes dial port 1179: the daemon must listen there/m);
  const bird = await routerConfig(t, two, "--dialect", "bird", "--peer", "172.16.7.2:1179");
  assert.match(bird.out, /^ {2}local 172\.16\.7\.2 port 1179 as 64600;$/m);
  assert.doesNotMatch(bird.out, /64512/);
});

test("a name cannot end its comment", async (t) => {
  const named = peer(`peer-asn: 64512, peer-address: 172.16.7.1, name: "a\\nrouter bgp 1"`);
  for (const dialect of ["frr", "bird", "vyos"]) {
    const { out } = await routerConfig(t, named, "--dialect", dialect);
    assert.doesNotMatch(out, /^ *router bgp 1$/m);
  }
});

test("command lines that are not understood", async (t) => {
  for (const [flags, message] of [
    [[], /give --dialect: frr, vyos, bird/],
    [["--dialect", "ios"], /is not one of frr, vyos, bird/],
    [["--dialect", "frr", "--listen-range", "172.16.7.0"], /is not a network/],
    [["--dialect", "frr", "--router-asn", "0"], /is not an AS number/],
    [["--dialect", "frr", "--peer", "c"], /no peer c, but rack-a, rack-b/],
    [["--dialect", "frr", "more"], /give one FILE at most/],
  ] as const) {
    const { code, error } = await routerConfig(t, full, ...flags);
    assert.equal(code, 2);
    assert.match(error, message);
  }
});
