import type { DrainCause } from "../cluster/node.ts";

/**
 * Why a Service's address is not advertised from this node, in the order in which the gates are
 * tried: the first that fails is the one an operator can act on.
 */
export type WithheldReason =
  | "not-load-balancer"
  | "class-not-ours"
  | "no-address"
  | "address-not-in-pool"
  | "pool-is-layer2"
  | "node-excluded"
  | "network-unavailable"
  | "no-endpoints"
  | "no-local-endpoint"
  | "endpoint-ending"
  | "dataplane-unhealthy"
  | "health-port-unhealthy"
  | "dataplane-awaited"
  | "shared-address-elsewhere"
  | "node-draining"
  | "no-matching-advertisement"
  | "no-peers"
  | "peer-not-selected";

export interface Withheld {
  readonly reason: WithheldReason;
  /** One sentence for humans, without the names of the Service and the node. */
  readonly text: string;
  /** Absent: all of the Service's addresses. */
  readonly address?: string;
  /** Absent: every peer. */
  readonly peer?: string;
}

/** The reasons that need no more than themselves said. */
export const withheldFor = {
  notLoadBalancer: {
    reason: "not-load-balancer",
    text: "The Service is not of type LoadBalancer, or is being deleted.",
  },
  classNotOurs: {
    reason: "class-not-ours",
    text: "spec.loadBalancerClass leaves the Service to another load balancer.",
  },
  noAddress: {
    reason: "no-address",
    text: "status.loadBalancer.ingress holds no IP address yet; the Service's Events say why.",
  },
  nodeExcluded: {
    reason: "node-excluded",
    text: "The Node has the label node.kubernetes.io/exclude-from-external-load-balancers.",
  },
  networkUnavailable: {
    reason: "network-unavailable",
    text: "The Node's condition NetworkUnavailable is True.",
  },
  noPeers: {
    reason: "no-peers",
    text: "The configuration has no peer for this node.",
  },
} as const satisfies Record<string, Withheld>;

const drainTexts = {
  annotation: "the Node has the annotation routelb.io/drain",
  "autoscaler-taint": "the cluster autoscaler is about to delete it",
  cordon: "it is cordoned, and --drain-on-cordon is set",
} as const satisfies Record<DrainCause, string>;

/** The reasons that concern one address of a Service. */
export const withheldAddress = {
  notInPool: (address: string): Withheld => ({
    reason: "address-not-in-pool",
    text: "No address pool of the configuration in force holds the address.",
    address,
  }),
  layer2: (address: string, pool: string): Withheld => ({
    reason: "pool-is-layer2",
    text: `The pool ${pool} has protocol layer2, which RouteLB does not speak.`,
    address,
  }),
  noEndpoints: (address: string): Withheld => ({
    reason: "no-endpoints",
    text: "No endpoint of the address's family is ready, or serves while it terminates.",
    address,
  }),
  noLocalEndpoint: (address: string): Withheld => ({
    reason: "no-local-endpoint",
    text: "externalTrafficPolicy is Local and no endpoint on this node is ready.",
    address,
  }),
  endpointEnding: (address: string): Withheld => ({
    reason: "endpoint-ending",
    text: "The last endpoint on this node terminates, and another node that can serve has a ready one.",
    address,
  }),
  dataplaneUnhealthy: (address: string): Withheld => ({
    reason: "dataplane-unhealthy",
    text: "kube-proxy on this node says that it does not deliver, and --dataplane-check is enforce.",
    address,
  }),
  healthPortUnhealthy: (address: string): Withheld => ({
    reason: "health-port-unhealthy",
    text: "kube-proxy fails the Service's healthCheckNodePort here, and --dataplane-check is enforce.",
    address,
  }),
  dataplaneAwaited: (address: string): Withheld => ({
    reason: "dataplane-awaited",
    text: "An endpoint came to this node, and kube-proxy did not say yet that it has rules for it.",
    address,
  }),
  nodeDraining: (address: string, cause: DrainCause): Withheld => ({
    reason: "node-draining",
    text: `This node drains (${drainTexts[cause]}), and another one serves the address.`,
    address,
  }),
  sharedElsewhere: (address: string, serviceKey: string): Withheld => ({
    reason: "shared-address-elsewhere",
    text: `${serviceKey} has the same address with externalTrafficPolicy Local and no endpoint here.`,
    address,
  }),
  noMatchingAdvertisement: (address: string, pool: string): Withheld => ({
    reason: "no-matching-advertisement",
    text: `No entry of bgp-advertisements of the pool ${pool} selects this Service and this node.`,
    address,
  }),
  peerNotSelected: (address: string, pool: string, peer: string): Withheld => ({
    reason: "peer-not-selected",
    text: `The bgp-advertisements of the pool ${pool} that apply here do not name the peer.`,
    address,
    peer,
  }),
} as const;
