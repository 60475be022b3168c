import { type Fields, listOf, oneOf, type Reader, readFields, text } from "./fields.ts";
import { type Place, type Report, shown } from "./finding.ts";
import type { Selector, SelectorRequirement } from "./model.ts";
import { keys } from "./schema.ts";

const operators = ["In", "NotIn", "Exists", "DoesNotExist"] as const;

/** Reads one label selector, as strict as Kubernetes is; null and `{}` match everything. */
export const selector: Reader<Selector> = (tree, report) => {
  const fields = readFields(tree, keys.selector, report);
  return fields === undefined
    ? undefined
    : {
        matchLabels: fields.withDefault("match-labels", matchLabels, {}) ?? {},
        matchExpressions: fields.withDefault("match-expressions", listOf(requirement), []) ?? [],
      };
};

/** Reads selectors of which one must match; none are left if one of them matches everything. */
export const selectorList: Reader<Selector[]> = (tree, report) => {
  const selectors = listOf(selector)(tree, report);
  return selectors?.some(matchesEverything) === true ? [] : selectors;
};

function matchesEverything({ matchLabels, matchExpressions }: Selector): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}

const matchLabels: Reader<Record<string, string>> = (tree, report) => {
  if (tree.type !== "mapping") {
    report(tree, "is not a mapping of label keys to values, as in {rack: a}");
    return undefined;
  }
  const labels: [string, string][] = [];
  for (const { key, place, value } of tree.entries) {
    checkKey(key, place, report);
    const label = text(value, report);
    if (label !== undefined) {
      checkValue(label, value, report);
      labels.push([key, label]);
    }
  }
  return Object.fromEntries(labels);
};

const requirement: Reader<SelectorRequirement> = (tree, report) => {
  const fields = readFields(tree, keys.selectorRequirement, report);
  if (fields === undefined) {
    return undefined;
  }
  const key = fields.required("key", labelKey, "the label's key");
  const operator = fields.required("operator", oneOf(operators), `one of ${operators.join(", ")}`);
  const values = fields.withDefault("values", listOf(labelValue), []);
  checkCount(operator, values, fields, report);
  return key === undefined || operator === undefined || values === undefined
    ? undefined
    : { key, operator, values };
};

function checkCount(
  operator: SelectorRequirement["operator"] | undefined,
  values: readonly string[] | undefined,
  fields: Fields<"key" | "operator" | "values">,
  report: Report,
): void {
  if (operator === undefined || values === undefined) {
    return;
  }
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues && values.length === 0) {
    report(fields.placeOf("values"), `is empty: ${operator} needs at least one value`);
  } else if (!takesValues && values.length > 0) {
    report(fields.placeOf("values"), `${operator} takes no values: leave them out`);
  }
}

const labelKey: Reader<string> = (tree, report) => {
  const value = text(tree, report);
  if (value !== undefined) {
    checkKey(value, tree, report);
  }
  return value;
};

const labelValue: Reader<string> = (tree, report) => {
  const value = text(tree, report);
  if (value !== undefined) {
    checkValue(value, tree, report);
  }
  return value;
};

function checkKey(key: string, place: Place, report: Report): void {
  if (!isLabelKey(key)) {
    report(
      place,
      `${shown(key)} is no label key: [DNS name/]name, the name 63 characters of a-z, A-Z, 0-9, -, _ and . at most, first and last a letter or digit`,
    );
  }
}

function checkValue(value: string, place: Place, report: Report): void {
  if (value !== "" && !isLabelName(value)) {
    report(
      place,
      `${shown(value)} is no label value: 63 characters of a-z, A-Z, 0-9, -, _ and . at most, first and last a letter or digit`,
    );
  }
}

function isLabelName(name: string): boolean {
  return name.length <= 63 && /^[A-Za-z0-9](?:[-\w.]*[A-Za-z0-9])?$/.test(name);
}

function isLabelKey(key: string): boolean {
  const slash = key.indexOf("/");
  return isLabelName(key.slice(slash + 1)) && (slash < 0 || isDnsSubdomain(key.slice(0, slash)));
}

/** RFC 1123 names joined by dots, as names of most Kubernetes objects are. */
export function isDnsSubdomain(name: string): boolean {
  return (
    name.length <= 253 &&
    name.split(".").every((label) => /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/.test(label))
  );
}

/** An RFC 1123 label, as names of namespaces are. */
export function isDnsLabel(name: string): boolean {
  return name.length <= 63 && !name.includes(".") && isDnsSubdomain(name);
}
