import { type Position, shown } from "./finding.ts";
import type { ConfigFinding } from "./model.ts";
import { type Mapping, readYaml, type Tree } from "./yaml-tree.ts";

/** A configuration found in a file. */
export interface FoundConfig {
  /** `namespace/name` of its ConfigMap; absent if the file is the bare configuration. */
  readonly configMap?: string;
  readonly text: string;
  /**
   * Where a finding stands in the file; undefined if the text is not written there line by line, as
   * in JSON or in a folded scalar.
   */
  readonly findingInFile: (finding: ConfigFinding) => ConfigFinding | undefined;
}

/**
 * What a file for `lint` holds: one configuration or more, ConfigMaps of which none has a text under
 * the key `config`, each as a finding, or manifests without any.
 */
export type FileContent =
  | { readonly type: "configs"; readonly configs: readonly FoundConfig[] }
  | { readonly type: "no-key"; readonly findings: readonly ConfigFinding[] }
  | { readonly type: "other-manifests"; readonly kinds: readonly string[] };

/**
 * Finds the configurations in a file: in its ConfigMaps, those in Lists too, or else the file itself.
 *
 * A text that is no YAML counts as a bare configuration: whoever parses it says what is wrong.
 */
export function findConfigs(fileText: string): FileContent {
  const documents = readYaml(fileText, () => undefined) ?? [];
  const manifests = documents.flatMap(({ root }) => (root === undefined ? [] : manifestsIn(root)));
  if (manifests.length === 0) {
    const bare = { text: fileText, findingInFile: (finding: ConfigFinding) => finding };
    return { type: "configs", configs: [bare] };
  }
  const configMaps = manifests.filter((manifest) => textAt(manifest, "kind") === "ConfigMap");
  if (configMaps.length === 0) {
    const kinds = manifests.map((manifest) => textAt(manifest, "kind") ?? "");
    return { type: "other-manifests", kinds: [...new Set(kinds)] };
  }
  const configs = configMaps.flatMap((manifest) => configOf(manifest, fileText) ?? []);
  return configs.length === 0
    ? { type: "no-key", findings: configMaps.map(noKey) }
    : { type: "configs", configs };
}

function noKey(configMap: Mapping): ConfigFinding {
  const data = valueAt(configMap, "data");
  const keys = data?.type === "mapping" ? data.entries.map(({ key }) => shown(key)) : [];
  const found = keys.length === 0 ? "" : `, only ${keys.join(", ")}`;
  return {
    severity: "error",
    ...(data?.at ?? configMap.at),
    path: "data",
    message: `has no text under the key config${found}: RouteLB reads no other key`,
  };
}

/** The manifests of a document: those in a List one by one; none if it has no kind. */
export function manifestsIn(root: Tree): Mapping[] {
  if (root.type !== "mapping" || textAt(root, "kind") === undefined) {
    return [];
  }
  const items = valueAt(root, "items");
  return textAt(root, "kind")?.endsWith("List") === true && items?.type === "sequence"
    ? items.members.flatMap(manifestsIn)
    : [root];
}

/** Undefined: it has no text under the key. */
function configOf(manifest: Mapping, fileText: string): FoundConfig | undefined {
  const metadata = valueAt(manifest, "metadata");
  const data = valueAt(manifest, "data");
  const config = data?.type === "mapping" ? valueAt(data, "config") : undefined;
  if (config?.type !== "scalar") {
    return undefined;
  }
  const name = (metadata?.type === "mapping" ? textAt(metadata, "name") : undefined) ?? "";
  const namespace = metadata?.type === "mapping" ? textAt(metadata, "namespace") : undefined;
  const { text, at } = config;
  const shift = text === "" ? undefined : indentOf(text, at, fileText);
  return {
    configMap: namespace === undefined ? name : `${namespace}/${name}`,
    text,
    findingInFile: (finding) => {
      if (text === "") {
        return { ...finding, ...at };
      }
      return shift === undefined
        ? undefined
        : { ...finding, line: finding.line + at.line, column: finding.column + shift };
    },
  };
}

/**
 * By how much the lines of `text` are indented where they stand in the file, from the line behind
 * `at`; undefined if they do not stand there as they are.
 */
function indentOf(text: string, at: Position, fileText: string): number | undefined {
  const fileLines = fileText.split(/\r?\n/).slice(at.line);
  const lines = text.split("\n");
  const first = lines.findIndex((line) => line !== "");
  const indent = (fileLines[first]?.length ?? 0) - (lines[first]?.length ?? 0);
  const areAlike = lines.every(
    (line, index) => line === "" || (fileLines[index] ?? "").slice(indent) === line,
  );
  return indent >= 0 && areAlike ? indent : undefined;
}

export function valueAt(mapping: Mapping, key: string): Tree | undefined {
  return mapping.entries.find((entry) => entry.key === key)?.value;
}

export function textAt(mapping: Mapping, key: string): string | undefined {
  const value = valueAt(mapping, key);
  return value?.type === "scalar" ? value.text : undefined;
}
