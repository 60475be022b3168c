import { isIPv6 } from "node:net";
import type { ServiceHealth } from "./health-ports.ts";
import { at, type Json, type JsonObject, listAt, numberAt, textAt, textsAt } from "./kube/json.ts";

export type Family = "ip" | "ip6";

/** nftables content for one family, apart from the frame that never changes. */
export interface Ruleset {
  /** Rules by chain. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
  /** Verdicts by element, by map. */
  readonly maps: Readonly<Record<MapName, ReadonlyMap<string, string>>>;
}

export const mapNames = [
  "service-addresses",
  "node-ports",
  "refused-addresses",
  "refused-ports",
] as const;
export type MapName = (typeof mapNames)[number];

export interface SecondHopInput {
  readonly services: Iterable<JsonObject>;
  readonly endpointSlices: Iterable<JsonObject>;
  readonly nodeName: string;
  /** The Pods' network in this family: who comes from there is inside the cluster. */
  readonly podNetwork: string;
}

interface Endpoint {
  readonly address: string;
  readonly port: number;
  readonly isLocal: boolean;
  readonly isReady: boolean;
  /** Terminating, but still answering. */
  readonly isEnding: boolean;
}

interface Frontend {
  /** `namespace/name/port/protocol`: names this port's chains. */
  readonly id: string;
  readonly protocol: string;
  readonly endpoints: readonly Endpoint[];
}

/** The mark of packets that leave with the node's own address. */
export const masqueradeMark = "0x4000";

/**
 * What kube-proxy would do on this node for one address family: new connections to ClusterIPs, node
 * ports and the addresses in `status.loadBalancer.ingress` go to ready endpoints, or if none is
 * ready, to those that serve while they terminate (KEP-1669).
 *
 * `externalTrafficPolicy: Local` uses this node's endpoints only, keeps the client's address, and
 * drops where there is none. Session affinity is not done.
 */
export function secondHopRules(family: Family, input: SecondHopInput): Ruleset {
  const { chains, maps } = emptyRuleset();
  const slicesByService = groupSlices(family, input.endpointSlices);
  for (const service of oldestFirst(input.services)) {
    const slices = slicesByService.get(serviceKey(service)) ?? [];
    for (const port of listAt(service, "spec", "ports")) {
      const frontend = frontendOf(service, port, slices, input.nodeName);
      addFrontend({ family, service, port, frontend, podNetwork: input.podNetwork, chains, maps });
    }
  }
  return { chains, maps };
}

/** By healthCheckNodePort, what kube-proxy would say of each `Local` Service on this node. */
export function healthOfServices({
  services,
  endpointSlices,
  nodeName,
}: Omit<SecondHopInput, "podNetwork">): ReadonlyMap<number, ServiceHealth> {
  const slices = [...endpointSlices];
  const ofFamily = { ip: groupSlices("ip", slices), ip6: groupSlices("ip6", slices) };
  const health = new Map<number, ServiceHealth>();
  for (const service of services) {
    const port = numberAt(service, "spec", "healthCheckNodePort") ?? 0;
    if (port > 0) {
      const key = serviceKey(service);
      const count = (family: Family): number =>
        (ofFamily[family].get(key) ?? [])
          .flatMap((slice) => listAt(slice, "endpoints"))
          .flatMap((endpoint) => endpointsOf(endpoint, 0, nodeName))
          .filter(({ isLocal, isReady }) => isLocal && isReady).length;
      const [namespace = "", name = ""] = key.split("/");
      health.set(port, { namespace, name, localEndpoints: { ip: count("ip"), ip6: count("ip6") } });
    }
  }
  return health;
}

/** Rules for no Service at all; a new one each time. */
export function emptyRuleset(): MutableRuleset {
  return {
    chains: new Map(),
    maps: {
      "service-addresses": new Map(),
      "node-ports": new Map(),
      "refused-addresses": new Map(),
      "refused-ports": new Map(),
    },
  };
}

