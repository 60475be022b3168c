import { badRequest } from "../api-error.ts";
import { isList, isObject, type Json, type JsonObject } from "../json.ts";
import { type FieldKind, fieldKinds, type MessageName, messageOf } from "./messages.ts";

export interface Conformed {
  /** Without the fields that the kind does not have. */
  readonly object: JsonObject;
  /** These fields, as `unknown field "spec.colour"`. */
  readonly unknown: readonly string[];
}

/**
 * Holds an object against the fields that its kind has, as the real server does when it decodes:
 * what is unknown is dropped, what is of another type is refused.
 *
 * @throws ApiError 400 if a value is of the wrong type
 */
export function conform(object: JsonObject, apiVersion: string, kind: string): Conformed {
  const message = messageOf(apiVersion, kind);
  if (message === undefined) {
    return { object, unknown: [] };
  }
  const { kind: ownKind, apiVersion: ownVersion, ...rest } = object;
  const unknown: string[] = [];
  const fail: Fail = ({ message: struct, field }, value, type) => {
    const path = `${struct}.${field.replaceAll(/\[\d+\]/g, "")}`;
    throw badRequest(
      `${kind} in version ${JSON.stringify(versionOf(apiVersion))} cannot be handled as a ${kind}: json: cannot unmarshal ${jsonType(value)} into Go struct field ${path} of type ${type}`,
    );
  };
  const conformed = conformMessage(rest, message, "", { unknown, fail });
  return { object: { kind: ownKind, apiVersion: ownVersion, ...conformed }, unknown };
}

/** A field and the message that it belongs to. */
interface Place {
  readonly message: MessageName;
  readonly field: string;
}

type Fail = (place: Place, value: Json, type: string) => never;

interface Report {
  readonly unknown: string[];
  readonly fail: Fail;
}

function versionOf(apiVersion: string): string {
  return apiVersion.slice(apiVersion.indexOf("/") + 1);
}

function jsonType(value: Json): string {
  if (value === null) {
    return "null";
  }
  return isList(value) ? "array" : typeof value === "boolean" ? "bool" : typeof value;
}

function conformMessage(
  object: JsonObject,
  message: MessageName,
  path: string,
  report: Report,
): JsonObject {
  const kinds = fieldKinds(message);
  const result: Record<string, Json | undefined> = {};
  for (const [name, value] of Object.entries(object)) {
    const field = path === "" ? name : `${path}.${name}`;
    const kind = kinds.get(name);
    if (value === undefined) {
      continue;
    }
    if (kind === undefined) {
      report.unknown.push(`unknown field ${JSON.stringify(field)}`);
    } else {
      const place = { message, field };
      result[name] = value === null ? null : conformValue(value, kind, place, report);
    }
  }
  return result;
}

function conformValue(value: Json, kind: FieldKind, place: Place, report: Report): Json {
  const { field } = place;
  if (typeof kind === "object") {
    if ("message" in kind) {
      return isObject(value)
        ? conformMessage(value, kind.message, field, report)
        : report.fail(place, value, kind.message);
    }
    if (!isList(value)) {
      return report.fail(place, value, `[]${kind.list}`);
    }
    return value.map((entry, index) =>
      isObject(entry)
        ? conformMessage(entry, kind.list, `${field}[${index}]`, report)
        : report.fail(place, entry, kind.list),
    );
  }
  const expected = expectedType(value, kind);
  return expected === undefined ? value : report.fail(place, value, expected);
}

/** The Go type that the field wants, if `value` is of another. */
function expectedType(value: Json, kind: Exclude<FieldKind, object>): string | undefined {
  switch (kind) {
    case "any":
      return undefined;
    case "text":
    case "time":
      return typeof value === "string" ? undefined : "string";
    case "texts":
      return isList(value) && value.every((entry) => typeof entry === "string")
        ? undefined
        : "[]string";
    case "int":
    case "int?":
      return typeof value === "number" && Number.isInteger(value) ? undefined : "int32";
    case "bool":
    case "bool?":
      return typeof value === "boolean" ? undefined : "bool";
    case "text-map":
    case "bytes-map":
      return isObject(value) &&
        Object.values(value).every((entry) => typeof entry === "string" || entry === null)
        ? undefined
        : "map[string]string";
    case "int-or-string":
      return typeof value === "string" || typeof value === "number" ? undefined : "IntOrString";
  }
}
