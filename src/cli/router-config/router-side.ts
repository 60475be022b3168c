import type { Node } from "../../cluster/node.ts";
import { someSelectorMatches } from "../../cluster/selector.ts";
import type { Config, PeerConfig } from "../../config/model.ts";
import type { Address, AddressFamily } from "../../net/address.ts";
import type { Prefix } from "../../net/prefix.ts";
import { type Accepted, acceptedFrom } from "./accepted-prefixes.ts";

/** All that one router must be told so that the sessions of a configuration come up. */
export interface RouterSide {
  /** Absent: the nodes' default gateway, whose address they know and we do not. */
  readonly address?: Address;
  readonly asn: number;
  readonly groups: readonly PeerGroup[];
  /** Next hops that a Service's route can have. */
  readonly paths: number;
  /** The nodes have several AS numbers. */
  readonly hasSeveralAsns: boolean;
}

/** The sessions of one entry of `peers`. */
export interface PeerGroup {
  /** Unique among the groups of a configuration; letters, digits and `-`. */
  readonly name: string;
  readonly entry: PeerConfig;
  readonly isInternal: boolean;
  /** Absent where a listen range stands for them. */
  readonly neighbours?: readonly Neighbour[];
  readonly listenRange?: Prefix;
  /** Nodes that have the session although their address is not known here, and why. */
  readonly unknown: readonly string[];
  /** Families that the pools have addresses of, and that are offered. */
  readonly families: readonly GroupFamily[];
  /** IPv4 routes come with an IPv6 next hop (RFC 8950): some node has no IPv4 address. */
  readonly hasExtendedNextHop: boolean;
  /** Pools whose routes carry a weight also carry it as the community THIS:count. */
  readonly weightCommunities: readonly number[];
  /** Where the password is; the password itself is never told. */
  readonly passwordSource?: string;
  /** Looks as if router and nodes were on one link: by the usual length of a link's network. */
  readonly isOnLink: boolean;
  /** BFD is multihop (RFC 5883), by the rule that the nodes follow. */
  readonly isMultihop: boolean;
}

export interface GroupFamily extends Accepted {
  readonly family: AddressFamily;
  /** `count`, or `mostPrefixes` if it is more. */
  readonly prefixLimit: number;
}

export interface Neighbour {
  readonly node: string;
  readonly address: Address;
}

export interface RouterSideInputs {
  readonly config: Config;
  /** Undefined: not known; `listenRange` must be given then. */
  readonly nodes: readonly Node[] | undefined;
  readonly namespace: string;
  readonly listenRange?: Prefix;
  /** For entries whose `peer-asn` is `external`. */
  readonly routerAsn?: number;
  /** Only the entry of this name. */
  readonly peer?: string;
}

/** Something that only the user can tell; `message` is one sentence. */
export class RouterSideError extends Error {
  override readonly name = "RouterSideError";
}

/** Nobody has so many Services on one router; what a filter lets through has an end all the same. */
const mostPrefixes = 100_000;

/** Where we do not know how many nodes there are. */
const unknownPaths = 16;

/**
 * What each router must be configured with, in the order of the entries.
 *
 * @throws RouterSideError
 */
export function routerSides(inputs: RouterSideInputs): readonly RouterSide[] {
  const { config, peer: wanted } = inputs;
  const entries = config.peers.filter(({ name }) => wanted === undefined || name === wanted);
  if (entries.length === 0) {
    throw new RouterSideError(
      wanted === undefined
        ? "the configuration has no peers"
        : `the configuration has no peer ${wanted}, but ${config.peers.map(({ name }) => name).join(", ")}`,
    );
  }
  const byRouter = new Map<string, { asn: number; entries: PeerConfig[] }>();
  for (const entry of entries) {
    const asn = asnOf(entry, inputs.routerAsn);
    const key = `${addressOf(entry)?.text ?? "default-gateway"} ${asn}`;
    const router = byRouter.get(key) ?? { asn, entries: [] };
    router.entries.push(entry);
    byRouter.set(key, router);
  }
  let number = 0;
  return [...byRouter.values()].map(({ asn, entries: own }) => {
    const groups = own.map((entry) => {
      number += 1;
      return groupOf(entry, asn, number === 1 ? "routelb" : `routelb-${number}`, inputs);
    });
    const [address] = own.flatMap((entry) => addressOf(entry) ?? []);
    return {
      ...(address === undefined ? {} : { address }),
      asn,
      groups,
      paths: pathsOf(groups),
      hasSeveralAsns: new Set(own.map(({ myAsn }) => myAsn)).size > 1,
    };
  });
}

function addressOf({ peerAddress }: PeerConfig): Address | undefined {
  return peerAddress === "default-gateway" ? undefined : peerAddress;
}

