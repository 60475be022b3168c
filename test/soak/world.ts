import { scenario, workerNodes } from "../../lab/scenario.ts";

export const appNames = ["app-a", "app-b", "app-c"] as const;
/** Its Pods are never scaled, and requests flow to its two Services all the time. */
export const steadyApp = "steady";
export const steadyServices = { "steady-cluster": "Cluster", "steady-local": "Local" } as const;

export type Policy = "Cluster" | "Local";

export interface SoakService {
  readonly app: string;
  policy: Policy;
  /** Of type LoadBalancer; else ClusterIP. */
  isLoadBalancer: boolean;
  /** Given by the controller, as first seen; it must not change while the Service asks for it. */
  address?: string;
}

export interface SoakNode {
  /** Has the annotation `routelb.io/drain`. */
  isDrained: boolean;
  /** Has the label that excludes it from load balancers. */
  isExcluded: boolean;
  isCordoned: boolean;
  /** Its link goes nowhere, and neither end sees it. */
  isCut: boolean;
  /** The router has its neighbour shut down. */
  isShutByRouter: boolean;
}

export interface SoakConfig {
  holdTimeSeconds: number;
  med: number;
  communities: readonly string[];
  /** No speaker on this node has a peer. */
  nodeWithoutPeer?: string;
  /** The ConfigMap's text does not say it: it has an error, and this is what it said before. */
  isBroken: boolean;
}

/** What the soak asked for: the actions change it, and the model reads it. */
export class SoakWorld {
  readonly services = new Map<string, SoakService>();
  /** Replicas by Deployment. */
  readonly apps = new Map<string, number>();
  readonly nodes = new Map<string, SoakNode>();
  readonly config: SoakConfig = { holdTimeSeconds: 3, med: 0, communities: [], isBroken: false };

  constructor() {
    for (const { name } of workerNodes) {
      this.nodes.set(name, {
        isDrained: false,
        isExcluded: false,
        isCordoned: false,
        isCut: false,
        isShutByRouter: false,
      });
    }
    for (const app of [...appNames, steadyApp]) {
      this.apps.set(app, workerNodes.length);
    }
    for (const [name, policy] of Object.entries(steadyServices)) {
      this.services.set(name, { app: steadyApp, policy, isLoadBalancer: true });
    }
  }

  node(name: string): SoakNode {
    const node = this.nodes.get(name);
    if (node === undefined) {
      throw new RangeError(`no node ${name}`);
    }
    return node;
  }
}

/** The ConfigMap's text. */
export function formatConfig(config: SoakConfig): string {
  const { holdTimeSeconds, med, communities, nodeWithoutPeer, isBroken } = config;
  const selectors =
    nodeWithoutPeer === undefined
      ? ""
      : `
  node-selectors:
  - match-expressions:
    - {key: kubernetes.io/hostname, operator: NotIn, values: [${nodeWithoutPeer}]}`;
  return `
peers:
- my-asn: ${scenario.speakerAsn}
  peer-asn: ${scenario.routerAsn}
  peer-address: ${scenario.routerAddress}
  hold-time: ${holdTimeSeconds}s${selectors}
address-pools:
- name: my-ip-space
  protocol: bgp
  avoid-buggy-ips: true
  addresses: [${scenario.poolCidr}]
  bgp-advertisements:
  - {med: ${med}, communities: [${communities.join(", ")}]}
${isBroken ? "no-such-key: true" : ""}
`;
}
