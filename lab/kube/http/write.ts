import type { IncomingMessage } from "node:http";
import { badRequest, methodNotAllowed, noSuchPath, unsupportedMediaType } from "../api-error.ts";
import { isObject, type Json, type JsonObject, parseJson, textAt, withAt } from "../json.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge.ts";
import { applyStrategicPatch } from "../patch/strategic.ts";
import type { Part, Registry, WriteOptions } from "../registry.ts";
import { scaled, scaleOf } from "../scale.ts";
import { deleteOptionsOf } from "./delete.ts";
import { viewOf } from "./representation.ts";
import { type ApiRequest, mediaTypeOf, readBody, readObject, type Target } from "./request.ts";
import { storedForm } from "./stored-form.ts";
import { type Written, writeOptions } from "./written.ts";

/** POST on a collection, or on a Pod's `binding` and `eviction`. */
export async function handleCreate(
  registry: Registry,
  request: ApiRequest,
  target: Target,
  incoming: IncomingMessage,
): Promise<Written> {
  const body = await readObject(incoming);
  const options = writeOptions(request);
  if (target.subresource === "binding" || target.subresource === "eviction") {
    return createSubresource(registry, target, body, options);
  }
  if (target.name !== undefined) {
    throw methodNotAllowed();
  }
  const { object, warnings } = storedForm(request, target, body);
  const created = registry.create(target.type, target.namespace, object, options);
  return { code: 201, object: created, warnings };
}

function createSubresource(
  registry: Registry,
  target: Target,
  body: JsonObject,
  options: WriteOptions,
): Written {
  const { type, namespace, name = "" } = target;
  const pod = registry.get(type, namespace, name);
  const success = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 };
  if (target.subresource === "eviction") {
    registry.delete(type, namespace, name, {
      ...options,
      ...deleteOptionsOf(body["deleteOptions"]),
    });
    return { code: 201, object: success, isOther: true };
  }
  const bound = withAt(pod, ["spec", "nodeName"], textAt(body, "target", "name"));
  registry.replace(type, pod, bound, options, "binding");
  return { code: 201, object: success, isOther: true };
}

/** PUT. */
export async function handleUpdate(
  registry: Registry,
  request: ApiRequest,
  target: Target,
  incoming: IncomingMessage,
): Promise<Written> {
  const body = await readObject(incoming);
  const options = writeOptions(request);
  const { type, namespace, name = "" } = target;
  if (target.subresource === "scale") {
    const current = registry.get(type, namespace, name);
    const written = registry.replace(type, current, scaled(current, body), options);
    return { code: 200, object: scaleOf(written), isOther: true };
  }
  const isNew = registry.store.get(type.storage, keyText(target)) === undefined;
  const { object, warnings } = storedForm(request, target, body);
  const written = registry.update(type, namespace, name, object, options, partOf(target));
  return { code: isNew ? 201 : 200, object: written, warnings };
}

function keyText({ namespace, name = "" }: Target): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

/** PATCH: merge, strategic merge and JSON patches. */
export async function handlePatch(
  registry: Registry,
  request: ApiRequest,
  target: Target,
  incoming: IncomingMessage,
): Promise<Written> {
  const mediaType = mediaTypeOf(incoming);
  checkPatchType(mediaType);
  const text = (await readBody(incoming)).toString("utf8");
  const { type, namespace, name = "" } = target;
  const options = writeOptions(request);
  const current = registry.get(type, namespace, name);
  if (target.subresource === "scale") {
    const scale = applyPatch(scaleOf(current), text, mediaType);
    const written = registry.replace(type, current, scaled(current, scale), options);
    return { code: 200, object: scaleOf(written), isOther: true };
  }
  const patched = applyPatch(viewOf(type, current), text, mediaType);
  const { object, warnings } = storedForm(request, target, patched);
  const written = registry.replace(type, current, object, options, partOf(target));
  return { code: 200, object: written, warnings };
}

function applyPatch(current: JsonObject, text: string, mediaType: string): JsonObject {
  const patch = parsePatch(text);
  const result = patchedValue(current, patch, mediaType);
  if (!isObject(result)) {
    throw badRequest("the patched object is no object");
  }
  return result;
}

function patchedValue(current: JsonObject, patch: Json, mediaType: string): Json {
  switch (mediaType) {
    case "application/merge-patch+json":
      return applyMergePatch(current, patch);
    case "application/json-patch+json":
      return applyJsonPatch(current, patch);
    default:
      if (!isObject(patch)) {
        throw badRequest("a strategic merge patch is an object");
      }
      return applyStrategicPatch(current, patch);
  }
}

const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

function checkPatchType(mediaType: string): void {
  if (!patchTypes.includes(mediaType)) {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: ${patchTypes.join(", ")}`,
    );
  }
}

function parsePatch(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`error decoding patch: ${String(error)}`);
  }
}

function partOf(target: Target): Part {
  switch (target.subresource) {
    case undefined:
      return undefined;
    case "status":
      if (target.type.subresources.some(({ name }) => name === "status")) {
        return "status";
      }
      throw noSuchPath();
    case "finalize":
      return "finalize";
    default:
      throw noSuchPath();
  }
}
