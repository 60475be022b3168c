import type { Node } from "../../cluster/node.ts";
import { someSelectorMatches } from "../../cluster/selector.ts";
import { isLoadBalancer, isOfClass, type LoadBalancerClass } from "../../cluster/service.ts";
import { internalPeers } from "../../config/beside-metallb.ts";
import type { Config, PeerConfig, PoolConfig, Selector } from "../../config/model.ts";
import { nothingAllocated } from "../../controller/outcome.ts";
import { findStranded, formatStranded } from "../../controller/stranded.ts";
import { type Address, parseAddress } from "../../net/address.ts";
import { rangeContains, rangesOverlap } from "../../net/range.ts";
import type { ClusterFacts } from "../plan/cluster-facts.ts";

/** What is wrong with a configuration in this cluster, though it is valid as such. */
export interface LiveFinding {
  readonly severity: "error" | "warning";
  /** `peer NAME`, `pool NAME` or `address ADDRESS`. */
  readonly subject: string;
  readonly message: string;
}

export interface LiveInputs {
  readonly facts: ClusterFacts;
  readonly config: Config;
  readonly loadBalancerClass: LoadBalancerClass;
  /** Where RouteLB and its Secrets are. */
  readonly namespace: string;
  /** Names of Secrets that we may not read. */
  readonly forbiddenSecrets: ReadonlySet<string>;
  /** MetalLB's speakers are known not to run. */
  readonly isWithoutMetallb: boolean;
  /** The configuration in force, if there is one; absent also where renumbering is allowed. */
  readonly inForce?: Config;
}

/** The one that the speaker's Role in deploy/ names. */
const shippedSecret = "routelb-peers";

export function findLive(inputs: LiveInputs): readonly LiveFinding[] {
  const { config } = inputs;
  return [
    ...config.peers.flatMap((peer) => [
      ...peerFindings(peer, config, inputs.facts.nodes),
      ...secretFindings(peer, inputs),
    ]),
    ...config.pools.flatMap((pool) => [
      ...advertisementFindings(pool, inputs.facts.nodes),
      ...rangeFindings(pool, inputs.facts),
      ...(inputs.isWithoutMetallb ? levelFindings(pool, config.peers) : []),
    ]),
    ...sharedFindings(inputs),
    ...strandedFindings(inputs),
    ...strangerFindings(inputs),
  ];
}

function warning(subject: string, message: string): LiveFinding {
  return { severity: "warning", subject, message };
}

function failure(subject: string, message: string): LiveFinding {
  return { severity: "error", subject, message };
}

function matchesNoNode(selectors: readonly Selector[], nodes: readonly Node[]): boolean {
  return (
    selectors.length > 0 && !nodes.some(({ labels }) => someSelectorMatches(selectors, labels))
  );
}

function named(names: readonly string[]): string {
  return names.length > 3
    ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more`
    : names.join(", ");
}

function peerFindings(
  { name, nodeSelectors }: PeerConfig,
  { pools }: Config,
  nodes: readonly Node[],
): readonly LiveFinding[] {
  const advertisements = pools.flatMap((pool) => pool.advertisements);
  const isUsed = advertisements.some(({ peers }) => peers.length === 0 || peers.includes(name));
  const subject = `peer ${name}`;
  return [
    ...(matchesNoNode(nodeSelectors, nodes)
      ? [warning(subject, "its node-selectors match no node: there is no session")]
      : []),
    ...(isUsed ? [] : [warning(subject, "no bgp-advertisements of any pool go to it")]),
  ];
}

function secretFindings(
  { name, password }: PeerConfig,
  inputs: LiveInputs,
): readonly LiveFinding[] {
  if (password?.type !== "secret") {
    return [];
  }
  const { facts, namespace, forbiddenSecrets } = inputs;
  const subject = `peer ${name}`;
  const secret = facts.secrets.get(`${namespace}/${password.name}`);
  const title = `Secret ${namespace}/${password.name}`;
  const role =
    password.name === shippedSecret
      ? []
      : [
          warning(
            subject,
            `the speaker's Role as shipped names the Secret ${shippedSecret} only: add ${password.name} to it`,
          ),
        ];
  if (forbiddenSecrets.has(password.name)) {
    return [...role, warning(subject, `${title} is not checked: you may not read it`)];
  }
  if (secret === undefined) {
    return [...role, failure(subject, `there is no ${title}: the session stays down`)];
  }
  const isEmpty = (secret.data.get(password.key) ?? "") === "";
  return isEmpty
    ? [
        ...role,
        failure(subject, `${title} has nothing under ${password.key}: the session stays down`),
      ]
    : role;
}

function advertisementFindings(
  { name, advertisements }: PoolConfig,
  nodes: readonly Node[],
): readonly LiveFinding[] {
  return advertisements.flatMap(({ nodeSelectors }, index) =>
    matchesNoNode(nodeSelectors, nodes)
      ? [
          warning(
            `pool ${name}`,
            `the node-selectors of bgp-advertisements[${index}] match no node: nothing is advertised by it`,
          ),
        ]
      : [],
  );
}

