import type { NotDialledReason } from "./peers.ts";
import type { WithheldReason } from "./withheld.ts";

/** What a Service's address must pass to reach a router, in this order. */
export const gateNames = [
  "service",
  "address",
  "node",
  "endpoints",
  "dataplane",
  "drain",
  "advertisement",
  "peer",
  "session",
] as const;

export type GateName = (typeof gateNames)[number];

export interface Gate {
  readonly gate: GateName;
  /** What an operator can do about it, a sentence; where it is as it should be, that is said. */
  readonly cure: string;
}

/** Where each reason of a decision belongs. */
export const decisionGates = {
  "not-load-balancer": {
    gate: "service",
    cure: "Set spec.type to LoadBalancer.",
  },
  "class-not-ours": {
    gate: "service",
    cure: "Remove spec.loadBalancerClass, or start controller and speakers with --lb-class.",
  },
  "no-address": {
    gate: "address",
    cure: "kubectl describe the Service: its Events say what keeps the controller from giving one.",
  },
  "address-not-in-pool": {
    gate: "address",
    cure: "Add the address to a pool, or remove what asks for it from the Service.",
  },
  "pool-is-layer2": {
    gate: "address",
    cure: "Make it a pool with protocol: bgp, or leave the Service to what speaks layer 2.",
  },
  "node-excluded": {
    gate: "node",
    cure: "Remove the label from the Node, or start the speakers with --ignore-exclude-lb.",
  },
  "network-unavailable": {
    gate: "node",
    cure: "The network plugin clears the condition once the node's Pod network works: look at its log.",
  },
  "no-peers": {
    gate: "node",
    cure: "Add an entry to peers whose node-selectors match this node's labels.",
  },
  "no-endpoints": {
    gate: "endpoints",
    cure: "Look at the Pods that the Service selects: one must be Ready (kubectl get endpointslices).",
  },
  "no-local-endpoint": {
    gate: "endpoints",
    cure: "As it should be, unless a Pod of the Service is meant to run here; with Cluster every node advertises.",
  },
  "endpoint-ending": {
    gate: "endpoints",
    cure: "As it should be: the traffic went to another node before the Pod stops.",
  },
  "shared-address-elsewhere": {
    gate: "endpoints",
    cure: "Run a Pod of each Service that shares the address here, or do not share it.",
  },
  "dataplane-unhealthy": {
    gate: "dataplane",
    cure: "Look at kube-proxy on the node: its log, and what --dataplane-url answers there.",
  },
  "health-port-unhealthy": {
    gate: "dataplane",
    cure: "Compare what the healthCheckNodePort answers on the node with the Service's EndpointSlices.",
  },
  "dataplane-awaited": {
    gate: "dataplane",
    cure: "As it should be for a moment; if it lasts, look at kube-proxy on the node.",
  },
  "node-draining": {
    gate: "drain",
    cure: "As asked for; to end it, remove the annotation routelb.io/drain (or the taint, or uncordon).",
  },
  "no-matching-advertisement": {
    gate: "advertisement",
    cure: "Change node-selectors or service-selectors of the pool's bgp-advertisements.",
  },
  "peer-not-selected": {
    gate: "peer",
    cure: "Add the peer to `peers` of the pool's bgp-advertisements, or leave that list out.",
  },
} as const satisfies Record<WithheldReason, Gate>;

/** Where the reasons of an entry of `peers` that has no session belong. */
export const peerGates = {
  "node-not-selected": {
    gate: "peer",
    cure: "As configured; to have this node speak to it, change the entry's node-selectors.",
  },
  "no-default-gateway": {
    gate: "peer",
    cure: "Give the node a default route with a gateway, or write the router's address.",
  },
  "secret-unread": {
    gate: "peer",
    cure: "Name the Secret in the Role of the speaker (resourceNames).",
  },
  "secret-missing": {
    gate: "peer",
    cure: "Create the Secret, with a password under that key, in the namespace of RouteLB.",
  },
  "password-too-long": {
    gate: "peer",
    cure: "Take a password of at most 80 octets: the kernel has room for no longer one.",
  },
} as const satisfies Record<NotDialledReason, Gate>;

/** Where the reasons belong for which a session does not carry a route, or is not up. */
export const sessionGates = {
  "session-down": {
    gate: "session",
    cure: "The session's last error says what happened; routelb status shows all sessions.",
  },
  "family-not-negotiated": {
    gate: "session",
    cure: "Activate the address family for this neighbour on the router, and list it in `families`.",
  },
  "no-next-hop": {
    gate: "session",
    cure: "Give the node an address of that family: an InternalIP, or on the session's interface.",
  },
  "attributes-too-long": {
    gate: "session",
    cure: "Take fewer communities: path attributes must fit into one message.",
  },
} as const satisfies Record<string, Gate>;

const allGates: ReadonlyMap<string, Gate> = new Map<string, Gate>(
  [decisionGates, peerGates, sessionGates].flatMap((gates) => Object.entries(gates)),
);

/** Undefined for a reason of a newer version. */
export function gateOf(reason: string): Gate | undefined {
  return allGates.get(reason);
}
