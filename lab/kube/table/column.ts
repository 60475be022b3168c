import { type Json, type JsonObject, listAt, objectAt, scalarText, textAt } from "../json.ts";
import { formatAge, parseTime } from "../time.ts";

/** One column of a Table. */
export interface Column {
  readonly name: string;
  readonly type?: "string" | "integer";
  /** Shown by `-o wide` only. */
  readonly isWide?: boolean;
  readonly cell: (object: JsonObject, nowMs: number) => Json;
}

export interface TableSpec {
  readonly columns: readonly Column[];
}

export const nameColumn: Column = {
  name: "Name",
  cell: (object) => textAt(object, "metadata", "name") ?? "",
};

export const ageColumn: Column = {
  name: "Age",
  cell: (object, nowMs) => age(textAt(object, "metadata", "creationTimestamp"), nowMs),
};

/** How long ago a time was; `<unknown>` without one. */
export function age(time: string | undefined, nowMs: number): string {
  const milliseconds = parseTime(time);
  return milliseconds === undefined ? "<unknown>" : formatAge(nowMs - milliseconds);
}

/** `a=b,c=d` in the order of keys; `<none>` if there are none. */
export function labelsText(labels: JsonObject): string {
  const pairs = Object.keys(labels)
    .sort()
    .map((key) => `${key}=${scalarText(labels[key]) ?? ""}`);
  return pairs.length === 0 ? "<none>" : pairs.join(",");
}

/** A label selector, as `kubectl get -o wide` shows it. */
export function selectorText(selector: JsonObject): string {
  const labels = objectAt(selector, "matchLabels");
  const expressions = listAt(selector, "matchExpressions").map((expression) => {
    const key = textAt(expression, "key") ?? "";
    const values = listAt(expression, "values").map(String).sort().join(",");
    switch (textAt(expression, "operator")) {
      case "In":
        return `${key} in (${values})`;
      case "NotIn":
        return `${key} notin (${values})`;
      case "Exists":
        return key;
      case undefined:
      default:
        return `!${key}`;
    }
  });
  const pairs = Object.keys(labels).length === 0 ? [] : [labelsText(labels)];
  return [...pairs, ...expressions].join(",") || "<none>";
}

/** Names and images of a template's containers. */
export const containerColumns: readonly Column[] = [
  { name: "Containers", isWide: true, cell: (object) => containerTexts(object, "name") },
  { name: "Images", isWide: true, cell: (object) => containerTexts(object, "image") },
];

function containerTexts(object: JsonObject, field: string): string {
  return listAt(object, "spec", "template", "spec", "containers")
    .map((container) => textAt(container, field) ?? "")
    .join(",");
}

/** The first few of a list, and how many more there are. */
export function fewOf(list: readonly string[]): string {
  const shown = list.slice(0, 3).join(",");
  if (list.length > 3) {
    return `${shown} + ${list.length - 3} more...`;
  }
  return shown === "" ? "<unset>" : shown;
}
