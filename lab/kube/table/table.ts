import type { Json, JsonObject } from "../json.ts";
import type { ResourceType } from "../resources.ts";
import { clusterTables } from "./cluster-tables.ts";
import type { Column, TableSpec } from "./column.ts";
import { metadataTables } from "./metadata-tables.ts";
import { networkTables } from "./network-tables.ts";
import { workloadTables } from "./workload-tables.ts";

const tables: ReadonlyMap<string, TableSpec> = new Map([
  ...clusterTables,
  ...metadataTables,
  ...networkTables,
  ...workloadTables,
]);

/** `columnDefinitions` of a resource's Table. */
export function columnsOf(type: ResourceType): readonly JsonObject[] {
  return specOf(type).columns.map((column) => ({
    name: column.name,
    type: column.type ?? "string",
    format: column.name === "Name" ? "name" : "",
    description: "",
    priority: column.isWide ? 1 : 0,
  }));
}

/** The cells of an object's row, in the order of `columnsOf`. */
export function tableRow(type: ResourceType, object: JsonObject, nowMs: number): readonly Json[] {
  return specOf(type).columns.map((column: Column) => column.cell(object, nowMs));
}

function specOf(type: ResourceType): TableSpec {
  const spec = tables.get(type.storage);
  if (spec === undefined) {
    throw new Error(`no table for ${type.storage}`);
  }
  return spec;
}
