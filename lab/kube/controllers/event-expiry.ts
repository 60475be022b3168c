import { eventOccurrences } from "../event-view.ts";
import { keyOf } from "../store.ts";
import type { ControllerEnvironment } from "./environment.ts";

const lookEveryMs = 60_000;
const lifetimeMs = 3_600_000;

/** Deletes Events an hour after they were last seen, as the real server does by default. */
export function startEventExpiry(environment: ControllerEnvironment): void {
  const { objects, clock } = environment;
  const look = (): void => {
    const nowMs = clock.wallTime();
    for (const event of objects.list("events")) {
      if (nowMs - (eventOccurrences(event).lastMs ?? nowMs) > lifetimeMs) {
        objects.delete("events", keyOf(event));
      }
    }
    clock.after(lookEveryMs, look);
  };
  clock.after(lookEveryMs, look);
}