interface MutableRuleset extends Ruleset {
  readonly chains: Map<string, readonly string[]>;
  readonly maps: Readonly<Record<MapName, Map<string, string>>>;
}

interface Addition extends MutableRuleset {
  readonly family: Family;
  readonly service: JsonObject;
  readonly port: Json;
  readonly frontend: Frontend;
  readonly podNetwork: string;
}

function addFrontend(addition: Addition): void {
  const { family, service, port, frontend, chains, maps } = addition;
  const { id, protocol } = frontend;
  const number = numberAt(port, "port") ?? 0;
  const nodePort = numberAt(port, "nodePort") ?? 0;
  const isLocal = textAt(service, "spec", "externalTrafficPolicy") === "Local";
  const cluster = usable(frontend.endpoints);
  const local = usable(frontend.endpoints.filter((endpoint) => endpoint.isLocal));
  const clusterIps = textsAt(service, "spec", "clusterIPs").filter(isOf(family));
  const ingress = ingressAddresses(service).filter(isOf(family));

  const refuse = isLocal && cluster.length > 0 ? "drop" : "goto refuse";
  if (cluster.length > 0) {
    const rules = [...returnRules(family, cluster), ...dnatRules(family, protocol, cluster)];
    chains.set(`cluster-${id}`, rules);
  }
  const external = isLocal ? local : cluster;
  if (external.length > 0) {
    chains.set(`external-${id}`, externalRules(addition, isLocal ? local : undefined));
  }
  for (const address of clusterIps) {
    const element = `${address} . ${protocol} . ${number}`;
    if (cluster.length === 0) setFirst(maps["refused-addresses"], element, "goto refuse");
    else setFirst(maps["service-addresses"], element, `goto inside-${id}`);
  }
  if (clusterIps.length > 0 && cluster.length > 0) {
    const mark = `${family} saddr != ${addition.podNetwork} ${markRule}`;
    chains.set(`inside-${id}`, [mark, `goto cluster-${id}`]);
  }
  for (const address of ingress) {
    const element = `${address} . ${protocol} . ${number}`;
    if (external.length === 0) setFirst(maps["refused-addresses"], element, refuse);
    else setFirst(maps["service-addresses"], element, `goto balanced-${id}`);
  }
  if (ingress.length > 0 && external.length > 0) {
    chains.set(`balanced-${id}`, [...sourceRules(family, service), `goto external-${id}`]);
  }
  if (nodePort > 0) {
    const element = `${protocol} . ${nodePort}`;
    if (external.length === 0) setFirst(maps["refused-ports"], element, refuse);
    else setFirst(maps["node-ports"], element, `goto external-${id}`);
  }
}

const markRule = `meta mark set meta mark | ${masqueradeMark}`;

/** Rules for what comes to an external address or node port. */
function externalRules(
  { family, frontend, podNetwork }: Addition,
  local: readonly Endpoint[] | undefined,
): readonly string[] {
  const cluster = `goto cluster-${frontend.id}`;
  if (local === undefined) return [markRule, cluster];
  return [
    // Who is inside the cluster is not bound by the policy for the outside.
    `${family} saddr ${podNetwork} ${cluster}`,
    `fib saddr type local ${markRule} ${cluster}`,
    ...dnatRules(family, frontend.protocol, local),
  ];
}

function dnatRules(
  family: Family,
  protocol: string,
  endpoints: readonly Endpoint[],
): readonly string[] {
  const targets = endpoints
    .map((endpoint) => `${endpoint.address} . ${endpoint.port}`)
    .sort()
    .map((target, index) => `${index} : ${target}`);
  const choice = `numgen random mod ${targets.length} map { ${targets.join(", ")} }`;
  return [`meta l4proto ${protocol} dnat ${family} addr . port to ${choice}`];
}

/**
 * A Pod of the Service that asks the Service may be given itself: without the node's address in
 * between it would answer itself directly, and not as whom it asked.
 */
