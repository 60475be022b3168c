import { isEligible } from "../../cluster/node.ts";
import { someSelectorMatches } from "../../cluster/selector.ts";
import { isLoadBalancer, isOfClass, type Service } from "../../cluster/service.ts";
import type { Config, PeerConfig } from "../../config/model.ts";
import { parseAddress } from "../../net/address.ts";
import { rangeContains } from "../../net/range.ts";
import type { LiveFinding, LiveInputs } from "./live-findings.ts";

/** What the routers can hold, as far as somebody told. */
export interface RouterLimits {
  /** Next hops of one route: `maximum-paths`. */
  readonly paths?: number;
  /** Next hops of all routes together. */
  readonly nextHops?: number;
}

type PathInputs = Pick<LiveInputs, "facts" | "config" | "loadBalancerClass">;

/** FRR is usually built for 64 or more next hops a route; many switches end there. */
const usualPaths = 64;

/** Switch chips hold some 16,000 members of ECMP groups; Linux routers hold more. */
const usualNextHops = 16_384;

/**
 * Where more nodes advertise an address than a router can use, and where all addresses together
 * take more next hops than it can hold. What a router holds is unknown unless it is told: then the
 * usual figures are held against it, and the finding says so. Never an error.
 */
export function pathFindings(inputs: PathInputs, limits: RouterLimits): readonly LiveFinding[] {
  return [...sessionsByRouter(inputs.config)].flatMap(([subject, peers]) => {
    const nodes = inputs.facts.nodes.filter(
      (node) =>
        isEligible(node, false) &&
        peers.some(({ nodeSelectors }) => someSelectorMatches(nodeSelectors, node.labels)),
    ).length;
    return [
      ...widthFindings(subject, nodes, limits.paths),
      ...totalFindings(subject, nodes, addressCount(inputs, peers), limits.nextHops),
    ];
  });
}

function sessionsByRouter({ peers }: Config): ReadonlyMap<string, readonly PeerConfig[]> {
  const found = new Map<string, PeerConfig[]>();
  for (const peer of peers) {
    const { peerAddress } = peer;
    const router = peerAddress === "default-gateway" ? peerAddress : peerAddress.text;
    found.set(router, [...(found.get(router) ?? []), peer]);
  }
  return new Map([...found.values()].map((own) => [`peer ${own[0]?.name ?? ""}`, own]));
}

function widthFindings(
  subject: string,
  nodes: number,
  told: number | undefined,
): readonly LiveFinding[] {
  if (nodes <= (told ?? usualPaths)) {
    return [];
  }
  const message =
    told === undefined
      ? `${nodes} nodes can advertise one address; many routers use at most ${usualPaths} next hops ` +
        "of a route, and the other nodes get no traffic: see what yours does (maximum-paths), and say so with --router-paths"
      : `${nodes} nodes can advertise one address, and the router uses ${told} next hops of a route ` +
        "(--router-paths): the other nodes get no traffic; raise maximum-paths, or narrow node-selectors";
  return [{ severity: "warning", subject, message }];
}

function totalFindings(
  subject: string,
  nodes: number,
  addresses: number,
  told: number | undefined,
): readonly LiveFinding[] {
  const total = nodes * addresses;
  if (total <= (told ?? usualNextHops)) {
    return [];
  }
  const limit =
    told === undefined
      ? `a switch usually holds some ${usualNextHops}, unless routes with the same next hops share them: ` +
        "see what yours does, and say so with --router-next-hops"
      : `the router holds ${told} (--router-next-hops)`;
  return [
    {
      severity: "warning",
      subject,
      message: `${nodes} nodes x ${addresses} addresses are ${total} next hops; ${limit}`,
    },
  ];
}

/** Addresses of Services that one of the peers is told of. */
function addressCount(
  { facts, config, loadBalancerClass }: PathInputs,
  peers: readonly PeerConfig[],
): number {
  const pools = config.pools.filter(({ advertisements }) =>
    advertisements.some(
      (own) => own.peers.length === 0 || peers.some(({ name }) => own.peers.includes(name)),
    ),
  );
  const isTold = (text: string) => {
    const address = parseAddress(text);
    return (
      address !== undefined &&
      pools.some(({ ranges }) => ranges.some((range) => rangeContains(range, address)))
    );
  };
  const ours = facts.services.filter(
    (service) => isLoadBalancer(service) && isOfClass(service, loadBalancerClass),
  );
  return new Set(ours.flatMap(addressesOf).filter(isTold)).size;
}

function addressesOf({ ingress }: Service): readonly string[] {
  return ingress.flatMap(({ ip }) => ip ?? []);
}
