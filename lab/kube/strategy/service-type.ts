import type { JsonObject } from "../json.ts";

/** What the type of a Service, with its policies, brings along. */
export function needsNodePorts(spec: JsonObject): boolean {
  return (
    spec["type"] === "NodePort" ||
    (spec["type"] === "LoadBalancer" && spec["allocateLoadBalancerNodePorts"] !== false)
  );
}

/** Reached from outside the cluster. */
export function isExternal(spec: JsonObject): boolean {
  return spec["type"] === "NodePort" || spec["type"] === "LoadBalancer";
}

export function needsHealthCheckPort(spec: JsonObject): boolean {
  return spec["type"] === "LoadBalancer" && spec["externalTrafficPolicy"] === "Local";
}
