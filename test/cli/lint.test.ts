import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { UsageError } from "../../src/cli/flags.ts";
import { runLint } from "../../src/cli/lint.ts";

interface Outcome {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

async function lint(args: readonly string[], stdin: readonly (string | Uint8Array)[] = []) {
  let output = "";
  let errors = "";
  const code = await runLint(args, {
    stdin: (async function* () {
      yield* stdin;
    })(),
    environment: {},
    write: (text) => {
      output += text;
    },
    writeError: (text) => {
      errors += text;
    },
  });
  return { code, output, errors } satisfies Outcome;
}

async function lintFile(text: string | Uint8Array): Promise<Outcome> {
  const directory = await mkdtemp(join(tmpdir(), "routelb-lint-"));
  try {
    const file = join(directory, "config.yaml");
    await writeFile(file, text);
    const { output, errors, code } = await lint([file]);
    return {
      code,
      output: output.replaceAll(`${directory}/`, ""),
      errors: errors.replaceAll(`${directory}/`, ""),
    };
  } finally {
    await rm(directory, { recursive: true });
  }
}

const good = "peers: [{my-asn: 64522, peer-asn: 64512, peer-address: 172.16.9.1}]\n";

test("a good file gives no line and exit code 0", async () => {
  assert.deepEqual(await lintFile(good), { code: 0, output: "", errors: "" });
});

test("warnings alone give exit code 0", async () => {
  assert.deepEqual(await lintFile("# nothing yet\n"), {
    code: 0,
    output: "config.yaml:1:1: warning: is empty: there are no peers and no address-pools\n",
    errors: "",
  });
});

test("every error has its line, and the exit code is 1", async () => {
  assert.deepEqual(await lintFile("peers:\n- {my-asn: 0}\npools: []\n"), {
    code: 1,
    output: `config.yaml:2:3: peers[0].peer-asn: is missing: the router's AS number, external or internal
config.yaml:2:3: peers[0].peer-address: is missing: the router's address
config.yaml:2:12: peers[0].my-asn: 0 is out of range: an AS number is 1 to 4294967295
config.yaml:3:1: pools: unknown key; did you mean address-pools?
`,
    errors: "",
  });
});

test("a layer2 pool is an error", async () => {
  const { code, output } = await lintFile(
    "address-pools: [{name: a, protocol: layer2, addresses: [10.0.0.0/24]}]\n",
  );
  assert.equal(code, 1);
  assert.match(output, /^config\.yaml:1:37: address-pools\[0\]\.protocol: layer2 is not supported/);
});

test("findings of a manifest have the lines of the manifest", async () => {
  const manifest = `apiVersion: v1
kind: ConfigMap
metadata:
  name: config
data:
  config: |
    peers:
    - my-asn: 64522
      peer-asn: 0
      peer-address: 172.16.9.1
`;
  const { code, output } = await lintFile(manifest);
  assert.equal(code, 1);
  assert.match(output, /^config\.yaml:9:17: peers\[0\]\.peer-asn: 0 is out of range/);
});

test("findings of a JSON manifest have the lines of the key config", async () => {
  const { output } = await lintFile(
    JSON.stringify({ kind: "ConfigMap", data: { config: "peers:\n- 1\n" } }),
  );
  assert.match(output, /^config\.yaml: config:2:3: peers\[0\]: is a single value/);
});

test("a ConfigMap that nobody would read: its text under another key, or another name", async () => {
  const data = "data:\n  config.yaml: |\n    peers: []\n";
  assert.deepEqual(await lintFile(`kind: ConfigMap\nmetadata: {name: config}\n${data}`), {
    code: 1,
    output:
      "config.yaml:4:3: data: has no text under the key config, only config.yaml: RouteLB reads no other key\n",
    errors: "",
  });
  const named = (name: string) =>
    `kind: ConfigMap\nmetadata: {name: ${name}, namespace: routelb-system}\ndata: {config: "peers: []"}\n`;
  const { code, output } = await lintFile(named("routelb"));
  assert.equal(code, 0);
  assert.match(
    output,
    /^config\.yaml: warning: ConfigMap routelb-system\/routelb is not read: RouteLB reads routelb-system\/config,/,
  );
  assert.equal((await lintFile(named("config"))).output, "");
});

test("- reads the standard input, however it is cut into chunks", async () => {
  const bytes = new TextEncoder().encode("peérs: []\n");
  const chunks = Array.from(bytes, (byte) => Uint8Array.of(byte));
  const { code, output } = await lint(["-"], chunks);
  assert.equal(code, 1);
  assert.match(output, /^stdin:1:1: \["\?"\]: unknown key; did you mean peers\?/);
  assert.equal((await lint(["-"], [good])).code, 0);
});

test("a file that cannot be read, is no text, or holds no ConfigMap gives exit code 2", async () => {
  const missing = await lint(["no/such/file.yaml"]);
  assert.equal(missing.code, 2);
  assert.match(missing.errors, /^routelb lint: cannot read no\/such\/file\.yaml: ENOENT/);
  assert.equal((await lintFile(Uint8Array.of(0xff, 0xfe, 0))).code, 2);
  assert.deepEqual(await lintFile("kind: IPAddressPool\napiVersion: metallb.io/v1beta1\n"), {
    code: 2,
    output: "",
    errors: "routelb lint: config.yaml holds no ConfigMap, only manifests of kind IPAddressPool.\n",
  });
});

for (const args of [[], ["a", "b"], ["--strict", "a"], ["-x"]]) {
  test(`the arguments "${args.join(" ")}" are not understood`, async () => {
    await assert.rejects(lint(args), UsageError);
  });
}

const internalPeers = `peers:
- {my-asn: 64512, peer-asn: 64512, peer-address: 172.16.9.1, name: inside}
- {my-asn: 64512, peer-asn: 64522, peer-address: 172.16.9.2, name: outside}
address-pools:
- {name: a, protocol: bgp, addresses: [10.0.0.0/24]}
- name: b
  protocol: bgp
  addresses: [10.0.1.0/24]
  bgp-advertisements:
  - {aggregation-length: 24}
  - {localpref: 0, peers: [inside]}
  - {aggregation-length: 30, peers: [outside]}
`;

function configMapIn(namespace: string): string {
  const text = internalPeers.replaceAll(/^(?=.)/gm, "    ");
  return `kind: ConfigMap\nmetadata: {name: config, namespace: ${namespace}}\ndata:\n  config: |\n${text}`;
}

test("in MetalLB's namespace: advertisements to internal peers that leave localpref to the default", async () => {
  const { code, output } = await lintFile(configMapIn("metallb-system"));
  assert.equal(code, 0);
  assert.deepEqual(
    output.split("\n").map((line) => line.split(": has no localpref")[0]),
    [
      "config.yaml:9:7: warning: address-pools[0].bgp-advertisements",
      "config.yaml:14:9: warning: address-pools[1].bgp-advertisements[0]",
      "",
    ],
  );
});

test("elsewhere the default of localpref is nobody's business", async () => {
  assert.equal((await lintFile(configMapIn("routelb-system"))).output, "");
  assert.equal((await lintFile(internalPeers)).output, "");
});
