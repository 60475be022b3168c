import type { IncomingMessage } from "node:http";
import { badRequest, noSuchPath, unsupportedMediaType } from "../api-error.ts";
import { isObject, type Json, type JsonObject, parseJson } from "../json.ts";
import { findResource, type ResourceType } from "../resources.ts";
import { decodeKubernetesObject, protobufMediaType } from "../schema/protobuf.ts";

export type RequestVerb =
  | "create"
  | "delete"
  | "deletecollection"
  | "get"
  | "list"
  | "patch"
  | "proxy"
  | "update"
  | "watch"
  | "other";

/** What a request is about, for handlers, faults and the request log. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly verb: RequestVerb;
  readonly userAgent: string;
  /** Absent for discovery, health and the like. */
  readonly target?: Target;
}

export interface Target {
  readonly type: ResourceType;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  /** What follows the subresource: the path to ask a proxied Pod for. */
  readonly rest: string;
}

export function parseRequest(incoming: IncomingMessage): ApiRequest {
  const url = new URL(incoming.url ?? "/", "http://server");
  const method = incoming.method ?? "GET";
  const target = parseTarget(url.pathname);
  return {
    method,
    path: url.pathname,
    query: url.searchParams,
    verb: verbOf(method, target, url.searchParams),
    userAgent: incoming.headers["user-agent"] ?? "",
    ...(target === undefined ? {} : { target }),
  };
}

function verbOf(method: string, target: Target | undefined, query: URLSearchParams): RequestVerb {
  if (target === undefined) {
    return "other";
  }
  if (target.subresource === "proxy") {
    return "proxy";
  }
  const isCollection = target.name === undefined;
  switch (method) {
    case "GET":
      if (isCollection) {
        return isTrue(query.get("watch")) ? "watch" : "list";
      }
      return "get";
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return isCollection ? "deletecollection" : "delete";
    default:
      return "other";
  }
}

export function isTrue(value: string | null): boolean {
  return value === "true" || value === "1";
}

/** Undefined for a path that names no object; an unknown resource is one such. */
function parseTarget(path: string): Target | undefined {
  const segments = path.split("/").slice(1).map(decodeURIComponent);
  const isCore = segments[0] === "api";
  const [group = "", version = "", ...rest] = isCore
    ? ["", ...segments.slice(1)]
    : segments[0] === "apis"
      ? segments.slice(1)
      : [];
  const isInNamespace =
    rest[0] === "namespaces" &&
    rest.length > 2 &&
    !["", "status", "finalize"].includes(rest[2] ?? "");
  const [plural = "", name, subresource, ...after] = isInNamespace ? rest.slice(2) : rest;
  const type = findResource(group, version, plural);
  if (type === undefined || type.namespaced !== isInNamespace) {
    // Namespaced resources may be listed over all namespaces.
    return type === undefined || isInNamespace || (name ?? "") !== ""
      ? undefined
      : { type, rest: "" };
  }
  return {
    type,
    ...(isInNamespace ? { namespace: rest[1] ?? "" } : {}),
    ...((name ?? "") === "" ? {} : { name: name ?? "" }),
    ...((subresource ?? "") === "" ? {} : { subresource: subresource ?? "" }),
    rest: after.map(encodeURIComponent).join("/"),
  };
}

/** @throws ApiError 404 if the request names no known resource */
export function requireTarget(request: ApiRequest): Target {
  if (request.target === undefined) {
    throw noSuchPath();
  }
  return request.target;
}

/** The query parameter as a whole number; undefined if it is absent or empty. */
export function numberParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name) ?? "";
  if (text === "") {
    return undefined;
  }
  if (!/^\d{1,15}$/.test(text)) {
    throw badRequest(`invalid ${name}: ${JSON.stringify(text)} is no whole number`);
  }
  return Number(text);
}

const maxBodyBytes = 3 * 1024 * 1024;

/** @throws ApiError 400 beyond 3 MiB, as the real server answers */
export async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    const bytes = Buffer.from(chunk);
    size += bytes.length;
    if (size > maxBodyBytes) {
      throw badRequest(`the request is larger than ${maxBodyBytes} bytes`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks);
}

/**
 * Reads an object, in JSON or in Kubernetes' protobuf.
 *
 * @throws ApiError 400 if the body is no object, 415 if it claims to be something else
 */
export async function readObject(incoming: IncomingMessage): Promise<JsonObject> {
  return parseBody(await readBody(incoming), mediaTypeOf(incoming));
}

/** As `readObject`; an empty body is an empty object. */
export async function readOptions(incoming: IncomingMessage): Promise<JsonObject> {
  const body = await readBody(incoming);
  return body.length === 0 ? {} : parseBody(body, mediaTypeOf(incoming));
}

function parseBody(body: Buffer, mediaType: string): JsonObject {
  if (mediaType === protobufMediaType) {
    return decodeKubernetesObject(body);
  }
  if (mediaType !== "" && mediaType !== "application/json") {
    throw unsupportedMediaType(
      `the body of the request was in an unknown format - accepted media types include: application/json, ${protobufMediaType}`,
    );
  }
  const value = parseText(body.toString("utf8"));
  if (!isObject(value)) {
    throw badRequest("the object provided is unrecognized (must be of type Object)");
  }
  return value;
}

/** The type of the body, without its parameters; empty if the client does not say. */
export function mediaTypeOf(incoming: IncomingMessage): string {
  return (incoming.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
}

function parseText(text: string): Json {
  try {
    return parseJson(text);
  } catch (error) {
    throw badRequest(`the object provided is unrecognized: ${String(error)}`);
  }
}