function returnRules(family: Family, endpoints: readonly Endpoint[]): readonly string[] {
  const here = endpoints.filter((endpoint) => endpoint.isLocal).map(({ address }) => address);
  if (here.length === 0) return [];
  return [`${family} saddr { ${here.sort().join(", ")} } ${markRule}`];
}

/** `spec.loadBalancerSourceRanges`: others are dropped. */
function sourceRules(family: Family, service: JsonObject): readonly string[] {
  const ranges = textsAt(service, "spec", "loadBalancerSourceRanges").filter((range) =>
    isOf(family)(range.split("/")[0] ?? ""),
  );
  return ranges.length === 0 ? [] : [`${family} saddr != { ${ranges.join(", ")} } drop`];
}

function frontendOf(
  service: JsonObject,
  port: Json,
  slices: readonly JsonObject[],
  nodeName: string,
): Frontend {
  const protocol = (textAt(port, "protocol") ?? "TCP").toLowerCase();
  const name = textAt(port, "name") ?? "";
  const endpoints = slices.flatMap((slice) => {
    const slicePort = listAt(slice, "ports").find((one) => (textAt(one, "name") ?? "") === name);
    const number = numberAt(slicePort, "port");
    if (number === undefined) return [];
    return listAt(slice, "endpoints").flatMap((endpoint) =>
      endpointsOf(endpoint, number, nodeName),
    );
  });
  const number = numberAt(port, "port") ?? 0;
  return { id: `${serviceKey(service)}/${number}/${protocol}`, protocol, endpoints };
}

function endpointsOf(endpoint: Json, port: number, nodeName: string): readonly Endpoint[] {
  const isTerminating = at(endpoint, "conditions", "terminating") === true;
  const isReady = at(endpoint, "conditions", "ready") !== false && !isTerminating;
  const isEnding = isTerminating && at(endpoint, "conditions", "serving") === true;
  const isLocal = textAt(endpoint, "nodeName") === nodeName;
  return textsAt(endpoint, "addresses").map((address) => ({
    address,
    port,
    isLocal,
    isReady,
    isEnding,
  }));
}

function usable(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter((endpoint) => endpoint.isReady);
  return ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.isEnding);
}

/** Addresses that the node answers for; `ipMode: Proxy` ones are someone else's. */
function ingressAddresses(service: JsonObject): readonly string[] {
  if (textAt(service, "spec", "type") !== "LoadBalancer") return [];
  return listAt(service, "status", "loadBalancer", "ingress").flatMap((ingress) => {
    const ip = textAt(ingress, "ip");
    return ip === undefined || textAt(ingress, "ipMode") === "Proxy" ? [] : [ip];
  });
}

function groupSlices(
  family: Family,
  slices: Iterable<JsonObject>,
): ReadonlyMap<string, readonly JsonObject[]> {
  const addressType = family === "ip" ? "IPv4" : "IPv6";
  const groups = new Map<string, JsonObject[]>();
  for (const slice of slices) {
    const service = textAt(slice, "metadata", "labels", "kubernetes.io/service-name");
    if (service === undefined || textAt(slice, "addressType") !== addressType) continue;
    const key = `${textAt(slice, "metadata", "namespace")}/${service}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [slice]);
    else group.push(slice);
  }
  return groups;
}

/** Where two Services claim one address and port, the older has it. */
function oldestFirst(services: Iterable<JsonObject>): readonly JsonObject[] {
  const rank = (service: JsonObject): string =>
    `${textAt(service, "metadata", "creationTimestamp") ?? ""} ${serviceKey(service)}`;
  return [...services].sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
}

function setFirst(map: Map<string, string>, element: string, verdict: string): void {
  if (!map.has(element)) map.set(element, verdict);
}

function serviceKey(service: JsonObject): string {
  return `${textAt(service, "metadata", "namespace")}/${textAt(service, "metadata", "name")}`;
}

function isOf(family: Family): (address: string) => boolean {
  return (address) => address !== "None" && isIPv6(address) === (family === "ip6");
}
