import assert from "node:assert/strict";
import { type SessionStatus, zeroFailures } from "../../src/bgp/session/status.ts";
import { type Endpoint, type ReducedSlice, sliceReducer } from "../../src/cluster/endpoint.ts";
import type { Node } from "../../src/cluster/node.ts";
import type { Service } from "../../src/cluster/service.ts";
import type { SpeakerSnapshot } from "../../src/cluster/snapshot.ts";
import type {
  AdvertisementConfig,
  Config,
  PeerConfig,
  PoolConfig,
  Selector,
} from "../../src/config/model.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";
import { type AddressRange, parseRange } from "../../src/net/range.ts";
import type { BfdPort } from "../../src/speaker/shell/bfd.ts";

/** The address that `text` is; a typing error in a test fails it at once. */
export function address(text: string): Address {
  const parsed = parseAddress(text);
  if (parsed === undefined) {
    throw new Error(`${text} is no address`);
  }
  return parsed;
}

export function range(text: string): AddressRange {
  const parsed = parseRange(text);
  if (parsed === undefined) {
    throw new Error(`${text} is no range`);
  }
  return parsed;
}

export function labelSelector(matchLabels: Record<string, string>): Selector {
  return { matchLabels, matchExpressions: [] };
}

export function advertisement(overrides: Partial<AdvertisementConfig> = {}): AdvertisementConfig {
  return {
    aggregationLength: 32,
    aggregationLengthV6: 128,
    localHostRoutes: true,
    localPref: 100,
    communities: [],
    med: 0,
    prepend: 0,
    peers: [],
    nodeSelectors: [],
    serviceSelectors: [],
    ...overrides,
  };
}

export function pool(overrides: Partial<PoolConfig> = {}): PoolConfig {
  return {
    name: "my-ip-space",
    ranges: [range("172.16.7.192/26"), range("2001:db8::/120")],
    avoidBuggyIps: false,
    autoAssign: true,
    sharing: "cluster",
    weights: false,
    serviceAnnotations: { communities: [] },
    advertisements: [advertisement()],
    ...overrides,
  };
}

export function peerConfig(overrides: Partial<PeerConfig> = {}): PeerConfig {
  return {
    name: "172.16.9.1:179",
    myAsn: 64522,
    peerAsn: 64512,
    peerAddress: address("172.16.9.1"),
    peerPort: 179,
    holdTimeSeconds: 90,
    connectTimeSeconds: 10,
    sendHoldTimeSeconds: 480,
    nodeSelectors: [],
    ebgpMultihop: false,
    gracefulRestart: { restartTimeSeconds: 120 },
    families: ["ipv4", "ipv6"],
    importLimit: 0,
    linkBandwidth: "auto",
    ...overrides,
  };
}

export function config(overrides: Partial<Config> = {}): Config {
  return { peers: [peerConfig()], pools: [pool()], layer2Pools: [], ...overrides };
}

export function node(overrides: Partial<Node> = {}): Node {
  return {
    name: "node1",
    uid: "uid-node1",
    labels: { rack: "a" },
    internalAddresses: [address("172.16.7.11")],
    unschedulable: false,
    taints: [],
    networkUnavailable: false,
    ...overrides,
  };
}

/** A Service `default/<name>` of type LoadBalancer that has the addresses `ips`. */
export function service(
  name: string,
  ips: readonly string[] = ["172.16.7.192"],
  overrides: Partial<Service> = {},
): Service {
  return {
    key: `default/${name}`,
    namespace: "default",
    name,
    uid: `uid-${name}`,
    resourceVersion: "1",
    creationSeconds: 1000,
    deleting: false,
    labels: { app: name },
    annotations: {},
    type: "LoadBalancer",
    clusterIPs: ["10.96.0.10"],
    ipFamilies: ["ipv4"],
    ipFamilyPolicy: "SingleStack",
    externalTrafficPolicy: "Cluster",
    ports: ["TCP:80"],
    selectorText: "",
    ingress: ips.map((ip) => ({ ip })),
    conditions: [],
    ...overrides,
  };
}

let nextEndpoint = 1;

/** An endpoint on `nodeName`; in state `ending` it serves while it terminates. */
export function endpoint(
  nodeName: string | undefined,
  state: "ready" | "ending" | "gone" | "not-ready" = "ready",
): Endpoint {
  nextEndpoint += 1;
  return {
    address: `10.244.0.${nextEndpoint % 250}`,
    ...(nodeName === undefined ? {} : { nodeName }),
    ready: state === "ready",
    serving: state === "ready" || state === "ending",
    terminating: state === "ending" || state === "gone",
  };
}

const reduce = sliceReducer("node1");

/** As a speaker on node1 keeps it. */
export function slice(
  serviceKey: string,
  endpoints: readonly Endpoint[],
  family: "ipv4" | "ipv6" = "ipv4",
): ReducedSlice {
  return reduce({ key: `${serviceKey}-${family}-abcde`, serviceKey, family, endpoints });
}

/** A snapshot of node1; every Service without a list of its own has one ready endpoint on node1. */
export function snapshot(
  services: readonly Service[],
  endpointSlices: Readonly<Record<string, readonly ReducedSlice[]>> = {},
  overrides: Partial<SpeakerSnapshot> = {},
): SpeakerSnapshot {
  const slices = services.map(({ key }): [string, readonly ReducedSlice[]] => [
    key,
    endpointSlices[key] ?? [
      slice(key, [endpoint("node1")], "ipv4"),
      slice(key, [endpoint("node1")], "ipv6"),
    ],
  ]);
  return {
    config: config(),
    loadBalancerClass: { isDefault: false },
    services: new Map(services.map((one) => [one.key, one])),
    endpointSlices: new Map(slices.filter(([, list]) => list.length > 0)),
    node: node(),
    ignoreExcludeLabel: false,
    drainOnCordon: false,
    drainTimeMs: 10_000,
    nowMs: 0,
    endings: new Map(),
    weights: new Map(),
    ...overrides,
  };
}

export function sessionStatus(overrides: Partial<SessionStatus> = {}): SessionStatus {
  return {
    name: "rack-a",
    state: "Idle",
    sinceWallTimeMs: 0,
    advertised: 0,
    pending: 0,
    withheld: [],
    counters: {
      opensSent: 0,
      opensReceived: 0,
      updatesSent: 0,
      updatesReceived: 0,
      keepalivesSent: 0,
      keepalivesReceived: 0,
      notificationsSent: 0,
      notificationsReceived: 0,
      routeRefreshesSent: 0,
      routeRefreshesReceived: 0,
      messagesSent: 0,
      messagesReceived: 0,
      prefixesAdvertised: 0,
      prefixesWithdrawn: 0,
      prefixesReceived: 0,
      malformedAttributesReceived: 0,
      connectAttempts: 0,
      sessionsLost: 0,
    },
    failures: zeroFailures(),
    firstEndOfRibSent: [],
    synced: false,
    ...overrides,
  };
}

/** A BFD that has no session and is asked for none. */
export const silentBfd: BfdPort = {
  setPeers: (peers) => assert.deepEqual(peers, []),
  adminDown: (key) => assert.fail(key),
  report: () => Promise.resolve([]),
  close: () => Promise.resolve(),
};
