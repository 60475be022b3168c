/**
 * Reading JSON of which nothing is known: each function gives the value if it is of that kind, else
 * what stands for an absent field.
 */

export type JsonRecord = Readonly<Record<string, unknown>>;

/** An empty record where there is none. */
export function recordOf(value: unknown): JsonRecord {
  return isRecord(value) ? value : {};
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

export function booleanOf(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

/** The strings of a list. */
export function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((element) => typeof element === "string");
}

/** The fields of a record whose values are strings: labels, annotations, a ConfigMap's data. */
export function textRecordOf(value: unknown): Readonly<Record<string, string>> {
  const record: Record<string, string> = {};
  for (const [key, field] of Object.entries(recordOf(value))) {
    if (typeof field === "string") {
      record[key] = field;
    }
  }
  return record;
}
