import type { Route } from "../bgp/route.ts";
import { isExcludedFromLoadBalancers } from "../cluster/node.ts";
import { isLoadBalancer, isOfClass, type Service } from "../cluster/service.ts";
import { familyKey, type SpeakerSnapshot } from "../cluster/snapshot.ts";
import { type Arrival, ArrivalGate } from "./arrivals.ts";
import { DataplaneGate } from "./dataplane-gate.ts";
import { type Departure, Departures, isEnding } from "./departure.ts";
import { reachableNodes } from "./endpoints.ts";
import {
  addRoutes,
  type DecisionPeer,
  groupPeers,
  type PeerGroup,
  type PeerGroups,
  routesByPeer,
} from "./peer-groups.ts";
import { settleClaims } from "./shared-address.ts";
import { type PoolClaim, standingIn } from "./standing.ts";
import { type Weight, Weights, weighRoutes } from "./weights.ts";
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
  /**
   * By `familyKey`: each Service whose last ready endpoint here ends while other nodes have ready
   * ones. The next `SpeakerSnapshot.endings` is to tell of it.
   */
  readonly endings: ReadonlyMap<string, FoundEnding>;
  /** By address: what its routes carry. The next `SpeakerSnapshot.weights` is to tell of it. */
  readonly weights: ReadonlyMap<string, Weight>;
  /** By key of the Service: the healthCheckNodePorts that the next `dataplane` is to tell of. */
  readonly healthPorts: ReadonlyMap<string, number>;
  /** By `familyKey`: what addresses wait for. The next `SpeakerSnapshot.arrivals` is to tell of it. */
  readonly arrivals: ReadonlyMap<string, Arrival>;
}

export interface FoundEnding {
  /** The nodes that have a ready endpoint, sorted. */
  readonly nodes: readonly string[];
  /** The first of the addresses that it concerns. */
  readonly candidate: PoolClaim["candidate"];
}

/**
 * Decides which routes this node advertises over each session.
 *
 * Level-triggered: the answer follows from `snapshot` alone, never from what changed or from what
 * was advertised before, but for an announcement that may have to wait for kube-proxy. A watch event
 * that is lost, repeated or late can delay the right answer, not alter it. Each session's Adj-RIB-Out
 * turns the answer into the fewest UPDATEs.
 *
 * The gates stand in this order: Service, address, node, endpoints, data plane, drain, advertisement,
 * peer. A Service that gets no route appears in `withheld` with the first that failed.
 */
export function decideRoutes(snapshot: SpeakerSnapshot, peers: readonly DecisionPeer[]): Decision {
  const outcome = new Outcome();
  const nodeReason = whyNodeWithholds(snapshot, peers);
  const claims = new Claims();
  const departures = new Departures(snapshot);
  const weights = new Weights(snapshot);
  const dataplane = new DataplaneGate(snapshot.dataplane);
  const arrivals = new ArrivalGate(snapshot, peers);
  for (const service of snapshot.services.values()) {
    const reason = whyServiceWithholds(service, snapshot);
    if (reason === undefined) {
      for (const claim of collectClaims(snapshot, service, nodeReason, outcome)) {
        claims.add(dataplane.settle(departures.settleEnding(claim)));
      }
    } else {
      outcome.withhold(service.key, reason);
    }
  }
  const groups = groupPeers(snapshot, peers);
  for (const [address, claim] of claims.first) {
    const sharers = claims.shared.get(address) ?? [claim];
    const departure = departures.of(sharers);
    const settled = sharers.length === 1 ? [claim.own] : settleClaims(sharers);
    const isOffered = (each: PoolClaim, index: number) =>
      settled[index] === undefined && departure !== "gone" && reachesPeer(each, groups);
    const reasons = arrivals.holds(sharers, isOffered)
      ? sharers.map((each, index) =>
          isOffered(each, index) ? withheldAddress.dataplaneAwaited(address) : settled[index],
        )
      : settled;
    const isHere = departure !== "gone" && reasons.includes(undefined);
    const weight = isHere ? weights.settle(sharers) : undefined;
    for (const [index, each] of sharers.entries()) {
      const isGone = departure === "gone" && reasons[index] === undefined;
      const reason = isGone ? departures.reasonFor(each) : reasons[index];
      if (reason === undefined) {
        offerRoutes(each, { departure, weight }, groups, outcome);
      } else {
        outcome.withhold(each.service.key, reason);
      }
    }
  }
  return {
    ...outcome.maps(),
    routes: routesByPeer(groups),
    weights: weights.byAddress,
    healthPorts: dataplane.ports,
    arrivals: arrivals.found,
  };
}

