import { conflict } from "./api-error.ts";
import { type JsonObject, numberAt, objectAt, sameJson, textAt, withAt } from "./json.ts";
import type { ResourceType } from "./resources.ts";

/** Whether `status` is written apart from the rest. */
export function hasStatus(type: ResourceType): boolean {
  return type.subresources.some(({ name }) => name === "status");
}

/** For comparison: who owns a field is no difference. */
export function withoutManaged(object: JsonObject): JsonObject {
  const { managedFields: _fields, ...metadata } = objectAt(object, "metadata");
  return { ...object, metadata };
}

/** The metadata that no client may change. */
export function keepFixedMetadata(desired: JsonObject, current: JsonObject): JsonObject {
  const old = objectAt(current, "metadata");
  const fixed: Record<string, JsonObject[string]> = {};
  for (const key of [
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
  ]) {
    fixed[key] = old[key];
  }
  return { ...desired, ...fixed };
}

/** @throws ApiError 409 if a uid or resourceVersion in `wanted` is not that of `current` */
export function checkPreconditions(
  type: ResourceType,
  current: JsonObject,
  wanted: JsonObject,
): void {
  const name = textAt(current, "metadata", "name") ?? "";
  const uid = textAt(wanted, "uid");
  const ownUid = textAt(current, "metadata", "uid") ?? "";
  if (uid !== undefined && uid !== ownUid) {
    throw conflict(
      type,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${ownUid}`,
    );
  }
  const version = textAt(wanted, "resourceVersion") ?? "";
  if (version !== "" && version !== textAt(current, "metadata", "resourceVersion")) {
    throw conflict(type, name);
  }
}

/** Raises the generation if anything but metadata and status changed. */
export function countGeneration(next: JsonObject, current: JsonObject): JsonObject {
  const asked = (object: JsonObject): JsonObject => {
    const { metadata: _metadata, status: _status, ...rest } = object;
    return rest;
  };
  return sameJson(asked(next), asked(current))
    ? next
    : withAt(
        next,
        ["metadata", "generation"],
        (numberAt(current, "metadata", "generation") ?? 0) + 1,
      );
}

/** The metadata of a new object, less what only the server may say. */
export function withoutServerMetadata(given: JsonObject): JsonObject {
  const {
    deletionTimestamp: _deletion,
    deletionGracePeriodSeconds: _grace,
    managedFields: _managed,
    ...metadata
  } = given;
  return metadata;
}
