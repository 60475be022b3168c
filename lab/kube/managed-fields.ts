import {
  at,
  isList,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  objectAt,
  presentKeys,
  sameJson,
  textAt,
  withAt,
} from "./json.ts";

/** Who writes, as it will stand in metadata.managedFields. */
export interface FieldWriter {
  readonly manager: string;
  readonly apiVersion: string;
  readonly subresource?: string;
  /** RFC 3339, in seconds. */
  readonly time: string;
}

/** Lists whose entries are owned one by one, and the fields that tell entries apart. */
const listKeys: Readonly<Record<string, readonly string[]>> = {
  conditions: ["type"],
  addresses: ["type"],
  containers: ["name"],
  initContainers: ["name"],
  env: ["name"],
  volumes: ["name"],
  volumeMounts: ["mountPath"],
  ownerReferences: ["uid"],
  podIPs: ["ip"],
  hostIPs: ["ip"],
};
const unowned: readonly string[] = [
  "apiVersion",
  "kind",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "metadata.resourceVersion",
  "metadata.generation",
  "metadata.creationTimestamp",
  "metadata.deletionTimestamp",
  "metadata.deletionGracePeriodSeconds",
  "metadata.managedFields",
];

/**
 * `next` with metadata.managedFields brought up to date: the fields in which it differs from
 * `current` now belong to `writer`, and to nobody else.
 */
export function withManagedFields(
  next: JsonObject,
  current: JsonObject | undefined,
  writer: FieldWriter,
): JsonObject {
  const kept = listAt(current, "metadata", "managedFields");
  const changed = changedFields(current ?? {}, next, "");
  const removed = changedFields(next, current ?? {}, "");
  const entries: JsonObject[] = [];
  let isFound = false;
  for (const entry of kept) {
    const isOurs =
      textAt(entry, "manager") === writer.manager &&
      textAt(entry, "subresource") === writer.subresource &&
      textAt(entry, "apiVersion") === writer.apiVersion;
    const left = subtract(subtract(objectAt(entry, "fieldsV1"), removed), changed);
    const fields = isOurs ? union(left, changed) : left;
    isFound ||= isOurs;
    if (isObject(entry) && presentKeys(fields).length > 0) {
      const wrote = isOurs && presentKeys(changed).length > 0;
      entries.push({
        ...entry,
        time: wrote ? writer.time : textAt(entry, "time"),
        fieldsV1: fields,
      });
    }
  }
  if (!isFound && presentKeys(changed).length > 0) {
    entries.push({
      manager: writer.manager,
      operation: "Update",
      apiVersion: writer.apiVersion,
      time: writer.time,
      fieldsType: "FieldsV1",
      fieldsV1: changed,
      subresource: writer.subresource,
    });
  }
  return withAt(next, ["metadata", "managedFields"], entries.length > 0 ? entries : undefined);
}

/** The fields of `after` that `before` lacks or has otherwise, as a FieldsV1 tree. */
function changedFields(before: Json, after: Json, path: string): JsonObject {
  const fields: Record<string, Json> = {};
  for (const [key, value] of children(after, path)) {
    const field = path === "" ? value.name : `${path}.${value.name}`;
    const old = children(before, path).get(key);
    if (unowned.includes(field) || (old !== undefined && sameJson(old.value, value.value))) {
      continue;
    }
    const isBranch = children(value.value, field).size > 0;
    if (!isBranch) {
      fields[key] = {};
      continue;
    }
    const below = changedFields(old?.value ?? null, value.value, field);
    if (presentKeys(below).length > 0) {
      // "." owns the entry itself, besides what is in it.
      fields[key] = old === undefined ? { ".": {}, ...below } : below;
    }
  }
  return fields;
}

interface Child {
  readonly name: string;
  readonly value: Json;
}

const noChildren: ReadonlyMap<string, Child> = new Map();

/** The parts of a value that are owned one by one; none of an atomic value. */
function children(value: Json, path: string): ReadonlyMap<string, Child> {
  if (isObject(value)) {
    if (/(^|\.)(selector|nodeSelector|resourceRef|targetRef)$/.test(path)) {
      return noChildren;
    }
    const found = new Map<string, Child>();
    for (const [name, child] of Object.entries(value)) {
      if (child !== undefined) {
        found.set(`f:${name}`, { name, value: child });
      }
    }
    return found;
  }
  return isList(value) ? listChildren(value, path) : noChildren;
}

function listChildren(list: readonly Json[], path: string): ReadonlyMap<string, Child> {
  const field = path.slice(path.lastIndexOf(".") + 1);
  if (field === "finalizers") {
    return new Map(list.map((value) => [`v:${JSON.stringify(value)}`, { name: "", value }]));
  }
  const keys =
    path === "spec.ports"
      ? ["port", "protocol"]
      : field === "ports" && path.includes("ontainers")
        ? ["containerPort", "protocol"]
        : Object.hasOwn(listKeys, field)
          ? listKeys[field]
          : undefined;
  const found = new Map<string, Child>();
  for (const value of keys === undefined ? [] : list) {
    const id = Object.fromEntries((keys ?? []).map((key) => [key, at(value, key)]));
    found.set(`k:${JSON.stringify(id)}`, { name: "", value });
  }
  return found;
}

function union(a: JsonObject, b: JsonObject): JsonObject {
  const result: Record<string, Json | undefined> = { ...a };
  for (const key of presentKeys(b)) {
    result[key] = union(objectAt(a, key), objectAt(b, key));
  }
  return result;
}

/** `a` without the leaves of `b`, and without branches that this leaves empty. */
function subtract(a: JsonObject, b: JsonObject): JsonObject {
  const result: Record<string, Json> = {};
  for (const key of presentKeys(a)) {
    const [ours, theirs] = [objectAt(a, key), b[key]];
    if (theirs === undefined) {
      result[key] = ours;
      continue;
    }
    const left = subtract(ours, objectAt(theirs));
    const isLeaf = presentKeys(ours).length === 0;
    if (!isLeaf && presentKeys(left).length > 0) {
      result[key] = left;
    }
  }
  return result;
}
