import { eventsConformance } from "./events.ts";
import { podsConformance } from "./pods.ts";
import { servicesConformance } from "./services.ts";
import { statusConformance } from "./status.ts";
import type { Target } from "./target.ts";
import { watchConformance } from "./watch.ts";

/**
 * Registers the tests that hold for every API server that RouteLB runs on: what the embedded one
 * got wrong once, and what our parts count on.
 */
export function conformance(target: () => Target): void {
  servicesConformance(target);
  statusConformance(target);
  eventsConformance(target);
  podsConformance(target);
  watchConformance(target);
}
