import type { IncomingMessage, ServerResponse } from "node:http";
import type { JsonObject } from "../json.ts";
import { groupVersion, type ResourceType, resourceTypes } from "../resources.ts";
import { sendText } from "./answer.ts";
import { openApiV2, openApiV3, openApiV3Index } from "./openapi.ts";
import type { ApiRequest } from "./request.ts";
import { serverVersionText } from "./server-version.ts";

/** What `/version` says; the API is that of this release. */
export const serverVersion = {
  major: "1",
  minor: "33",
  gitVersion: serverVersionText,
  gitCommit: "0000000000000000000000000000000000000000",
  gitTreeState: "clean",
  buildDate: "1970-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: "linux/amd64",
} as const satisfies JsonObject;

/**
 * Answers health, version, discovery and OpenAPI requests.
 *
 * @returns false if the path is none of these
 */
export function answerDiscovery(
  request: ApiRequest,
  incoming: IncomingMessage,
  response: ServerResponse,
): boolean {
  const path = request.path.replace(/\/+$/, "") || "/";
  if (["/healthz", "/livez", "/readyz"].includes(path)) {
    sendText(response, 200, "ok", "text/plain; charset=utf-8");
    return true;
  }
  if (path === "/openapi/v2") {
    const { body, contentType } = openApiV2(incoming.headers.accept);
    response.writeHead(200, { "content-type": contentType, "content-length": body.length });
    response.end(body);
    return true;
  }
  const aggregated = aggregatedVersion(incoming.headers.accept);
  if (aggregated !== undefined && (path === "/api" || path === "/apis")) {
    const list = aggregatedGroups(path === "/api", aggregated);
    const contentType = `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`;
    response.setHeader("vary", "Accept");
    sendText(response, 200, JSON.stringify(list), contentType);
    return true;
  }
  const found = documentAt(path);
  if (found === undefined) {
    return false;
  }
  sendText(response, 200, JSON.stringify(found));
  return true;
}

function documentAt(path: string): JsonObject | undefined {
  switch (path) {
    case "/":
      return { paths: ["/api", "/api/v1", "/apis", ...groups().map((name) => `/apis/${name}`)] };
    case "/version":
      return serverVersion;
    case "/api":
      return {
        kind: "APIVersions",
        versions: ["v1"],
        serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "" }],
      };
    case "/apis":
      return { kind: "APIGroupList", apiVersion: "v1", groups: groups().map(groupOf) };
    case "/openapi/v3":
      return openApiV3Index();
    default:
      break;
  }
  const schemaOf = /^\/openapi\/v3\/(api|apis)\/(.+)$/.exec(path)?.[2];
  if (schemaOf !== undefined) {
    return openApiV3(schemaOf);
  }
  const name = /^\/apis\/([^/]+)$/.exec(path)?.[1];
  if (name !== undefined && groups().includes(name)) {
    return { kind: "APIGroup", apiVersion: "v1", ...groupOf(name) };
  }
  const version = /^\/apis\/([^/]+\/[^/]+)$|^\/api\/(v1)$/.exec(path);
  return resourceListOf(version?.[1] ?? version?.[2] ?? "");
}

/** Names of the API groups, the core group left out. */
function groups(): readonly string[] {
  return [...new Set(resourceTypes.map(({ group }) => group))].filter((name) => name !== "");
}

function groupOf(name: string): JsonObject {
  const preferred = { groupVersion: `${name}/v1`, version: "v1" };
  return { name, versions: [preferred], preferredVersion: preferred };
}

function resourceListOf(version: string): JsonObject | undefined {
  const types = resourceTypes.filter((type) => groupVersion(type) === version);
  if (types.length === 0) {
    return undefined;
  }
  const resources = types.flatMap((type) => [
    {
      name: type.plural,
      singularName: type.singular,
      namespaced: type.namespaced,
      kind: type.kind,
      verbs: type.verbs,
      ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
      ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    },
    ...type.subresources.map((subresource) => ({
      name: `${type.plural}/${subresource.name}`,
      singularName: "",
      namespaced: type.namespaced,
      group: subresource.group,
      version: subresource.version,
      kind: subresource.kind,
      verbs: subresource.verbs,
    })),
  ]);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: version, resources };
}

/** The version of aggregated discovery that the client prefers; undefined if it wants none. */
function aggregatedVersion(accept = ""): "v2" | "v2beta1" | undefined {
  for (const part of accept.split(",")) {
    if (part.includes("as=APIGroupDiscoveryList")) {
      return part.includes("v=v2beta1") ? "v2beta1" : "v2";
    }
  }
  return undefined;
}

function aggregatedGroups(isCore: boolean, version: "v2" | "v2beta1"): JsonObject {
  const names = isCore ? [""] : groups();
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: names.map((name) => ({
      metadata: name === "" ? { creationTimestamp: null } : { name, creationTimestamp: null },
      versions: [
        {
          version: "v1",
          freshness: "Current",
          resources: resourceTypes.filter(({ group }) => group === name).map(aggregatedResource),
        },
      ],
    })),
  };
}

function aggregatedResource(type: ResourceType): JsonObject {
  return {
    resource: type.plural,
    responseKind: { group: type.group, version: type.version, kind: type.kind },
    scope: type.namespaced ? "Namespaced" : "Cluster",
    singularResource: type.singular,
    verbs: type.verbs,
    ...(type.shortNames.length > 0 ? { shortNames: type.shortNames } : {}),
    ...(type.categories.length > 0 ? { categories: type.categories } : {}),
    ...(type.subresources.length > 0
      ? {
          subresources: type.subresources.map((subresource) => ({
            subresource: subresource.name,
            responseKind: {
              group: subresource.group ?? type.group,
              version: subresource.version ?? type.version,
              kind: subresource.kind,
            },
            verbs: subresource.verbs,
          })),
        }
      : {}),
  };
}
