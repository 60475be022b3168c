import { valueAt } from "../../config/manifest.ts";
import { scalarBoolean, scalarNumber } from "../../config/scalar.ts";
import { isNull, type Tree } from "../../config/yaml-tree.ts";
import type { Remark } from "./loss.ts";
import { isZero, type MetallbObject, remarkOnField } from "./metallb-object.ts";

/** Values of our configuration, under its keys. */
export type Values = Readonly<Record<string, unknown>>;

/** What becomes of a field of a spec. */
export type FieldRule =
  /** Our key, and our value; undefined is our default, which is left out. */
  | { readonly key: string; readonly value: (tree: Tree) => unknown }
  /** Cannot be expressed unless it says nothing: why, and what to do instead. */
  | { readonly lost: string }
  /** Is read elsewhere, or means nothing here. */
  | "elsewhere";

export type FieldTable = Readonly<Record<string, FieldRule>>;

/** What the fields of the object's spec are here, in the order of the table. */
export function convertFields(
  object: MetallbObject,
  table: FieldTable,
): { readonly values: Values; readonly losses: readonly Remark[] } {
  const values: Record<string, unknown> = {};
  const losses: Remark[] = [];
  for (const [field, rule] of Object.entries(table)) {
    const tree = valueAt(object.spec, field);
    if (tree === undefined || rule === "elsewhere" || isNull(tree)) {
      continue;
    }
    if ("key" in rule) {
      const value = rule.value(tree);
      if (value !== undefined) {
        values[rule.key] = value;
      }
    } else if (!isZero(tree)) {
      losses.push(remarkOnField(object, field, rule.lost));
    }
  }
  for (const { key } of object.spec.entries) {
    if (!Object.hasOwn(table, key)) {
      const text = "is no field of MetalLB up to 0.16 that this program knows; it was left out";
      losses.push(remarkOnField(object, key, text));
    }
  }
  return { values, losses };
}

/** A value as it is written, text in quotes being text; `fallback` is our default. */
export function plain(fallback?: number | boolean | string): (tree: Tree) => unknown {
  return (tree) => {
    const value = valueOf(tree);
    return value === fallback || value === "" ? undefined : value;
  };
}

/** As `plain`, where the empty value of MetalLB means that it was not set. */
export function unlessZero(tree: Tree): unknown {
  return isZero(tree) ? undefined : valueOf(tree);
}

/** A list of texts. */
export function texts(tree: Tree): unknown {
  if (isZero(tree)) {
    return undefined;
  }
  return tree.type === "sequence" ? tree.members.map(textOf) : textOf(tree);
}

/** A list of label selectors: Kubernetes' names become ours, the rest is the same. */
export function selectors(tree: Tree): unknown {
  if (isZero(tree)) {
    return undefined;
  }
  return tree.type === "sequence"
    ? tree.members.map((member) => textsIn(asOurSelector(member)))
    : valueOf(tree);
}

const selectorKeys: ReadonlyMap<string, string> = new Map([
  ["matchLabels", "match-labels"],
  ["matchExpressions", "match-expressions"],
]);

/** A label selector with our names for its two keys. */
export function asOurSelector(tree: Tree): Tree {
  return tree.type === "mapping"
    ? {
        ...tree,
        entries: tree.entries.map((entry) => ({
          ...entry,
          key: selectorKeys.get(entry.key) ?? entry.key,
        })),
      }
    : tree;
}

/** A label's value is text, whatever it looks like. */
function textsIn(tree: Tree): unknown {
  switch (tree.type) {
    case "mapping":
      return Object.fromEntries(tree.entries.map(({ key, value }) => [key, textsIn(value)]));
    case "sequence":
      return tree.members.map(textsIn);
    case "scalar":
      return textOf(tree);
  }
}

export function textOf(tree: Tree): string {
  return tree.type === "scalar" && !isNull(tree) ? tree.text : "";
}

function valueOf(tree: Tree): unknown {
  switch (tree.type) {
    case "mapping":
      return Object.fromEntries(tree.entries.map(({ key, value }) => [key, valueOf(value)]));
    case "sequence":
      return tree.members.map(valueOf);
    case "scalar":
      return isNull(tree) ? "" : (scalarBoolean(tree) ?? scalarNumber(tree) ?? tree.text);
  }
}
