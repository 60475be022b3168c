import type { Route } from "../bgp/route.ts";
import { isExcludedFromLoadBalancers } from "../cluster/node.ts";
import { isLoadBalancer, isOfClass, type Service } from "../cluster/service.ts";
import type { SpeakerSnapshot } from "../cluster/snapshot.ts";
import { type CandidateAddress, candidateOf } from "./candidate.ts";
import { reachOf } from "./endpoints.ts";
import {
  addRoutes,
  type DecisionPeer,
  groupPeers,
  type PeerGroup,
  type PeerGroups,
  routesByPeer,
} from "./peer-groups.ts";
import { type Claim, settleClaims, whyClaimWithholds } from "./shared-address.ts";
import { type Withheld, withheldAddress, withheldFor } from "./withheld.ts";

export interface Decision {
  /** By name of the session, for every one asked about: sorted by prefix, one route per prefix. */
  readonly routes: ReadonlyMap<string, readonly Route[]>;
  /** By key of the Service: those of its addresses that go to a peer at least. */
  readonly advertised: ReadonlyMap<string, readonly string[]>;
  /** By key of the Service: the first reason for each address, or address and peer, left out. */
  readonly withheld: ReadonlyMap<string, readonly Withheld[]>;
  /** By key of the Service: what its annotations ask for and its pool does not grant. */
  readonly refused: ReadonlyMap<string, readonly string[]>;
}

const noSlices = [] as const;

/**
 * Decides which routes this node advertises over each session.
 *
 * Level-triggered: the answer follows from `snapshot` alone, never from what changed or from what
 * was advertised before. A watch event that is lost, repeated or late can delay the right answer,
 * not alter it. Each session's Adj-RIB-Out turns the answer into the fewest UPDATEs.
 *
 * The gates stand in this order: Service, address, node, endpoints, advertisement, peer. A Service
 * that gets no route appears in `withheld` with the first that failed.
 */
export function decideRoutes(snapshot: SpeakerSnapshot, peers: readonly DecisionPeer[]): Decision {
  const outcome = new Outcome();
  const nodeReason = whyNodeWithholds(snapshot, peers);
  const claims = new Map<string, PoolClaim>();
  for (const service of snapshot.services.values()) {
    const reason = whyServiceWithholds(service, snapshot);
    if (reason === undefined) {
      collectClaims(snapshot, service, nodeReason, claims, outcome);
    } else {
      outcome.withhold(service.key, reason);
    }
  }
  const groups = groupPeers(snapshot, peers);
  for (const claim of claims.values()) {
    if (claim.sharers === undefined) {
      settle(claim, whyClaimWithholds(claim), groups, outcome);
    } else {
      const all = [claim, ...claim.sharers];
      const reasons = settleClaims(all);
      for (const [index, each] of all.entries()) {
        settle(each, reasons[index], groups, outcome);
      }
    }
  }
  return { ...outcome.maps(), routes: routesByPeer(groups) };
}

function settle(
  claim: PoolClaim,
  reason: Withheld | undefined,
  groups: PeerGroups,
  outcome: Outcome,
): void {
  if (reason === undefined) {
    offerRoutes(claim, groups, outcome);
  } else {
    outcome.withhold(claim.service.key, reason);
  }
}

/** A Service's claim on an address of a pool, with what the pool offers for it. */
interface PoolClaim extends Claim {
  readonly candidate: Extract<CandidateAddress, { home: "pool" }>;
  /** The other Services on the address, at the first that was seen. */
  sharers: PoolClaim[] | undefined;
}

/** Collects a decision's answers about Services. */
class Outcome {
  readonly #advertised = new Map<string, string[]>();
  readonly #withheld = new Map<string, Withheld[]>();
  readonly #refused = new Map<string, readonly string[]>();

