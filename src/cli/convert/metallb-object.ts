import type { Position } from "../../config/finding.ts";
import { manifestsIn, textAt, valueAt } from "../../config/manifest.ts";
import { isNull, type Mapping, readYaml, type Tree } from "../../config/yaml-tree.ts";
import type { Remark } from "./loss.ts";

/** An object of MetalLB's group `metallb.io`. */
export interface MetallbObject {
  readonly file: string;
  readonly at: Position;
  /** `v1beta1`. */
  readonly version: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly spec: Mapping;
}

/** A file that is no YAML; the message says where. */
export class UnreadableManifest extends Error {
  override readonly name = "UnreadableManifest";
}

const group = "metallb.io/";

/**
 * MetalLB's objects in a file, those in Lists too, in their order; all else in it is skipped.
 *
 * @throws UnreadableManifest
 */
export function readMetallbObjects(file: string, text: string): readonly MetallbObject[] {
  let failure: string | undefined;
  const documents = readYaml(text, ({ at }, message) => {
    failure ??= `${file}:${at.line}:${at.column}: ${message}`;
  });
  if (documents === undefined || failure !== undefined) {
    throw new UnreadableManifest(failure ?? `${file}: is no YAML`);
  }
  return documents
    .flatMap(({ root }) => (root === undefined ? [] : manifestsIn(root)))
    .filter((manifest) => textAt(manifest, "apiVersion")?.startsWith(group) === true)
    .map((manifest) => objectOf(file, manifest));
}

function objectOf(file: string, manifest: Mapping): MetallbObject {
  const metadata = mappingAt(manifest, "metadata");
  const labels = mappingAt(metadata, "labels").entries.map(({ key, value }) => [
    key,
    value.type === "scalar" ? value.text : "",
  ]);
  return {
    file,
    at: manifest.at,
    version: (textAt(manifest, "apiVersion") ?? "").slice(group.length),
    kind: textAt(manifest, "kind") ?? "",
    name: textAt(metadata, "name") ?? "",
    namespace: textAt(metadata, "namespace") ?? "",
    labels: Object.fromEntries(labels),
    spec: mappingAt(manifest, "spec"),
  };
}

function mappingAt(mapping: Mapping, key: string): Mapping {
  const value = valueAt(mapping, key);
  return value?.type === "mapping"
    ? value
    : { type: "mapping", at: value?.at ?? mapping.at, path: mapping.path, entries: [] };
}

/** `BGPPeer rack-a`. */
export function titleOf({ kind, name }: MetallbObject): string {
  return `${kind} ${name}`;
}

/** A remark on the object as a whole. */
export function remarkOn(object: MetallbObject, text: string): Remark {
  const { file, at } = object;
  return { file, at, object: titleOf(object), field: "", text };
}

/** A remark on one field of its spec. */
export function remarkOnField(object: MetallbObject, field: string, text: string): Remark {
  const at = valueAt(object.spec, field)?.at ?? object.at;
  return { ...remarkOn(object, text), at, field: `spec.${field}` };
}

/** Whether a value says nothing: none, null, "", false, 0 or an empty list or mapping. */
export function isZero(tree: Tree | undefined): boolean {
  switch (tree?.type) {
    case undefined:
      return true;
    case "mapping":
      return tree.entries.length === 0;
    case "sequence":
      return tree.members.length === 0;
    case "scalar":
      return isNull(tree) || /^(?:|false|0|0s)$/.test(tree.text);
  }
}
