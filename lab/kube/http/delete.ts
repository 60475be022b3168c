import type { IncomingMessage } from "node:http";
import { methodNotAllowed } from "../api-error.ts";
import type { DeleteOptions } from "../deletion.ts";
import { type Json, type JsonObject, listAt, numberAt, textAt } from "../json.ts";
import type { Registry, WriteOptions } from "../registry.ts";
import { requestFilter } from "./list.ts";
import { type ApiRequest, numberParameter, readOptions, type Target } from "./request.ts";
import { type Written, writeOptions } from "./written.ts";

/** DELETE of one object. The body and the query may both carry options. */
export async function handleDelete(
  registry: Registry,
  request: ApiRequest,
  target: Target,
  incoming: IncomingMessage,
): Promise<Written> {
  const { type, namespace, name = "" } = target;
  if (target.subresource !== undefined) {
    throw methodNotAllowed();
  }
  const options = await deleteOptions(request, incoming);
  const { object, isGone } = registry.delete(type, namespace, name, options);
  if (!isGone || ["pods", "services", "serviceaccounts"].includes(type.storage)) {
    return { code: 200, object };
  }
  const status: JsonObject = {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: {
      name,
      group: type.group === "" ? undefined : type.group,
      kind: type.plural,
      uid: textAt(object, "metadata", "uid"),
    },
  };
  return { code: 200, object: status, isOther: true };
}

/** DELETE of a collection; the answer lists what was deleted. */
export async function handleDeleteCollection(
  registry: Registry,
  request: ApiRequest,
  target: Target,
  incoming: IncomingMessage,
): Promise<readonly JsonObject[]> {
  const options = await deleteOptions(request, incoming);
  const filter = requestFilter(request, target);
  return registry.store
    .list(target.type.storage)
    .filter(filter)
    .map((object) => {
      const name = textAt(object, "metadata", "name") ?? "";
      const namespace = textAt(object, "metadata", "namespace");
      return registry.delete(target.type, namespace, name, options).object;
    });
}

async function deleteOptions(
  request: ApiRequest,
  incoming: IncomingMessage,
): Promise<DeleteOptions & WriteOptions> {
  const body = await readOptions(incoming);
  const base = writeOptions(request);
  const grace = numberParameter(request.query, "gracePeriodSeconds");
  const policy = request.query.get("propagationPolicy");
  return {
    ...base,
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...propagation(policy ?? undefined),
    ...deleteOptionsOf(body),
    dryRun: base.dryRun === true || listAt(body, "dryRun").includes("All"),
  };
}

/** Options as they stand in a body, of a DELETE or of an Eviction. */
export function deleteOptionsOf(body: Json | undefined): DeleteOptions {
  const grace = numberAt(body, "gracePeriodSeconds");
  const uid = textAt(body, "preconditions", "uid");
  const resourceVersion = textAt(body, "preconditions", "resourceVersion");
  return {
    ...(grace === undefined ? {} : { gracePeriodSeconds: grace }),
    ...propagation(textAt(body, "propagationPolicy")),
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
}

function propagation(policy: string | undefined): Pick<DeleteOptions, "propagationPolicy"> {
  switch (policy) {
    case "Background":
    case "Foreground":
    case "Orphan":
      return { propagationPolicy: policy };
    case undefined:
    default:
      return {};
  }
}
