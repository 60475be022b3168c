import { badRequest, expired, invalid, notFound, tooLargeResourceVersion } from "../api-error.ts";
import { type JsonObject, numberAt, parseJson, textAt } from "../json.ts";
import type { ResourceType } from "../resources.ts";
import { type Predicate, parseFieldSelector, parseLabelSelector } from "../selectors.ts";
import { keyOf, type ObjectStore } from "../store.ts";
import { type ApiRequest, numberParameter, type Target } from "./request.ts";

/** One page of a list, at one version. */
export interface Page {
  readonly objects: readonly JsonObject[];
  /** metadata of the list. */
  readonly metadata: JsonObject;
}

/**
 * Whether an object is one that the request's path and selectors ask for.
 *
 * @throws ApiError 400 if a selector cannot be read
 */
export function requestFilter(request: ApiRequest, target: Target): Predicate {
  const byLabels = parseLabelSelector(request.query.get("labelSelector") ?? "");
  const byFields = parseFieldSelector(
    request.query.get("fieldSelector") ?? "",
    target.type.storage,
  );
  const { namespace } = target;
  return (object) =>
    (namespace === undefined || textAt(object, "metadata", "namespace") === namespace) &&
    byLabels(object) &&
    byFields(object);
}

/**
 * Lists what a request asks for: by path, selectors, `limit`, `continue` and `resourceVersion`.
 *
 * @throws ApiError 400, 410 or 504, as the real server answers
 */
export function listPage(store: ObjectStore, request: ApiRequest, target: Target): Page {
  const filter = requestFilter(request, target);
  const token = request.query.get("continue") ?? "";
  const start = token === "" ? undefined : parseContinue(token);
  const version = start?.version ?? chosenVersion(store, request, target.type);
  const all =
    version === store.version
      ? store.list(target.type.storage)
      : store.listAt(target.type.storage, version);
  if (all === undefined) {
    throw expired(
      start === undefined
        ? `The resourceVersion for the provided list is too old.`
        : "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
    );
  }
  const matching = all.filter(
    (object) => (start === undefined || keyOf(object) > start.after) && filter(object),
  );
  const limit = numberParameter(request.query, "limit") ?? 0;
  if (limit === 0 || matching.length <= limit) {
    return { objects: matching, metadata: { resourceVersion: String(version) } };
  }
  const objects = matching.slice(0, limit);
  const last = objects.at(-1);
  return {
    objects,
    metadata: {
      resourceVersion: String(version),
      continue: formatContinue(version, last === undefined ? "" : keyOf(last)),
      remainingItemCount: matching.length - limit,
    },
  };
}

/** Answers from the present unless the client wants one version exactly. */
function chosenVersion(store: ObjectStore, request: ApiRequest, type: ResourceType): number {
  const asked = numberParameter(request.query, "resourceVersion");
  const match = request.query.get("resourceVersionMatch") ?? "";
  if (match !== "" && match !== "Exact" && match !== "NotOlderThan") {
    throw invalidListOptions(type, `Unsupported value: ${JSON.stringify(match)}`);
  }
  if (match !== "" && asked === undefined) {
    throw invalidListOptions(
      type,
      "Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided",
    );
  }
  if (match === "Exact" && asked === 0) {
    throw invalidListOptions(
      type,
      'Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    );
  }
  if (asked !== undefined && asked > store.version) {
    throw tooLargeResourceVersion(asked, store.version);
  }
  return match === "Exact" && asked !== undefined ? asked : store.version;
}

function invalidListOptions(type: ResourceType, message: string) {
  return invalid({ ...type, group: "meta.k8s.io", kind: "ListOptions" }, "", [
    { field: "resourceVersionMatch", reason: "FieldValueForbidden", message },
  ]);
}

function formatContinue(version: number, after: string): string {
  return Buffer.from(JSON.stringify({ v: "meta.k8s.io/v1", rv: version, start: after })).toString(
    "base64url",
  );
}

function parseContinue(token: string): { readonly version: number; readonly after: string } {
  try {
    const value = parseJson(Buffer.from(token, "base64url").toString("utf8"));
    const version = numberAt(value, "rv");
    const after = textAt(value, "start");
    if (version !== undefined && after !== undefined) {
      return { version, after };
    }
  } catch (error) {
    throw badRequest(`continue key is not valid: ${String(error)}`);
  }
  throw badRequest("continue key is not valid");
}

/** The object that the path names, or 404. */
export function requireObject(store: ObjectStore, target: Target): JsonObject {
  const { type, namespace, name = "" } = target;
  const key = namespace === undefined ? name : `${namespace}/${name}`;
  const found = store.get(type.storage, key);
  if (found === undefined) {
    throw notFound(type, name);
  }
  return found;
}
