import { badRequest } from "../api-error.ts";
import type { JsonObject } from "../json.ts";
import type { WriteOptions } from "../registry.ts";
import type { ApiRequest } from "./request.ts";

/** What a write answers: an object of the target's kind, or something else as it is. */
export interface Written {
  readonly code: number;
  readonly object: JsonObject;
  /** It is no object of the resource: a Status, a Scale. */
  readonly isOther?: boolean;
  readonly warnings?: readonly string[];
}

/** Who writes, as metadata.managedFields will tell: `fieldManager`, or the client's program. */
export function writeOptions(request: ApiRequest): WriteOptions {
  const named = request.query.get("fieldManager") ?? "";
  const program = request.userAgent.split("/")[0] ?? "";
  return {
    manager: (named === "" ? program : named).slice(0, 128) || "unknown",
    dryRun: isDryRun(request.query.getAll("dryRun")),
  };
}

function isDryRun(values: readonly string[]): boolean {
  const given = values.filter((value) => value !== "");
  if (given.some((value) => value !== "All")) {
    throw badRequest(`Unsupported value for dryRun: ${given.join(",")}; supported values: "All"`);
  }
  return given.length > 0;
}
