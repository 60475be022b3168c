import type { Json, JsonObject } from "./json.ts";
import type { ResourceType } from "./resources.ts";

/** One field that is wrong; becomes an entry of `details.causes`. */
export interface FieldError {
  readonly field: string;
  readonly reason:
    | "FieldValueRequired"
    | "FieldValueInvalid"
    | "FieldValueDuplicate"
    | "FieldValueForbidden"
    | "FieldValueNotSupported"
    | "FieldValueTooLong";
  /** As Kubernetes words it, without the field: `Required value`. */
  readonly message: string;
}

/** An answer other than success, in the form of Kubernetes' `Status`. */
export class ApiError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: JsonObject | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: number,
    reason: string,
    message: string,
    details?: JsonObject,
    retryAfterSeconds?: number,
  ) {
    super(message);
    this.name = "ApiError";
    this.code = code;
    this.reason = reason;
    this.details = details;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The body of the answer. */
  status(): JsonObject {
    const details =
      this.retryAfterSeconds === undefined
        ? this.details
        : { ...this.details, retryAfterSeconds: this.retryAfterSeconds };
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message: this.message,
      reason: this.reason,
      details,
      code: this.code,
    };
  }
}

type NamedResource = Pick<ResourceType, "group" | "plural" | "kind">;

/** `deployments.apps`, or just `services` in the core group. */
export function qualifiedName(resource: NamedResource): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

function details(resource: NamedResource, name: string): JsonObject {
  return {
    name,
    group: resource.group === "" ? undefined : resource.group,
    kind: resource.plural,
  };
}

export function notFound(resource: NamedResource, name: string): ApiError {
  return new ApiError(
    404,
    "NotFound",
    `${qualifiedName(resource)} "${name}" not found`,
    details(resource, name),
  );
}

export function noSuchPath(): ApiError {
  return new ApiError(404, "NotFound", "the server could not find the requested resource", {});
}

export function alreadyExists(resource: NamedResource, name: string): ApiError {
  return new ApiError(
    409,
    "AlreadyExists",
    `${qualifiedName(resource)} "${name}" already exists`,
    details(resource, name),
  );
}

export function conflict(
  resource: NamedResource,
  name: string,
  why = "the object has been modified; please apply your changes to the latest version and try again",
): ApiError {
  return new ApiError(
    409,
    "Conflict",
    `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`,
    details(resource, name),
  );
}

export function invalid(
  resource: NamedResource,
  name: string,
  errors: readonly FieldError[],
): ApiError {
  const sentences = errors.map((error) => `${error.field}: ${error.message}`);
  const [only] = sentences;
  const text = sentences.length === 1 ? only : `[${sentences.join(", ")}]`;
  return new ApiError(422, "Invalid", `${resource.kind} "${name}" is invalid: ${text}`, {
    name,
    group: resource.group === "" ? undefined : resource.group,
    kind: resource.kind,
    causes: errors.map((error) => ({
      reason: error.reason,
      message: error.message,
      field: error.field,
    })),
  });
}

export function forbidden(resource: NamedResource, name: string, why: string): ApiError {
  return new ApiError(
    403,
    "Forbidden",
    `${qualifiedName(resource)} "${name}" is forbidden: ${why}`,
    details(resource, name),
  );
}

export function badRequest(message: string): ApiError {
  return new ApiError(400, "BadRequest", message);
}

export function methodNotAllowed(): ApiError {
  return new ApiError(
    405,
    "MethodNotAllowed",
    "the server does not allow this method on the requested resource",
    {},
  );
}

export function unsupportedMediaType(message: string): ApiError {
  return new ApiError(415, "UnsupportedMediaType", message);
}

/** 410: the history does not reach back to the version that was asked for. */
export function expired(message: string): ApiError {
  return new ApiError(410, "Expired", message);
}

/** 504, as the server answers when a client has seen a later version than the server has. */
export function tooLargeResourceVersion(asked: number, current: number): ApiError {
  return new ApiError(
    504,
    "Timeout",
    `Timeout: Too large resource version: ${asked}, current: ${current}`,
    { causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }] },
    1,
  );
}

export function required(field: string, hint = ""): FieldError {
  const message = hint === "" ? "Required value" : `Required value: ${hint}`;
  return { field, reason: "FieldValueRequired", message };
}

export function invalidValue(field: string, value: Json | undefined, why: string): FieldError {
  const shown = JSON.stringify(value) ?? "null";
  return { field, reason: "FieldValueInvalid", message: `Invalid value: ${shown}: ${why}` };
}

export function duplicate(field: string, value: Json): FieldError {
  return {
    field,
    reason: "FieldValueDuplicate",
    message: `Duplicate value: ${JSON.stringify(value)}`,
  };
}

export function forbiddenField(field: string, why: string): FieldError {
  return { field, reason: "FieldValueForbidden", message: `Forbidden: ${why}` };
}

export function notSupported(
  field: string,
  value: Json | undefined,
  supported: readonly string[],
): FieldError {
  const list = supported.map((entry) => `"${entry}"`).join(", ");
  return {
    field,
    reason: "FieldValueNotSupported",
    message: `Unsupported value: ${JSON.stringify(value) ?? "null"}: supported values: ${list}`,
  };
}
