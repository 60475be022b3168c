import { type JsonObject, numberAt, objectAt, textAt } from "./json.ts";
import { formatTime, parseTime } from "./time.ts";

/**
 * Events are kept as core/v1 writes them; events.k8s.io/v1 shows the same ones under other names.
 */
export function eventView(stored: JsonObject): JsonObject {
  const {
    involvedObject,
    message,
    source,
    firstTimestamp,
    lastTimestamp,
    count,
    reportingComponent,
    reportingInstance,
    ...rest
  } = stored;
  return {
    ...rest,
    apiVersion: "events.k8s.io/v1",
    eventTime: rest["eventTime"] ?? null,
    regarding: involvedObject,
    note: message,
    reportingController: reportingComponent ?? "",
    reportingInstance: reportingInstance ?? "",
    deprecatedSource: source,
    deprecatedFirstTimestamp: firstTimestamp,
    deprecatedLastTimestamp: lastTimestamp,
    deprecatedCount: count,
  };
}

/** The reverse of `eventView`. */
export function storedEvent(view: JsonObject): JsonObject {
  const {
    regarding,
    note,
    reportingController,
    deprecatedSource,
    deprecatedFirstTimestamp,
    deprecatedLastTimestamp,
    deprecatedCount,
    ...rest
  } = view;
  return {
    ...rest,
    apiVersion: "v1",
    involvedObject: regarding ?? {},
    message: note,
    reportingComponent: reportingController,
    source: deprecatedSource ?? {},
    firstTimestamp: deprecatedFirstTimestamp ?? null,
    lastTimestamp: deprecatedLastTimestamp ?? null,
    count: deprecatedCount,
  };
}

/** When an Event was first and last seen, and how often; whichever API wrote it. */
export function eventOccurrences(stored: JsonObject): {
  readonly firstMs: number | undefined;
  readonly lastMs: number | undefined;
  readonly count: number;
} {
  const series = objectAt(stored, "series");
  const eventMs = parseTime(textAt(stored, "eventTime"));
  const firstMs = parseTime(textAt(stored, "firstTimestamp")) ?? eventMs;
  const lastMs = parseTime(textAt(stored, "lastTimestamp")) ?? firstMs;
  return {
    firstMs,
    lastMs: parseTime(textAt(series, "lastObservedTime")) ?? lastMs,
    count: numberAt(series, "count") ?? (numberAt(stored, "count") || 1),
  };
}

/** A core/v1 Event about an object, as a controller writes it. */
export function makeEvent(
  about: JsonObject,
  component: string,
  type: "Normal" | "Warning",
  reason: string,
  message: string,
  nowMs: number,
): JsonObject {
  const time = formatTime(nowMs);
  const name = textAt(about, "metadata", "name") ?? "";
  const namespace = textAt(about, "metadata", "namespace") ?? "default";
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: `${name}.`, namespace },
    involvedObject: {
      apiVersion: textAt(about, "apiVersion"),
      kind: textAt(about, "kind"),
      name,
      namespace: textAt(about, "metadata", "namespace"),
      uid: textAt(about, "metadata", "uid"),
      resourceVersion: textAt(about, "metadata", "resourceVersion"),
    },
    type,
    reason,
    message,
    source: { component },
    reportingComponent: component,
    reportingInstance: "",
    firstTimestamp: time,
    lastTimestamp: time,
    eventTime: null,
    count: 1,
  };
}
