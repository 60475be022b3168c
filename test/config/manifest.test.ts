import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type FoundConfig, findConfigs } from "../../src/config/manifest.ts";
import { parseConfig } from "../../src/config/parse.ts";

function configsIn(text: string): readonly FoundConfig[] {
  const content = findConfigs(text);
  assert.equal(content.type, "configs");
  return content.type === "configs" ? content.configs : [];
}

/** Where the first finding stands in the file. */
function firstPosition(text: string): readonly [number, number] | undefined {
  const [config] = configsIn(text);
  const [finding] = config === undefined ? [] : parseConfig(config.text).findings;
  const found = finding === undefined ? undefined : config?.findingInFile(finding);
  return found === undefined ? undefined : [found.line, found.column];
}

test("a file without kind is the configuration itself", () => {
  const [config] = configsIn("peers: []\n");
  assert.equal(config?.configMap, undefined);
  assert.equal(config?.text, "peers: []\n");
});

test("what is no YAML counts as a bare configuration, whose parser says what is wrong", () => {
  assert.equal(configsIn("kind: ConfigMap\ndata: [").length, 1);
});

test("a finding in a literal block stands at its line in the manifest", () => {
  const text = `apiVersion: v1
kind: Namespace
---
kind: ConfigMap
metadata: {namespace: routelb-system, name: config}
data:
  config: |

    peers:
    - my-asn: 0
      peer-asn: 1
      peer-address: 10.0.0.1
`;
  assert.equal(configsIn(text)[0]?.configMap, "routelb-system/config");
  assert.deepEqual(firstPosition(text), [10, 15]);
});

for (const header of ["|", "|-", "|+", "| # comment", "|2"]) {
  test(`lines are found behind ${header}, with CRLF too`, () => {
    const lines = ["kind: ConfigMap", "data:", `  config: ${header}`, "    x: 1", ""];
    assert.deepEqual(firstPosition(lines.join("\n")), [4, 5]);
    assert.deepEqual(firstPosition(lines.join("\r\n")), [4, 5]);
  });
}

test("a text that is folded, quoted or JSON has no lines in the file", () => {
  for (const text of [
    "kind: ConfigMap\ndata:\n  config: >\n    peers:\n\n    - {}\n",
    'kind: ConfigMap\ndata: {config: "x: 1"}\n',
    '{"kind":"ConfigMap","data":{"config":"peers:\\n- my-asn: 0\\n"}}',
  ]) {
    assert.equal(firstPosition(text), undefined);
    assert.equal(configsIn(text).length, 1);
  }
});

test("every ConfigMap of a list is found", () => {
  const configMap = (name: string) =>
    `- {kind: ConfigMap, metadata: {name: ${name}}, data: {config: "peers: []"}}\n`;
  const text = `kind: List\nitems:\n${configMap("a")}- {kind: Service}\n${configMap("b")}`;
  assert.deepEqual(
    configsIn(text).map(({ configMap: name }) => name),
    ["a", "b"],
  );
});

test("ConfigMaps without a text under the key config are told by their keys", () => {
  const text = "kind: ConfigMap\nmetadata: {name: config}\n";
  const other = "kind: ConfigMap\ndata:\n  config.yaml: |\n    peers: []\n";
  const mapping = "kind: ConfigMap\ndata:\n  config: {peers: []}\n";
  const told = (file: string) => {
    const content = findConfigs(file);
    return content.type === "no-key"
      ? content.findings.map(({ line, column, message }) => [line, column, message.split(":")[0]])
      : [];
  };
  assert.deepEqual(told(text), [[1, 1, "has no text under the key config"]]);
  assert.deepEqual(told(other), [[3, 3, "has no text under the key config, only config.yaml"]]);
  assert.deepEqual(told(mapping), [[3, 3, "has no text under the key config, only config"]]);
  assert.equal(configsIn(`${other}---\nkind: ConfigMap\ndata: {config: ""}\n`).length, 1);
});

test("manifests without any ConfigMap are told by their kinds", () => {
  assert.deepEqual(findConfigs("kind: IPAddressPool\n---\nkind: BGPPeer\n---\nkind: BGPPeer\n"), {
    type: "other-manifests",
    kinds: ["IPAddressPool", "BGPPeer"],
  });
});

test("any text at all can be searched for configurations", () => {
  const piece = fc.constantFrom(
    "kind: ConfigMap\n",
    "data:\n",
    "  config: |\n",
    "    a\n",
    "- ",
    "x",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(piece, { maxLength: 12 }).map((pieces) => pieces.join("")),
  );
  fc.assert(
    fc.property(text, (file) => {
      const content = findConfigs(file);
      for (const config of content.type === "configs" ? content.configs : []) {
        for (const finding of parseConfig(config.text).findings) {
          const found = config.findingInFile(finding);
          assert.ok(found === undefined || found.line <= file.split("\n").length);
        }
      }
    }),
  );
});
