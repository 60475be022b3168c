import { startDaemonSets } from "./daemon-sets.ts";
import { startDeployments } from "./deployments.ts";
import { startEndpointSlices } from "./endpoint-slices.ts";
import type { ControllerEnvironment } from "./environment.ts";
import { startEventExpiry } from "./event-expiry.ts";
import { startGarbageCollector } from "./garbage-collector.ts";
import { startNamespaces } from "./namespaces.ts";
import { startNodeLifecycle } from "./node-lifecycle.ts";
import { startReplicaSets } from "./replica-sets.ts";
import { startScheduler } from "./scheduler.ts";
import { startTaintEviction } from "./taint-eviction.ts";

export interface ControllerSettings {
  /** How long a node may be silent. */
  readonly nodeMonitorGracePeriodSeconds: number;
}

/** Starts all lab controllers; they live as long as the objects. */
export function startControllers(
  environment: ControllerEnvironment,
  settings: ControllerSettings,
): void {
  startGarbageCollector(environment);
  startNamespaces(environment);
  startDeployments(environment);
  startReplicaSets(environment);
  startDaemonSets(environment);
  startScheduler(environment);
  startEndpointSlices(environment);
  startNodeLifecycle(environment, settings.nodeMonitorGracePeriodSeconds);
  startTaintEviction(environment);
  startEventExpiry(environment);
}
