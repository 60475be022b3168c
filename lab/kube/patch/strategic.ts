import { badRequest } from "../api-error.ts";
import { isList, isObject, type Json, type JsonObject, listAt, sameJson, textAt } from "../json.ts";

/**
 * How a list merges: by a key of its entries, or as a set of values. Lists that stand in neither
 * table are replaced whole, as `spec.taints` and `status.loadBalancer.ingress` are.
 */
const mergeKeys: Readonly<Record<string, string>> = {
  conditions: "type",
  addresses: "type",
  containers: "name",
  initContainers: "name",
  ephemeralContainers: "name",
  volumes: "name",
  env: "name",
  volumeMounts: "mountPath",
  volumeDevices: "devicePath",
  imagePullSecrets: "name",
  secrets: "name",
  hostAliases: "ip",
  podIPs: "ip",
  hostIPs: "ip",
  ownerReferences: "uid",
  readinessGates: "conditionType",
  topologySpreadConstraints: "topologyKey",
};
const sets: readonly string[] = ["finalizers", "podCIDRs"];

function mergeKeyOf(path: readonly string[]): string | undefined {
  const [parent, field] = [path.at(-2), path.at(-1) ?? ""];
  if (field === "ports") {
    return parent === "spec" ? "port" : parent?.endsWith("ontainers") ? "containerPort" : undefined;
  }
  return Object.hasOwn(mergeKeys, field) ? mergeKeys[field] : undefined;
}

/**
 * Applies a strategic merge patch: like a merge patch, but lists with a merge key merge entry by
 * entry, and the directives `$patch`, `$retainKeys`, `$setElementOrder/` and
 * `$deleteFromPrimitiveList/` are honoured.
 *
 * @throws ApiError 400 if an entry of a merging list lacks its key, or a directive is unknown
 */
export function applyStrategicPatch(target: JsonObject, patch: JsonObject): JsonObject {
  return mergeObjects(target, patch, []);
}

function mergeObjects(target: JsonObject, patch: JsonObject, path: readonly string[]): JsonObject {
  const directive = textAt(patch, "$patch");
  if (directive === "replace" || directive === "delete") {
    const { $patch: _directive, ...rest } = patch;
    return directive === "replace" ? rest : {};
  }
  if (directive !== undefined && directive !== "merge") {
    throw badRequest(`Unrecognized patch directive: ${directive}`);
  }
  const result: Record<string, Json | undefined> = { ...retained(target, patch) };
  for (const [key, value] of Object.entries(patch)) {
    const [, name] = /^\$deleteFromPrimitiveList\/(.+)$/.exec(key) ?? [];
    if (name !== undefined) {
      const deleted = isList(value) ? value : [];
      result[name] = listAt(result[name]).filter(
        (entry) => !deleted.some((other) => sameJson(entry, other)),
      );
    } else if (value === null) {
      delete result[key];
    } else if (value !== undefined && !key.startsWith("$")) {
      const order = listAt(patch, `$setElementOrder/${key}`);
      result[key] = mergeValue(result[key], value, [...path, key], order);
    }
  }
  for (const [key, order] of Object.entries(patch)) {
    const [, name] = /^\$setElementOrder\/(.+)$/.exec(key) ?? [];
    const list = name === undefined ? undefined : result[name];
    if (name !== undefined && isList(list) && patch[name] === undefined && isList(order)) {
      result[name] = ordered(list, order, mergeKeyOf([...path, name]));
    }
  }
  return result;
}

function retained(target: JsonObject, patch: JsonObject): JsonObject {
  const keys = patch["$retainKeys"];
  return isList(keys)
    ? Object.fromEntries(Object.entries(target).filter(([key]) => keys.includes(key)))
    : target;
}

function mergeValue(
  target: Json | undefined,
  patch: Json,
  path: readonly string[],
  order: readonly Json[],
): Json {
  if (isObject(patch)) {
    return mergeObjects(isObject(target) ? target : {}, patch, path);
  }
  if (!isList(patch)) {
    return patch;
  }
  const key = mergeKeyOf(path);
  if (key !== undefined) {
    return mergeLists(isList(target) ? target : [], patch, key, path, order);
  }
  if (sets.includes(path.at(-1) ?? "") && isList(target)) {
    const added = patch.filter((entry) => !target.some((other) => sameJson(entry, other)));
    return ordered([...target, ...added], order, undefined);
  }
  return patch;
}

function mergeLists(
  target: readonly Json[],
  patch: readonly Json[],
  key: string,
  path: readonly string[],
  order: readonly Json[],
): readonly Json[] {
  if (patch.some((entry) => textAt(entry, "$patch") === "replace")) {
    return patch.filter((entry) => textAt(entry, "$patch") === undefined);
  }
  let result = [...target];
  for (const entry of patch) {
    const id = isObject(entry) ? entry[key] : undefined;
    if (!isObject(entry) || id === undefined) {
      throw badRequest(`map: ${JSON.stringify(entry)} does not contain declared merge key: ${key}`);
    }
    const index = result.findIndex((other) => isObject(other) && sameJson(other[key], id));
    if (textAt(entry, "$patch") === "delete") {
      result = result.filter((other) => !isObject(other) || !sameJson(other[key], id));
    } else if (index < 0) {
      result.push(mergeObjects({}, entry, path));
    } else {
      const existing = result[index];
      result[index] = mergeObjects(isObject(existing) ? existing : {}, entry, path);
    }
  }
  return ordered(result, order, key);
}

/** Sorts the entries that `order` names as it names them; the others follow. */
function ordered(
  list: readonly Json[],
  order: readonly Json[],
  key: string | undefined,
): readonly Json[] {
  const rank = (entry: Json): number => {
    const index = order.findIndex((wanted) =>
      key === undefined
        ? sameJson(wanted, entry)
        : isObject(wanted) && isObject(entry) && sameJson(wanted[key], entry[key]),
    );
    return index < 0 ? order.length : index;
  };
  return order.length === 0 ? list : list.toSorted((a, b) => rank(a) - rank(b));
}
