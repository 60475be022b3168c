import type { JsonObject } from "../json.ts";
import { groupVersion, type ResourceType, resourceTypes } from "../resources.ts";
import { serverVersionText } from "./server-version.ts";

/**
 * The OpenAPI documents hold no schemas of objects: kubectl then checks nothing by itself, and
 * this server checks what it is sent.
 */
const info = { title: "RouteLB lab", version: serverVersionText } as const;

/** Without the `@` of the name that clients accept: Go's parser of media types rejects that. */
const protobufType = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";

/** OpenAPI 2.0 as JSON, or as the protobuf that kubectl 1.20 asks for. */
export function openApiV2(accept = ""): { readonly body: Buffer; readonly contentType: string } {
  return accept.includes("proto-openapi.spec.v2")
    ? { body: protobufDocument(), contentType: protobufType }
    : {
        body: Buffer.from(JSON.stringify({ swagger: "2.0", info, paths: {}, definitions: {} })),
        contentType: "application/json",
      };
}

/** gnostic's `openapi.v2.Document` of the same document. */
function protobufDocument(): Buffer {
  return Buffer.concat([
    field(1, Buffer.from("2.0")),
    field(
      2,
      Buffer.concat([field(1, Buffer.from(info.title)), field(2, Buffer.from(info.version))]),
    ),
    field(8, Buffer.alloc(0)),
    field(9, Buffer.alloc(0)),
  ]);
}

/** A length-delimited protobuf field of less than 128 octets. */
function field(number: number, value: Buffer): Buffer {
  return Buffer.concat([Buffer.from([(number << 3) | 2, value.length]), value]);
}

export function openApiV3Index(): JsonObject {
  const paths: Record<string, JsonObject> = {};
  for (const type of resourceTypes) {
    const path = pathOf(type);
    paths[path] = { serverRelativeURL: `/openapi/v3/${path}?hash=${serverVersionText}` };
  }
  return { paths };
}

function pathOf(type: ResourceType): string {
  return type.group === "" ? `api/${type.version}` : `apis/${groupVersion(type)}`;
}

/** OpenAPI 3.0 of one group and version; undefined if it is not served. */
export function openApiV3(version: string): JsonObject | undefined {
  const types = resourceTypes.filter((type) => groupVersion(type) === version);
  if (types.length === 0) {
    return undefined;
  }
  const paths: Record<string, JsonObject> = {};
  for (const type of types) {
    const namespace = type.namespaced ? "/namespaces/{namespace}" : "";
    paths[`/${pathOf(type)}${namespace}/${type.plural}/{name}`] = {
      patch: {
        parameters: [parameter("dryRun"), parameter("fieldManager"), parameter("fieldValidation")],
        responses: {},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": {
          group: type.group,
          version: type.version,
          kind: type.kind,
        },
      },
    };
  }
  return { openapi: "3.0.0", info, paths, components: { schemas: {} } };
}

function parameter(name: string): JsonObject {
  return { name, in: "query", schema: { type: "string", uniqueItems: true } };
}