/** LOCAL_PREF 0 has a purpose beside MetalLB up to 0.12, which sends it, and does harm after. */
function levelFindings(
  { name, advertisements }: PoolConfig,
  peers: readonly PeerConfig[],
): readonly LiveFinding[] {
  const internal = [...internalPeers(peers)];
  const toInternal = advertisements
    .filter(({ localPref }) => localPref === 0)
    .flatMap((one) =>
      internal.filter((peer) => one.peers.length === 0 || one.peers.includes(peer)),
    );
  return [...new Set(toInternal)].map((peer) =>
    warning(
      `pool ${name}`,
      `localpref: 0 goes to ${peer}, an internal peer: a node that drains has nothing lower to say, so that no traffic is diverted; take it out, since no MetalLB speaker is left (docs/migrate.md)`,
    ),
  );
}

/** Routers would send what is for a node, a Pod or a ClusterIP to whoever advertises the pool. */
function rangeFindings(
  { name, ranges }: PoolConfig,
  { nodes, services, podRanges }: ClusterFacts,
): readonly LiveFinding[] {
  const subject = `pool ${name}`;
  const holds = (address: Address) => ranges.some((range) => rangeContains(range, address));
  const nodesInside = nodes.filter(({ internalAddresses }) => internalAddresses.some(holds));
  const podsInside = podRanges.filter((pods) => ranges.some((range) => rangesOverlap(range, pods)));
  const clusterIps = services.flatMap((service) =>
    service.clusterIPs.flatMap((text) => {
      const address = parseAddress(text);
      return address !== undefined && holds(address) ? [`${text} (${service.key})`] : [];
    }),
  );
  return [
    ...(nodesInside.length === 0
      ? []
      : [failure(subject, `holds the address of ${named(nodesInside.map((node) => node.name))}`)]),
    ...(podsInside.length === 0
      ? []
      : [
          failure(subject, `overlaps the Pods' range ${named(podsInside.map(({ text }) => text))}`),
        ]),
    ...(clusterIps.length === 0
      ? []
      : [failure(subject, `holds the ClusterIP ${named(clusterIps)}`)]),
  ];
}

function sharedFindings({ facts, loadBalancerClass }: LiveInputs): readonly LiveFinding[] {
  const holders = new Map<string, { readonly keys: string[]; hasLocal: boolean }>();
  for (const service of facts.services) {
    if (isLoadBalancer(service) && isOfClass(service, loadBalancerClass)) {
      for (const { ip } of service.ingress) {
        if (ip !== undefined) {
          const entry = holders.get(ip) ?? { keys: [], hasLocal: false };
          entry.keys.push(service.key);
          entry.hasLocal ||= service.externalTrafficPolicy === "Local";
          holders.set(ip, entry);
        }
      }
    }
  }
  return [...holders]
    .filter(([, { keys, hasLocal }]) => keys.length > 1 && hasLocal)
    .map(([ip, { keys }]) =>
      warning(
        `address ${ip}`,
        `is shared by ${keys.toSorted().join(", ")} with externalTrafficPolicy Local: ` +
          "only nodes on which each of them has an endpoint advertise it",
      ),
    );
}

function strandedFindings(inputs: LiveInputs): readonly LiveFinding[] {
  const { facts, config, inForce, loadBalancerClass } = inputs;
  if (inForce === undefined) {
    return [];
  }
  const services = new Map(facts.services.map((service) => [service.key, service]));
  const { namespaces } = facts;
  const snapshot = { config: inForce, loadBalancerClass, services, namespaces };
  const stranded = findStranded(snapshot, nothingAllocated, config);
  return stranded.length === 0 ? [] : [failure("configuration", formatStranded(stranded))];
}

/** Services with addresses that somebody else gave: the controller gives them its own instead. */
function strangerFindings(inputs: LiveInputs): readonly LiveFinding[] {
  const { config, inForce, loadBalancerClass } = inputs;
  const pools = [config, inForce].flatMap((each) =>
    each === undefined ? [] : [...each.pools, ...each.layer2Pools],
  );
  const isOfNoPool = (text: string) => {
    const address = parseAddress(text);
    return (
      address !== undefined &&
      !pools.some(({ ranges }) => ranges.some((range) => rangeContains(range, address)))
    );
  };
  const strangers = inputs.facts.services
    .filter((service) => isLoadBalancer(service) && isOfClass(service, loadBalancerClass))
    .flatMap(({ key, ingress }) =>
      ingress.flatMap(({ ip }) => (ip !== undefined && isOfNoPool(ip) ? [`${key} (${ip})`] : [])),
    );
  return strangers.length === 0
    ? []
    : [
        warning(
          "configuration",
          `no pool holds the address of ${named(strangers)}: it is replaced by one of a pool. To keep it, ` +
            "give the Service a loadBalancerClass that is not RouteLB's, add its range to a pool, or, " +
            "where another load balancer has that range, name it in a pool with protocol: layer2",
        ),
      ];
}
