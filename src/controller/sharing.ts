import type { Service } from "../cluster/service.ts";

/**
 * On which terms a Service would share its address.
 *
 * Two Services may hold one address if both name the same key, none of their ports collide, and the
 * nodes that may take their traffic are the same: `Cluster` shares with `Cluster`, `Local` with
 * `Local` of the same selector (a `Local` Service without a selector counts as `Cluster`, as in
 * MetalLB).
 */
export interface SharingTerms {
  readonly serviceKey: string;
  readonly namespace: string;
  /** Absent: the Service shares with nobody. */
  readonly key?: string;
  /** Selector text of a `Local` Service, else empty. */
  readonly endpointsKey: string;
  /** `TCP:80`, sorted. */
  readonly ports: readonly string[];
  /** Equal texts mean that nothing about sharing has changed. */
  readonly signature: string;
}

export function sharingTerms(service: Service, key: string | undefined): SharingTerms {
  const endpointsKey = service.externalTrafficPolicy === "Local" ? service.selectorText : "";
  return {
    serviceKey: service.key,
    namespace: service.namespace,
    ...(key === undefined ? {} : { key }),
    endpointsKey,
    ports: service.ports,
    signature: [key ?? "", endpointsKey, service.namespace, ...service.ports].join("\n"),
  };
}

export type SharingRefusal =
  | { readonly reason: "not-shared" }
  | { readonly reason: "other-key" }
  | { readonly reason: "other-namespace" }
  | { readonly reason: "other-endpoints" }
  | { readonly reason: "port-in-use"; readonly port: string };

/** Why `a` and `b` may not hold one address of a pool with this `sharing`; undefined: they may. */
export function whyNotShared(
  a: SharingTerms,
  b: SharingTerms,
  sharing: "cluster" | "namespace",
): SharingRefusal | undefined {
  if (a.key === undefined || b.key === undefined) {
    return { reason: "not-shared" };
  }
  if (a.key !== b.key) {
    return { reason: "other-key" };
  }
  if (sharing === "namespace" && a.namespace !== b.namespace) {
    return { reason: "other-namespace" };
  }
  if (a.endpointsKey !== b.endpointsKey) {
    return { reason: "other-endpoints" };
  }
  const port = a.ports.find((port) => b.ports.includes(port));
  return port === undefined ? undefined : { reason: "port-in-use", port };
}

/** For humans: what the Service that asks would have to change. */
export function formatSharingRefusal(refusal: SharingRefusal): string {
  switch (refusal.reason) {
    case "not-shared":
      return "to share it, both Services need one value of routelb.io/allow-shared-ip";
    case "other-key":
      return "its routelb.io/allow-shared-ip has another value";
    case "other-namespace":
      return "the pool shares an address inside one namespace only";
    case "other-endpoints":
      return "externalTrafficPolicy, or with Local the selector, differs";
    case "port-in-use":
      return `it has port ${refusal.port.replace(":", " ")} already`;
  }
}