/** Claims by address. */
class Claims {
  /** The first that was seen of each address. */
  readonly first = new Map<string, PoolClaim>();
  /** All of them, where several Services have the address. */
  readonly shared = new Map<string, PoolClaim[]>();

  add(claim: PoolClaim): void {
    const { text } = claim.candidate;
    const first = this.first.get(text);
    if (first === undefined) {
      this.first.set(text, claim);
      return;
    }
    const sharers = this.shared.get(text);
    if (sharers === undefined) {
      this.shared.set(text, [first, claim]);
    } else {
      sharers.push(claim);
    }
  }
}

/** Collects a decision's answers about Services. */
class Outcome {
  readonly #advertised = new Map<string, readonly string[]>();
  readonly #withheld = new Map<string, Withheld[]>();
  readonly #refused = new Map<string, readonly string[]>();
  readonly #endings = new Map<string, FoundEnding>();

  advertise({ service, alone }: PoolClaim): void {
    const others = this.#advertised.get(service.key);
    this.#advertised.set(
      service.key,
      others === undefined ? alone : [...others, ...alone].sort(compareText),
    );
  }

  withhold(serviceKey: string, withheld: Withheld): void {
    const others = this.#withheld.get(serviceKey);
    if (others === undefined) {
      this.#withheld.set(serviceKey, [withheld]);
    } else {
      others.push(withheld);
    }
  }

  refuse(serviceKey: string, sentences: readonly string[]): void {
    this.#refused.set(serviceKey, sentences);
  }

  end({ service, slices, candidate }: PoolClaim): void {
    const { family } = candidate.address;
    const key = familyKey(service.key, family);
    const first = this.#endings.get(key);
    if (first === undefined || candidate.text < first.candidate.text) {
      const nodes = [...reachableNodes(slices, family)].sort();
      this.#endings.set(key, { nodes, candidate });
    }
  }

  /** Lists of several are sorted, since Services and sessions come in any order. */
  maps(): Pick<Decision, "advertised" | "withheld" | "refused" | "endings"> {
    for (const reasons of this.#withheld.values()) {
      reasons.sort(compareWithheld);
    }
    return {
      advertised: this.#advertised,
      withheld: this.#withheld,
      refused: this.#refused,
      endings: this.#endings,
    };
  }
}

function compareWithheld(a: Withheld, b: Withheld): number {
  return compareText(a.address ?? "", b.address ?? "") || compareText(a.peer ?? "", b.peer ?? "");
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function whyServiceWithholds(service: Service, snapshot: SpeakerSnapshot): Withheld | undefined {
  if (!isLoadBalancer(service)) {
    return withheldFor.notLoadBalancer;
  }
  return isOfClass(service, snapshot.loadBalancerClass) ? undefined : withheldFor.classNotOurs;
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
  outcome: Outcome,
): readonly PoolClaim[] {
  const standing = standingIn(snapshot, service);
  if (standing.claims.length + standing.withheld.length === 0) {
    outcome.withhold(service.key, withheldFor.noAddress);
  }
  if (standing.refused.length > 0) {
    outcome.refuse(service.key, standing.refused);
  }
  for (const reason of standing.withheld) {
    outcome.withhold(service.key, reason);
  }
  for (const claim of standing.claims) {
    if (nodeReason !== undefined) {
      outcome.withhold(service.key, { ...nodeReason, address: claim.candidate.text });
    } else if (isEnding(claim)) {
      outcome.end(claim);
    }
  }
  return nodeReason === undefined ? standing.claims : [];
}

/** What holds for all Services of an address. */
interface Settled {
  readonly departure: Departure;
  readonly weight: number | undefined;
}

function reachesPeer({ candidate }: PoolClaim, { byAdvertisement }: PeerGroups): boolean {
  return candidate.offers.some(
    ({ advertisement }) => (byAdvertisement.get(advertisement)?.length ?? 0) > 0,
  );
}

function offerRoutes(
  claim: PoolClaim,
  { departure, weight }: Settled,
  groups: PeerGroups,
  outcome: Outcome,
): void {
  const { candidate, service } = claim;
  let reached: readonly PeerGroup[] | undefined;
  for (const { advertisement, routes } of candidate.offers) {
    const targets = groups.byAdvertisement.get(advertisement);
    if (targets !== undefined) {
      reached = reached === undefined ? targets : [...new Set([...reached, ...targets])];
      const weighed = weighRoutes(routes, weight, candidate.pool);
      for (const group of targets) {
        addRoutes(group, weighed, departure === "leaves");
      }
    }
  }
  if (reached === undefined) {
    const { text, pool } = candidate;
    outcome.withhold(service.key, withheldAddress.noMatchingAdvertisement(text, pool.name));
    return;
  }
  if (reached.length > 0) {
    outcome.advertise(claim);
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