function asnOf({ name, peerAsn, myAsn }: PeerConfig, routerAsn: number | undefined): number {
  if (peerAsn === "internal") {
    return myAsn;
  }
  const asn = peerAsn === "external" ? routerAsn : peerAsn;
  if (asn === undefined) {
    throw new RouterSideError(
      `the router's AS number is not in the configuration, since peer-asn of ${name} is external: give --router-asn`,
    );
  }
  return asn;
}

function groupOf(
  entry: PeerConfig,
  asn: number,
  name: string,
  inputs: RouterSideInputs,
): PeerGroup {
  const { config, nodes, listenRange, namespace } = inputs;
  const chosen = (nodes ?? []).filter(({ labels }) =>
    someSelectorMatches(entry.nodeSelectors, labels),
  );
  const located = chosen.map((node) => locate(entry, node));
  const neighbours = located.flatMap((each) => (typeof each === "string" ? [] : [each]));
  const families = familiesOf(config, entry);
  const isIpv6Session = addressOf(entry)?.family === "ipv6";
  const passwordSource = passwordSourceOf(entry, namespace);
  const isInternal = entry.myAsn === asn;
  const isNear = isOnLink(
    addressOf(entry),
    neighbours.map(({ address }) => address),
  );
  return {
    name,
    entry,
    isInternal,
    ...(listenRange === undefined ? { neighbours } : { listenRange }),
    unknown:
      listenRange === undefined
        ? located.flatMap((each) => (typeof each === "string" ? [each] : []))
        : [],
    families,
    hasExtendedNextHop:
      isIpv6Session &&
      families.some(({ family }) => family === "ipv4") &&
      chosen.some((node) => !hasFamily(node, "ipv4")),
    weightCommunities: [
      ...new Set(
        config.pools.flatMap(({ weights, weightCommunity }) =>
          weights && weightCommunity !== undefined ? [weightCommunity] : [],
        ),
      ),
    ],
    ...(passwordSource === undefined ? {} : { passwordSource }),
    isOnLink: isNear,
    isMultihop: entry.ebgpMultihop || (isInternal && !isNear),
  };
}

/** The node's end of the session, or why we cannot know it. */
function locate({ peerAddress, sourceAddress }: PeerConfig, node: Node): Neighbour | string {
  if (sourceAddress !== undefined) {
    return { node: node.name, address: sourceAddress };
  }
  const isGateway = peerAddress === "default-gateway";
  if (!isGateway && peerAddress.zone !== undefined) {
    return `${node.name}: its link-local address on ${peerAddress.zone}, which the Node object does not tell`;
  }
  const families: readonly AddressFamily[] = isGateway ? ["ipv4", "ipv6"] : [peerAddress.family];
  for (const family of families) {
    const address = node.internalAddresses.find((each) => each.family === family);
    if (address !== undefined) {
      return { node: node.name, address };
    }
  }
  return `${node.name}: it has no ${families.join(" or ")} InternalIP`;
}

function hasFamily({ internalAddresses }: Node, family: AddressFamily): boolean {
  return internalAddresses.some((address) => address.family === family);
}

function familiesOf(config: Config, entry: PeerConfig): readonly GroupFamily[] {
  return entry.families
    .map((family) => {
      const accepted = acceptedFrom(config, entry, family);
      const { count } = accepted;
      const prefixLimit = count > mostPrefixes ? mostPrefixes : Number(count);
      return { family, ...accepted, prefixLimit };
    })
    .filter(({ prefixes }) => prefixes.length > 0);
}

function passwordSourceOf({ password, name }: PeerConfig, namespace: string): string | undefined {
  switch (password?.type) {
    case undefined:
      return undefined;
    case "text":
      return `as \`password\` of ${name} has it in the ConfigMap of RouteLB`;
    case "secret":
      return (
        `kubectl -n ${namespace} get secret ${password.name} ` +
        `-o go-template='{{index .data "${password.key}" | base64decode}}'`
      );
  }
}

/** Host bits of what most links have: /24, and /64. */
const linkHostBits = { ipv4: 8n, ipv6: 64n } as const;

function isOnLink(router: Address | undefined, nodes: readonly Address[]): boolean {
  if (router === undefined || router.zone !== undefined) {
    return true;
  }
  const bits = linkHostBits[router.family];
  return nodes.every(
    (node) => node.family === router.family && node.value >> bits === router.value >> bits,
  );
}

/** A round number with room for more nodes, from 8. */
function pathsOf(groups: readonly PeerGroup[]): number {
  const nodes = new Set(
    groups.flatMap(({ neighbours }) => (neighbours ?? []).map(({ node }) => node)),
  );
  if (groups.some(({ listenRange }) => listenRange !== undefined)) {
    return unknownPaths;
  }
  return Math.min(128, Math.max(8, 2 ** Math.ceil(Math.log2(Math.max(1, nodes.size)))));
}
