import type { Clock } from "../../../src/runtime/clock.ts";
import { makeEvent } from "../event-view.ts";
import type { JsonObject } from "../json.ts";
import type { Objects } from "../objects.ts";

/** What lab controllers work with. */
export interface ControllerEnvironment {
  readonly objects: Objects;
  readonly clock: Clock;
  /** Calls back soon, after the current write is over: `setImmediate`, or a test's own. */
  readonly defer: (callback: () => void) => void;
  /** Takes an error that is no conflict: the pass that threw it is tried again a second later. */
  readonly report: (error: unknown) => void;
}

/** Writes an Event about an object; none if its namespace is on the way out. */
export function recordEvent(
  environment: ControllerEnvironment,
  component: string,
  about: JsonObject,
  reason: string,
  message: string,
  type: "Normal" | "Warning" = "Normal",
): void {
  const { objects, clock } = environment;
  try {
    const event = makeEvent(about, component, type, reason, message, clock.wallTime());
    objects.as(component).create(event);
  } catch (error) {
    environment.report(error);
  }
}
