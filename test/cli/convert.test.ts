import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as fc from "fast-check";
import { stringify } from "yaml";
import { readMetallbObjects } from "../../src/cli/convert/metallb-object.ts";
import { convert } from "../../src/cli/convert.ts";
import { parseConfig } from "../../src/config/parse.ts";
import { runCommand } from "./run-command.ts";

const folder = join(import.meta.dirname, "convert");
const fixture = join(folder, "metallb.yaml");

const peer = "{myASN: 64522, peerASN: 64512, peerAddress: 172.16.9.1}";

function object(kind: string, name: string, spec: string, version = "v1beta1"): string {
  return `apiVersion: metallb.io/${version}\nkind: ${kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;
}

/** Our configuration of MetalLB's objects, and what is remarked, without places. */
function converted(...objects: readonly string[]) {
  const { text, losses, notes } = convert(readMetallbObjects("f", objects.join("---\n")), "ns");
  const told = ({ object: title, field, text: why }: (typeof losses)[number]) =>
    `${title}: ${field}: ${why}`;
  const parsed = parseConfig(text, { layer2: "error" });
  assert.ok(parsed.ok, text);
  return { text, config: parsed.config, losses: losses.map(told), notes: notes.map(told) };
}

test("every field of MetalLB v0.16, and what it is here", async (t) => {
  const { code, out, error } = await runCommand(["convert", fixture]);
  assert.equal(code, 1);
  t.assert.fileSnapshot(out, join(folder, "routelb.yaml"), { serializers: [String] });
  const remarks = error.replaceAll(`${folder}/`, "");
  t.assert.fileSnapshot(remarks, join(folder, "remarks.txt"), { serializers: [String] });
  assert.doesNotMatch(error, /hunter2|s3cret/);
});

test("the result passes lint", async (t) => {
  const { out } = await runCommand(["convert", fixture]);
  const file = await fileOf(t, out);
  assert.deepEqual(await runCommand(["lint", file]), { code: 0, out: "", error: "" });
});

test("what is all expressed gives exit code 0 and nothing on the standard error", async (t) => {
  const file = await fileOf(
    t,
    [
      object("BGPPeer", "a", peer, "v1beta2"),
      object("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}"),
      object("BGPAdvertisement", "all", "{}"),
    ].join("---\n"),
  );
  const { code, out, error } = await runCommand(["convert", file, "-n", "x", "--config", "y"]);
  assert.deepEqual({ code, error }, { code: 0, error: "" });
  assert.equal(
    out,
    `apiVersion: v1
kind: ConfigMap
metadata:
  name: y
  namespace: x
data:
  config: |
    peers:
      - name: a
        my-asn: 64522
        peer-asn: 64512
        peer-address: 172.16.9.1
    address-pools:
      - name: p
        protocol: bgp
        addresses:
          - 10.0.0.0/24
`,
  );
});

test("files refer to each other, and may be JSON or Lists", async (t) => {
  const list = {
    apiVersion: "v1",
    kind: "List",
    items: [
      {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: { name: "p" },
        spec: { addresses: ["10.0.0.0/24"] },
      },
    ],
  };
  const pools = await fileOf(t, JSON.stringify(list));
  const advertisements = await fileOf(t, object("BGPAdvertisement", "a", "{ipAddressPools: [p]}"));
  const { code, out } = await runCommand(["convert", pools, advertisements]);
  assert.equal(code, 0);
  assert.match(out, /name: p\n/);
});

test("exit code 2: no file, none of MetalLB's objects, no YAML, no such file", async (t) => {
  assert.equal((await runCommand(["convert"])).code, 2);
  const none = await runCommand(["convert", await fileOf(t, "kind: Secret\napiVersion: v1\n")]);
  assert.deepEqual([none.code, none.out], [2, ""]);
  assert.match(none.error, /no object of metallb\.io/);
  const broken = await fileOf(t, "kind: [\n");
  const unread = await runCommand(["convert", broken]);
  assert.equal(unread.code, 2);
  assert.match(unread.error, /^routelb convert: .*:\d+:\d+: /);
  assert.match((await runCommand(["convert", "/nowhere"])).error, /cannot read \/nowhere/);
});

test("a pool that no BGPAdvertisement selects is announced by nobody: it is not in the result", () => {
  const pool = object("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}");
  const { config, losses } = converted(pool);
  assert.deepEqual(config.pools, []);
  assert.match(losses.join(), /IPAddressPool p: : no BGPAdvertisement selects it/);
  const other = object(
    "BGPAdvertisement",
    "a",
    "{ipAddressPoolSelectors: [{matchLabels: {x: y}}]}",
  );
  assert.deepEqual(converted(pool, other).config.pools, []);
  const layer2 = converted(pool, object("L2Advertisement", "l", "{}"));
  assert.match(layer2.losses.join(), /only L2Advertisements select it/);
});

test("a pool has the advertisements that name it, match its labels, or say nothing of pools", () => {
  const { config, losses } = converted(
    object("IPAddressPool", "p, labels: {x: a}", "{addresses: [10.0.0.0/24]}"),
    object("BGPAdvertisement", "every", "{localPref: 1, nodeSelectors: [{matchLabels: {n: a}}]}"),
    object(
      "BGPAdvertisement",
      "named",
      "{ipAddressPools: [p], localPref: 2, nodeSelectors: [{matchLabels: {n: b}}]}",
    ),
    object(
      "BGPAdvertisement",
      "labelled",
      "{ipAddressPoolSelectors: [{matchLabels: {x: a}}], localPref: 3, nodeSelectors: [{matchLabels: {n: c}}]}",
    ),
    object(
      "BGPAdvertisement",
      "foreign",
      "{ipAddressPoolSelectors: [{matchLabels: {x: b}}], localPref: 4}",
    ),
    object(
      "BGPAdvertisement",
      "again",
      "{ipAddressPools: [p], localPref: 1, nodeSelectors: [{matchLabels: {n: a}}]}",
    ),
  );
  assert.deepEqual(losses, []);
  assert.deepEqual(
    config.pools[0]?.advertisements.map(({ localPref }) => localPref),
    [1, 2, 3],
  );
});

test("an advertisement that loses its last peer goes: without the list it would go to all", () => {
  const { config, losses } = converted(
    object("BGPPeer", "good", peer, "v1beta2"),
    object("BGPPeer", "red", `{myASN: 1, peerASN: 2, peerAddress: 10.1.1.1, vrf: red}`, "v1beta2"),
    object("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}"),
    object("IPAddressPool", "q", "{addresses: [10.0.1.0/24]}"),
    object("BGPAdvertisement", "both", "{ipAddressPools: [p], peers: [good, red]}"),
    object("BGPAdvertisement", "lone", "{ipAddressPools: [q], peers: [red]}"),
  );
  assert.deepEqual(
    config.pools.map(({ name, advertisements }) => [
      name,
      advertisements.map(({ peers }) => peers),
    ]),
    [["p", [["good"]]]],
  );
  assert.match(losses.join("\n"), /BGPAdvertisement both: spec\.peers: red is not among the peers/);
  assert.match(losses.join("\n"), /IPAddressPool q: : was left out with the last/);
});

test("v1beta1: a time or a port of zero was not set; in v1beta2 a Hold Time of zero is one", () => {
  const zeros = peer.replace("}", ", holdTime: 0s, keepaliveTime: 0s, peerPort: 0}");
  const old = converted(object("BGPPeer", "a", zeros));
  assert.equal(old.config.peers[0]?.holdTimeSeconds, 90);
  assert.equal(old.config.peers[0]?.peerPort, 179);
  const now = converted(object("BGPPeer", "a", zeros.replace(", peerPort: 0", ""), "v1beta2"));
  assert.equal(now.config.peers[0]?.holdTimeSeconds, 0);
  assert.deepEqual([...old.losses, ...now.losses], []);
  const derived = converted(
    object("BGPPeer", "a", peer.replace("}", ", keepaliveTime: 10s}"), "v1beta2"),
  );
  assert.equal(derived.config.peers[0]?.holdTimeSeconds, 30, "three times the keepalive time");
});

test("a session carries one family only where the object says so", () => {
  const families = (more: string, address = "172.16.9.1") =>
    converted(
      object("BGPPeer", "a", `{myASN: 1, peerASN: 2, peerAddress: "${address}"${more}}`, "v1beta2"),
    ).config.peers[0]?.families;
  assert.deepEqual(families(""), ["ipv4", "ipv6"]);
  assert.deepEqual(families(", dualStackAddressFamily: true"), ["ipv4", "ipv6"]);
  assert.deepEqual(families(", dualStackAddressFamily: false"), ["ipv4"]);
  assert.deepEqual(families(", disableMP: true", "2001:db8::1"), ["ipv6"]);
});

test("Secrets go by reference: a note says what to copy and what to allow", () => {
  const { config, notes, losses } = converted(
    object(
      "BGPPeer",
      "a",
      peer.replace("}", ", passwordSecret: {name: s, namespace: from}}"),
      "v1beta2",
    ),
  );
  assert.deepEqual(config.peers[0]?.password, { type: "secret", name: "s", key: "password" });
  assert.deepEqual(losses, []);
  assert.deepEqual(notes, [
    "BGPPeer a: spec.passwordSecret: the Secret s is referred to, key password: copy it from from to ns, and name it in the Role of the speaker (resourceNames)",
  ]);
});

test("AddressPool, which has its advertisements in it", () => {
  const { config, losses } = converted(
    object("AddressPool", "none", "{protocol: bgp, addresses: [10.0.0.0/24], autoAssign: false}"),
    object(
      "AddressPool",
      "two",
      "{protocol: bgp, addresses: [10.0.1.0/24], bgpAdvertisements: [{aggregationLength: 24, localPref: 5}, {aggregationLength: 32, communities: [64512:1]}]}",
    ),
    object("AddressPool", "l2", "{protocol: layer2, addresses: [10.0.2.0/24]}"),
  );
  assert.deepEqual(
    config.pools.map(({ name, autoAssign, advertisements }) => [
      name,
      autoAssign,
      advertisements.length,
    ]),
    [
      ["none", false, 1],
      ["two", true, 2],
    ],
  );
  assert.match(losses.join(), /^AddressPool l2: spec\.protocol: the pool was left out/);
});

test("what lint refuses is left out and named, with all that leaned on it", () => {
  const { config, losses } = converted(
    object("BGPPeer", "a", peer.replace("64522", "0"), "v1beta2"),
    object("BGPPeer", "b", peer.replace("}", ", color: red, bfdProfile: none}"), "v1beta2"),
    object("Community", "c", '{communities: [{name: x, value: "70000:1"}]}'),
    object("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}"),
    object("BGPAdvertisement", "x", "{communities: [x]}"),
    object("Gadget", "g", "{}"),
  );
  assert.deepEqual(config, { peers: [], pools: [], layer2Pools: [] });
  const told = losses.join("\n");
  for (const part of [
    "BGPPeer a: : was left out",
    "BGPPeer b: spec.color: is no field",
    "BGPPeer b: : was left out: peers[",
    "Community c: : was left out: bgp-communities.x",
    "BGPAdvertisement x: : was left out",
    "IPAddressPool p: : was left out",
    "Gadget g: : is of no kind",
  ]) {
    assert.ok(told.includes(part), `${part} in\n${told}`);
  }
});

test("two Communities that differ in an alias: the first counts, and the other is told", () => {
  const { config, losses } = converted(
    object("Community", "c", '{communities: [{name: x, value: "1:1"}, {name: y, value: "1:3"}]}'),
    object("Community", "d", '{communities: [{name: x, value: "1:2"}, {name: y, value: "1:3"}]}'),
    object("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}"),
    object("BGPAdvertisement", "a", "{communities: [x]}"),
  );
  assert.deepEqual(config.pools[0]?.advertisements[0]?.communities, [
    { type: "standard", value: 0x1_0001 },
  ]);
  assert.deepEqual(losses, [
    "Community d: spec.communities: x is 1:1 in Community c, which was taken",
  ]);
});

const name = fc.constantFrom("a", "b", "c");
const names = fc.uniqueArray(name, { maxLength: 3 });
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
const selectorList = fc.array(
  fc.record({ matchLabels: fc.dictionary(name, name, { maxKeys: 1 }) }),
  { maxLength: 2 },
);

/** Objects with values of every sort, right and wrong. */
const anyObject = fc.oneof(
  fc.record({
    kind: fc.constant("BGPPeer"),
    name,
    spec: fc.record({
      myASN: fc.integer({ min: 0, max: 5 }),
      peerASN: maybe(fc.integer({ min: 0, max: 5 })),
      dynamicASN: maybe(fc.constantFrom("internal", "external", "")),
      peerAddress: maybe(fc.constantFrom("10.1.0.1", "10.1.0.2", "2001:db8::1", "x")),
      holdTime: maybe(fc.constantFrom("0s", "1s", "3s", "90s", "x")),
      keepaliveTime: maybe(fc.constantFrom("0s", "1s", "100s")),
      ebgpMultiHop: maybe(fc.boolean()),
      bfdProfile: maybe(name),
      vrf: maybe(fc.constantFrom("", "red")),
      nodeSelectors: maybe(selectorList),
    }),
  }),
  fc.record({
    kind: fc.constantFrom("IPAddressPool", "AddressPool"),
    name,
    spec: fc.record({
      addresses: fc.array(fc.constantFrom("10.0.0.0/24", "10.0.1.0/30", "10.0.0.5-10.0.0.9", "x"), {
        maxLength: 2,
      }),
      autoAssign: maybe(fc.boolean()),
      protocol: maybe(fc.constantFrom("bgp", "layer2")),
      bgpAdvertisements: maybe(
        fc.array(fc.record({ aggregationLength: fc.integer({ min: 20, max: 34 }) }), {
          maxLength: 2,
        }),
      ),
    }),
  }),
  fc.record({
    kind: fc.constant("BGPAdvertisement"),
    name,
    spec: fc.record({
      ipAddressPools: maybe(names),
      ipAddressPoolSelectors: maybe(selectorList),
      peers: maybe(names),
      aggregationLength: maybe(fc.integer({ min: 20, max: 34 })),
      localPref: maybe(fc.integer({ min: 0, max: 2 })),
      communities: maybe(fc.array(fc.constantFrom("a", "b", "1:1", "x"), { maxLength: 3 })),
    }),
  }),
  fc.record({
    kind: fc.constantFrom("BFDProfile", "Community"),
    name,
    spec: fc.record({
      receiveInterval: maybe(fc.integer({ min: 0, max: 70_000 })),
      echoMode: maybe(fc.boolean()),
      communities: maybe(
        fc.array(fc.record({ name, value: fc.constantFrom("1:1", "1:2", "x") }), { maxLength: 2 }),
      ),
    }),
  }),
);

test("whatever the objects, the result passes lint", () => {
  fc.assert(
    fc.property(fc.array(anyObject, { maxLength: 8 }), (objects) => {
      const manifests = objects.map(({ kind, name: own, spec }) =>
        stringify({ apiVersion: "metallb.io/v1beta1", kind, metadata: { name: own }, spec }),
      );
      converted(...manifests);
    }),
    { numRuns: 300 },
  );
});

async function fileOf(t: TestContext, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "routelb-convert-"));
  t.after(() => rm(directory, { recursive: true }));
  const file = join(directory, "objects.yaml");
  await writeFile(file, text);
  return file;
}
