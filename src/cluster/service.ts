import type { AddressFamily } from "../net/address.ts";
import type { Labels } from "./selector.ts";

/** What decisions need of a Kubernetes Service; made once, when it arrives (`kube/project.ts`). */
export interface Service {
  /** `namespace/name`. */
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly resourceVersion: string;
  /** Seconds since the Unix epoch. */
  readonly creationSeconds: number;
  readonly deleting: boolean;
  readonly labels: Labels;
  /** Only those that RouteLB reads (prefixes `routelb.io/`, `metallb.io/`, `metallb.universe.tf/`). */
  readonly annotations: Readonly<Record<string, string>>;
  readonly type: string;
  readonly loadBalancerClass?: string;
  readonly loadBalancerIP?: string;
  /** As in spec.clusterIPs; `None` for a headless Service. */
  readonly clusterIPs: readonly string[];
  readonly ipFamilies: readonly AddressFamily[];
  readonly ipFamilyPolicy: "SingleStack" | "PreferDualStack" | "RequireDualStack";
  readonly externalTrafficPolicy: "Cluster" | "Local";
  readonly healthCheckNodePort?: number;
  /** `TCP:80`, sorted. */
  readonly ports: readonly string[];
  /** Canonical text of spec.selector (`a=b,c=d`, sorted); empty without one. */
  readonly selectorText: string;
  /** status.loadBalancer.ingress as it stands. */
  readonly ingress: readonly Ingress[];
  /** status.conditions of every writer. */
  readonly conditions: readonly Condition[];
  /** The field manager that last wrote status.loadBalancer, where managedFields tell. */
  readonly ingressManager?: string;
}

export interface Ingress {
  readonly ip?: string;
  readonly hostname?: string;
  readonly ipMode?: string;
}

export interface Condition {
  readonly type: string;
  readonly status: "True" | "False" | "Unknown";
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration?: number;
  readonly lastTransitionTime: string;
}

/** Which Services are ours (`--lb-class`, `--default-class`; design.md section 2). */
export interface LoadBalancerClass {
  readonly name?: string;
  readonly isDefault: boolean;
}

export function isLoadBalancer(service: Service): boolean {
  return service.type === "LoadBalancer" && !service.deleting;
}

/**
 * Whether `spec.loadBalancerClass` names us: with a class of our own, that class (and, as the
 * default, those without one); else those without one.
 */
export function isOfClass(service: Service, ours: LoadBalancerClass): boolean {
  if (service.loadBalancerClass === undefined) {
    return ours.name === undefined || ours.isDefault;
  }
  return service.loadBalancerClass === ours.name;
}
