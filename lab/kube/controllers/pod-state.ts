import { type Json, type JsonObject, listAt, textAt } from "../json.ts";
import { safeHash } from "../names.ts";
import { parseTime } from "../time.ts";
import { isDeleting } from "./owners.ts";

/** A condition of an object's status, by type. */
export function conditionOf(object: JsonObject, type: string): Json | undefined {
  return listAt(object, "status", "conditions").find(
    (condition) => textAt(condition, "type") === type,
  );
}

export function isPodReady(pod: JsonObject): boolean {
  return textAt(conditionOf(pod, "Ready"), "status") === "True";
}

/** Neither over nor on its way out. */
export function isPodActive(pod: JsonObject): boolean {
  return !isDeleting(pod) && !isPodOver(pod);
}

export function isPodOver(pod: JsonObject): boolean {
  const phase = textAt(pod, "status", "phase");
  return phase === "Succeeded" || phase === "Failed";
}

/** Milliseconds until a Pod has been ready for long enough; undefined while it is not ready. */
export function untilAvailable(
  pod: JsonObject,
  minReadySeconds: number,
  nowMs: number,
): number | undefined {
  if (!isPodReady(pod)) {
    return undefined;
  }
  const since = parseTime(textAt(conditionOf(pod, "Ready"), "lastTransitionTime"));
  return minReadySeconds === 0 || since === undefined
    ? 0
    : Math.max(0, since + minReadySeconds * 1000 - nowMs);
}

/** A hash of a Pod template that differs when the template does, in the letters of Pod names. */
export function templateHash(template: JsonObject): string {
  return safeHash(JSON.stringify(template));
}
