import { badRequest } from "../api-error.ts";
import { storedEvent } from "../event-view.ts";
import { type JsonObject, textAt } from "../json.ts";
import { groupVersion } from "../resources.ts";
import { conform } from "../schema/conform.ts";
import type { ApiRequest, Target } from "./request.ts";

export interface StoredForm {
  readonly object: JsonObject;
  /** For the client: fields that were dropped. */
  readonly warnings: readonly string[];
}

/**
 * The object as it is kept, of the object as a client sent it. Fields that its kind does not have
 * are dropped, with a warning or without; or refused, with `fieldValidation=Strict`.
 *
 * @throws ApiError 400 if it is of another kind or for another namespace, or not as its kind is
 */
export function storedForm(request: ApiRequest, target: Target, body: JsonObject): StoredForm {
  const { type } = target;
  const version = groupVersion(type);
  const kind = textAt(body, "kind") ?? type.kind;
  const apiVersion = textAt(body, "apiVersion") ?? version;
  if (kind !== type.kind || apiVersion !== version) {
    throw badRequest(
      `the API version or kind in the data (${apiVersion}, Kind=${kind}) does not match the expected one (${version}, Kind=${type.kind})`,
    );
  }
  const namespace = textAt(body, "metadata", "namespace") ?? "";
  if (type.namespaced && namespace !== "" && namespace !== target.namespace) {
    throw badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
  const { object, unknown } = conform(body, apiVersion, kind);
  const validation = request.query.get("fieldValidation") ?? "";
  if (validation === "Strict" && unknown.length > 0) {
    throw badRequest(
      `${kind} in version ${JSON.stringify(type.version)} cannot be handled as a ${kind}: strict decoding error: ${unknown.join(", ")}`,
    );
  }
  return {
    object: type.group === "events.k8s.io" ? storedEvent(object) : object,
    warnings: validation === "Ignore" ? [] : unknown,
  };
}
