import { eventOccurrences } from "../event-view.ts";
import { type JsonObject, listAt, objectAt, textAt } from "../json.ts";
import { formatAge } from "../time.ts";
import { ageColumn, nameColumn, type TableSpec } from "./column.ts";

/** Tables of ConfigMaps, Secrets, ServiceAccounts and Events. */
export const metadataTables: readonly (readonly [string, TableSpec])[] = [
  [
    "configmaps",
    { columns: [nameColumn, { name: "Data", type: "integer", cell: entries }, ageColumn] },
  ],
  [
    "secrets",
    {
      columns: [
        nameColumn,
        { name: "Type", cell: (secret) => textAt(secret, "type") ?? "" },
        { name: "Data", type: "integer", cell: entries },
        ageColumn,
      ],
    },
  ],
  [
    "serviceaccounts",
    {
      columns: [
        nameColumn,
        {
          name: "Secrets",
          type: "integer",
          cell: (account) => listAt(account, "secrets").length,
        },
        ageColumn,
      ],
    },
  ],
  [
    "events",
    {
      columns: [
        {
          name: "Last Seen",
          cell: (event, nowMs) => ageOf(eventOccurrences(event).lastMs, nowMs),
        },
        { name: "Type", cell: (event) => textAt(event, "type") ?? "" },
        { name: "Reason", cell: (event) => textAt(event, "reason") ?? "" },
        { name: "Object", cell: eventObject },
        {
          name: "Subobject",
          isWide: true,
          cell: (event) => textAt(event, "involvedObject", "fieldPath") ?? "",
        },
        { name: "Source", isWide: true, cell: eventSource },
        { name: "Message", cell: (event) => (textAt(event, "message") ?? "").trim() },
        {
          name: "First Seen",
          isWide: true,
          cell: (event, nowMs) => ageOf(eventOccurrences(event).firstMs, nowMs),
        },
        {
          name: "Count",
          type: "integer",
          isWide: true,
          cell: (event) => eventOccurrences(event).count,
        },
        { ...nameColumn, isWide: true },
      ],
    },
  ],
];

function entries(object: JsonObject): number {
  return (
    Object.keys(objectAt(object, "data")).length +
    Object.keys(objectAt(object, "binaryData")).length
  );
}

function ageOf(milliseconds: number | undefined, nowMs: number): string {
  return milliseconds === undefined ? "<unknown>" : formatAge(nowMs - milliseconds);
}

function eventObject(event: JsonObject): string {
  const kind = (textAt(event, "involvedObject", "kind") ?? "").toLowerCase();
  const name = textAt(event, "involvedObject", "name") ?? "";
  return name === "" ? kind : `${kind}/${name}`;
}

function eventSource(event: JsonObject): string {
  const component = textAt(event, "source", "component") ?? textAt(event, "reportingComponent");
  const host = textAt(event, "source", "host") ?? textAt(event, "reportingInstance");
  return [component, host].filter((text) => text !== undefined && text !== "").join(", ");
}
