import type { Route } from "../bgp/route.ts";
import { someSelectorMatches } from "../cluster/selector.ts";
import type { SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { AdvertisementConfig } from "../config/model.ts";
import { compareAddresses } from "../net/address.ts";
import { mergeRoutes } from "./candidate.ts";

/** A session to decide routes for. */
export interface DecisionPeer {
  /** Of the session; unique. */
  readonly name: string;
  /** Of its entry in `peers`: what `bgp-advertisements.peers` names. */
  readonly entryName: string;
}

/** Sessions that every advertisement treats alike; they share one table of routes. */
export interface PeerGroup {
  readonly peerNames: string[];
  /** By key of the prefix. */
  readonly routes: Map<string, Route>;
}

export interface PeerGroups {
  readonly all: readonly PeerGroup[];
  /** An advertisement whose node selectors leave this node out has no entry. */
  readonly byAdvertisement: ReadonlyMap<AdvertisementConfig, readonly PeerGroup[]>;
}

/** Puts sessions together for which the same advertisements of this node's count; tables are empty. */
export function groupPeers(
  { config, node }: SpeakerSnapshot,
  peers: readonly DecisionPeer[],
): PeerGroups {
  const advertisements = [...new Set(config.pools.flatMap((pool) => pool.advertisements))].filter(
    ({ nodeSelectors }) => someSelectorMatches(nodeSelectors, node.labels),
  );
  const groups = new Map<string, PeerGroup>();
  const byAdvertisement = new Map<AdvertisementConfig, PeerGroup[]>(
    advertisements.map((advertisement) => [advertisement, []]),
  );
  for (const { name, entryName } of peers) {
    const selecting = advertisements.filter(
      (advertisement) =>
        advertisement.peers.length === 0 || advertisement.peers.includes(entryName),
    );
    const signature = selecting.map((chosen) => advertisements.indexOf(chosen)).join();
    const group = groups.get(signature);
    if (group === undefined) {
      const created: PeerGroup = { peerNames: [name], routes: new Map() };
      groups.set(signature, created);
      for (const advertisement of selecting) {
        byAdvertisement.get(advertisement)?.push(created);
      }
    } else {
      group.peerNames.push(name);
    }
  }
  return { all: [...groups.values()], byAdvertisement };
}

/** Adds to a table; a prefix that is there already gets the merger of the two. */
export function addRoutes(table: Map<string, Route>, routes: readonly Route[]): void {
  for (const route of routes) {
    const present = table.get(route.prefix.key);
    table.set(route.prefix.key, present === undefined ? route : mergeRoutes(present, route));
  }
}

/** Sorted by prefix. */
export function routesByPeer(groups: PeerGroups): Map<string, readonly Route[]> {
  const routes = new Map<string, readonly Route[]>();
  for (const group of groups.all) {
    const sorted = [...group.routes.values()].sort(compareByPrefix);
    for (const peer of group.peerNames) {
      routes.set(peer, sorted);
    }
  }
  return routes;
}

function compareByPrefix(a: Route, b: Route): number {
  return compareAddresses(a.prefix.address, b.prefix.address) || a.prefix.length - b.prefix.length;
}
