import { ApiError } from "../api-error.ts";
import { eventView } from "../event-view.ts";
import { type JsonObject, jsonText, objectAt, textAt, withAt } from "../json.ts";
import type { ResourceType } from "../resources.ts";
import { columnsOf, tableRow } from "../table/table.ts";

/** How a client wants objects to look. */
export type Representation =
  | { readonly form: "object" }
  | { readonly form: "metadata" }
  | {
      readonly form: "table";
      readonly version: string;
      readonly include: "None" | "Metadata" | "Object";
    };

/**
 * Chooses by the Accept header and `includeObject`.
 *
 * @throws ApiError 406 if the client takes nothing that we can say
 */
export function negotiate(accept: string | undefined, query: URLSearchParams): Representation {
  for (const part of (accept ?? "*/*").split(",")) {
    const [mediaType = "", ...parameters] = part.split(";").map((text) => text.trim());
    const named = new Map(parameters.map((text) => splitOnce(text)));
    const as = named.get("as");
    const version = named.get("v") ?? "v1";
    if (!["application/json", "application/*", "*/*"].includes(mediaType)) {
      continue;
    }
    if (as === undefined) {
      return { form: "object" };
    }
    if (named.get("g") !== "meta.k8s.io" || !["v1", "v1beta1"].includes(version)) {
      continue;
    }
    if (as === "Table") {
      const include = query.get("includeObject");
      return {
        form: "table",
        version: `meta.k8s.io/${version}`,
        include: include === "None" || include === "Object" ? include : "Metadata",
      };
    }
    if (as === "PartialObjectMetadata" || as === "PartialObjectMetadataList") {
      return { form: "metadata" };
    }
  }
  throw new ApiError(
    406,
    "NotAcceptable",
    "only the following media types are accepted: application/json",
    {},
  );
}

function splitOnce(text: string): [string, string] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, ""] : [text.slice(0, equals), text.slice(equals + 1)];
}

/** The object as its group and version show it. */
export function viewOf(type: ResourceType, object: JsonObject): JsonObject {
  return type.group === "events.k8s.io" ? eventView(object) : object;
}

/** JSON of one object. */
export function objectText(
  type: ResourceType,
  object: JsonObject,
  representation: Representation,
  nowMs: number,
): string {
  switch (representation.form) {
    case "object":
      return jsonText(viewOf(type, object));
    case "metadata":
      return JSON.stringify(partialMetadata(object));
    case "table":
      return tableText(type, [object], representation, nowMs, versionOf(object));
  }
}

function versionOf(object: JsonObject): JsonObject {
  return { resourceVersion: textAt(object, "metadata", "resourceVersion") };
}

/** JSON of a list; `metadata` is that of the list. */
export function listText(
  type: ResourceType,
  objects: readonly JsonObject[],
  representation: Representation,
  nowMs: number,
  metadata: JsonObject,
): string {
  if (representation.form === "table") {
    return tableText(type, objects, representation, nowMs, metadata);
  }
  const isPartial = representation.form === "metadata";
  const kind = isPartial ? "PartialObjectMetadataList" : `${type.kind}List`;
  const apiVersion = isPartial
    ? "meta.k8s.io/v1"
    : type.group === ""
      ? type.version
      : `${type.group}/${type.version}`;
  const items = objects.map((object) =>
    isPartial ? JSON.stringify(partialMetadata(object)) : itemText(viewOf(type, object)),
  );
  return `{"kind":"${kind}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[${items.join(",")}]}`;
}

const itemTexts = new WeakMap<JsonObject, string>();

/** Items of a list do not repeat kind and apiVersion: the real server leaves them out. */
function itemText(object: JsonObject): string {
  const known = itemTexts.get(object);
  if (known !== undefined) {
    return known;
  }
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = object;
  const text = JSON.stringify(rest);
  itemTexts.set(object, text);
  return text;
}

function partialMetadata(object: JsonObject): JsonObject {
  return {
    kind: "PartialObjectMetadata",
    apiVersion: "meta.k8s.io/v1",
    metadata: objectAt(object, "metadata"),
  };
}

/** A Table of objects, as `kubectl get` asks for; without columns if `isContinued`. */
export function tableText(
  type: ResourceType,
  objects: readonly JsonObject[],
  representation: Extract<Representation, { form: "table" }>,
  nowMs: number,
  metadata: JsonObject,
  isContinued = false,
): string {
  const rows = objects.map((object) => {
    const cells = tableRow(type, object, nowMs);
    switch (representation.include) {
      case "None":
        return { cells };
      case "Metadata":
        return {
          cells,
          object: withAt(partialMetadata(object), ["apiVersion"], representation.version),
        };
      case "Object":
        return { cells, object: viewOf(type, object) };
    }
  });
  return JSON.stringify({
    kind: "Table",
    apiVersion: representation.version,
    metadata,
    columnDefinitions: isContinued ? [] : columnsOf(type),
    rows,
  });
}
