import type { MetricsRegistry } from "../runtime/metrics.ts";
import type { ReflectorFailure } from "./reflector-failure.ts";

/** Counts of what the Reflectors of a process do; `resource` is the Reflector's title. */
export interface ReflectorMetrics {
  /** Whether the server can be followed: false from a failure until a list or watch works again. */
  setWatching(resource: string, isWatching: boolean): void;
  countList(resource: string): void;
  countEvent(resource: string): void;
  countFailure(resource: string, reason: ReflectorFailure): void;
}

/** The metrics of all Reflectors of a process; make them once for a registry. */
export function reflectorMetrics(registry: MetricsRegistry): ReflectorMetrics {
  const updates = registry.counter({
    name: "routelb_k8s_client_updates_total",
    help: "Lists and watch events taken in",
    labels: [],
  });
  const errors = registry.counter({
    name: "routelb_k8s_client_update_errors_total",
    help: "Failures to follow the API server or to read an object",
    labels: [],
  });
  const failures = registry.counter({
    name: "routelb_k8s_client_failures_total",
    help: "The same by resource and reason",
    labels: ["resource", "reason"],
  });
  const following = registry.gauge({
    name: "routelb_k8s_client_following",
    help: "1 while the API server can be followed for the resource; routes stay when it is 0",
    labels: ["resource"],
  });
  return {
    setWatching: (resource, isWatching) => following.set({ resource }, isWatching ? 1 : 0),
    countList: () => updates.add({}),
    countEvent: () => updates.add({}),
    countFailure: (resource, reason) => {
      errors.add({});
      failures.add({ resource, reason });
    },
  };
}