  advertise(serviceKey: string, address: string): void {
    append(this.#advertised, serviceKey, address);
  }

  withhold(serviceKey: string, withheld: Withheld): void {
    append(this.#withheld, serviceKey, withheld);
  }

  refuse(serviceKey: string, sentences: readonly string[]): void {
    this.#refused.set(serviceKey, sentences);
  }

  /** Lists of several are sorted, since Services and sessions come in any order. */
  maps(): Omit<Decision, "routes"> {
    for (const addresses of this.#advertised.values()) {
      addresses.sort();
    }
    for (const reasons of this.#withheld.values()) {
      reasons.sort(compareWithheld);
    }
    return { advertised: this.#advertised, withheld: this.#withheld, refused: this.#refused };
  }
}

function compareWithheld(a: Withheld, b: Withheld): number {
  return compareText(a.address ?? "", b.address ?? "") || compareText(a.peer ?? "", b.peer ?? "");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function append<Value>(lists: Map<string, Value[]>, key: string, value: Value): void {
  const list = lists.get(key);
  if (list === undefined) {
    lists.set(key, [value]);
  } else {
    list.push(value);
  }
}

function whyServiceWithholds(service: Service, snapshot: SpeakerSnapshot): Withheld | undefined {
  if (!isLoadBalancer(service)) {
    return withheldFor.notLoadBalancer;
  }
  if (!isOfClass(service, snapshot.loadBalancerClass)) {
    return withheldFor.classNotOurs;
  }
  return candidateOf(snapshot.config, service).addresses.length === 0
    ? withheldFor.noAddress
    : undefined;
}

function whyNodeWithholds(
  { node, ignoreExcludeLabel }: SpeakerSnapshot,
  peers: readonly DecisionPeer[],
): Withheld | undefined {
  if (!ignoreExcludeLabel && isExcludedFromLoadBalancers(node)) {
    return withheldFor.nodeExcluded;
  }
  if (node.networkUnavailable) {
    return withheldFor.networkUnavailable;
  }
  return peers.length === 0 ? withheldFor.noPeers : undefined;
}

function collectClaims(
  snapshot: SpeakerSnapshot,
  service: Service,
  nodeReason: Withheld | undefined,
  claims: Map<string, PoolClaim>,
  outcome: Outcome,
): void {
  const { addresses, refused } = candidateOf(snapshot.config, service);
  if (refused.length > 0) {
    outcome.refuse(service.key, refused);
  }
  const slices = snapshot.endpointSlices.get(service.key) ?? noSlices;
  for (const candidate of addresses) {
    if (candidate.home === "none") {
      outcome.withhold(service.key, withheldAddress.notInPool(candidate.text));
    } else if (candidate.home === "layer2") {
      outcome.withhold(service.key, withheldAddress.layer2(candidate.text, candidate.pool));
    } else if (nodeReason !== undefined) {
      outcome.withhold(service.key, { ...nodeReason, address: candidate.text });
    } else {
      const reach = reachOf(slices, candidate.address.family, snapshot.node.name);
      const { address, text } = candidate;
      const claim = { service, slices, reach, candidate, address, sharers: undefined };
      const first = claims.get(text);
      if (first === undefined) {
        claims.set(text, claim);
      } else {
        first.sharers = [...(first.sharers ?? []), claim];
      }
    }
  }
}

function offerRoutes(claim: PoolClaim, groups: PeerGroups, outcome: Outcome): void {
  const { candidate, service } = claim;
  let reached: readonly PeerGroup[] | undefined;
  for (const { advertisement, routes } of candidate.offers) {
    const targets = groups.byAdvertisement.get(advertisement);
    if (targets !== undefined) {
      reached = reached === undefined ? targets : [...new Set([...reached, ...targets])];
      for (const group of targets) {
        addRoutes(group.routes, routes);
      }
    }
  }
  if (reached === undefined) {
    const { text, pool } = candidate;
    outcome.withhold(service.key, withheldAddress.noMatchingAdvertisement(text, pool.name));
    return;
  }
  if (reached.length > 0) {
    outcome.advertise(service.key, candidate.text);
  }
  if (reached.length < groups.all.length) {
    withholdFromOthers(claim, groups, reached, outcome);
  }
}

function withholdFromOthers(
  { candidate, service }: PoolClaim,
  groups: PeerGroups,
  reached: readonly PeerGroup[],
  outcome: Outcome,
): void {
  for (const group of groups.all) {
    if (!reached.includes(group)) {
      for (const peer of group.peerNames) {
        const reason = withheldAddress.peerNotSelected(candidate.text, candidate.pool.name, peer);
        outcome.withhold(service.key, reason);
      }
    }
  }
}
