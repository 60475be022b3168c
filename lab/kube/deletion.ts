import { at, type JsonObject, numberAt, objectAt, textAt, textsAt, withAt } from "./json.ts";
import { formatTime } from "./time.ts";

export interface DeleteOptions {
  readonly gracePeriodSeconds?: number;
  readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  /** Preconditions. */
  readonly uid?: string;
  readonly resourceVersion?: string;
}

const foreground = "foregroundDeletion";
const orphan = "orphan";

/**
 * What a DELETE makes of an object: itself marked for deletion, or "gone".
 *
 * @param ownGraceSeconds what the object asks for where the request does not
 */
export function deletionOf(
  current: JsonObject,
  ownGraceSeconds: number,
  options: DeleteOptions,
  nowMs: number,
): JsonObject | "gone" {
  const finalizers = new Set(textsAt(current, "metadata", "finalizers"));
  if (options.propagationPolicy === "Foreground") {
    finalizers.add(foreground);
  } else if (options.propagationPolicy === "Orphan") {
    finalizers.add(orphan);
  }
  const isHeld = finalizers.size > 0 || textsAt(current, "spec", "finalizers").length > 0;
  // An object that ends at once has no grace period, whatever the request says.
  const grace = ownGraceSeconds === 0 ? 0 : (options.gracePeriodSeconds ?? ownGraceSeconds);
  if (grace === 0 && !isHeld) {
    return "gone";
  }
  const old = numberAt(current, "metadata", "deletionGracePeriodSeconds");
  if (old !== undefined && old <= grace) {
    return current;
  }
  const generation = numberAt(current, "metadata", "generation");
  const marked: JsonObject = {
    ...current,
    metadata: {
      ...objectAt(current, "metadata"),
      finalizers: finalizers.size > 0 ? [...finalizers] : undefined,
      deletionTimestamp: formatTime(nowMs + grace * 1000),
      deletionGracePeriodSeconds: grace,
      generation: generation === undefined ? undefined : generation + 1,
    },
  };
  return textAt(current, "kind") === "Namespace"
    ? withAt(marked, ["status", "phase"], "Terminating")
    : marked;
}

/** Whether a marked object has nothing left that holds it back. */
export function isFinished(object: JsonObject): boolean {
  return (
    at(object, "metadata", "deletionTimestamp") !== undefined &&
    (numberAt(object, "metadata", "deletionGracePeriodSeconds") ?? 0) === 0 &&
    textsAt(object, "metadata", "finalizers").length === 0 &&
    textsAt(object, "spec", "finalizers").length === 0
  );
}
