import { scalarBoolean, scalarNumber } from "./scalar.ts";
import { isNull, type Mapping, readYaml, type Tree } from "./yaml-tree.ts";

/**
 * The objects of a file of manifests, in YAML or JSON, as the API would have them; those in Lists
 * one by one.
 *
 * @throws Error if the text is no YAML, or holds something else than objects
 */
export function readObjects(text: string): readonly Readonly<Record<string, unknown>>[] {
  let failure: string | undefined;
  const documents = readYaml(text, ({ at }, message) => {
    failure ??= `line ${at.line}: ${message}`;
  });
  if (documents === undefined || failure !== undefined) {
    throw new Error(failure ?? "is no YAML");
  }
  return documents.flatMap(({ root }) => (root === undefined ? [] : objectsIn(root)));
}

function objectsIn(root: Tree): Readonly<Record<string, unknown>>[] {
  if (root.type !== "mapping") {
    throw new Error(`line ${root.at.line}: is no manifest`);
  }
  const items = root.entries.find(({ key }) => key === "items")?.value;
  const kind = root.entries.find(({ key }) => key === "kind")?.value;
  return kind?.type === "scalar" && kind.text.endsWith("List") && items?.type === "sequence"
    ? items.members.flatMap(objectsIn)
    : [recordIn(root)];
}

function recordIn({ entries }: Mapping): Record<string, unknown> {
  return Object.fromEntries(entries.map(({ key, value }) => [key, valueIn(value)]));
}

function valueIn(tree: Tree): unknown {
  switch (tree.type) {
    case "mapping":
      return recordIn(tree);
    case "sequence":
      return tree.members.map(valueIn);
    case "scalar":
      return isNull(tree) ? null : (scalarBoolean(tree) ?? scalarNumber(tree) ?? tree.text);
  }
}
