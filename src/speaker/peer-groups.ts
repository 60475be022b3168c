import type { Route } from "../bgp/route.ts";
import { someSelectorMatches } from "../cluster/selector.ts";
import type { SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { AdvertisementConfig } from "../config/model.ts";
import { compareAddresses } from "../net/address.ts";
import { mergeRoutes } from "./candidate.ts";
import { withGracefulShutdown } from "./graceful-shutdown.ts";

/** A session to decide routes for. */
export interface DecisionPeer {
  /** Of the session; unique. */
  readonly name: string;
  /** Of its entry in `peers`: what `bgp-advertisements.peers` names. */
  readonly entryName: string;
  /** The session ends soon: all its routes carry GRACEFUL_SHUTDOWN. */
  readonly isLeaving?: boolean;
}

/** Sessions that every advertisement treats alike; they share one table of routes. */
export interface PeerGroup {
  readonly peerNames: string[];
  readonly isLeaving: boolean;
  /** By key of the prefix. */
  readonly routes: Map<string, Route>;
  /** Routes that are about to go; where one of `routes` has the prefix, it stays after all. */
  readonly leavingRoutes: Map<string, Route>;
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
  for (const { name, entryName, isLeaving = false } of peers) {
    const selecting = advertisements.filter(
      (advertisement) =>
        advertisement.peers.length === 0 || advertisement.peers.includes(entryName),
    );
    const indices = selecting.map((chosen) => advertisements.indexOf(chosen));
    const signature = `${indices.join()} ${isLeaving}`;
    const group = groups.get(signature);
    if (group === undefined) {
      const created: PeerGroup = {
        peerNames: [name],
        isLeaving,
        routes: new Map(),
        leavingRoutes: new Map(),
      };
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

/** Adds to a group; a prefix that is there already gets the merger of the two. */
export function addRoutes(group: PeerGroup, routes: readonly Route[], areLeaving: boolean): void {
  const table = areLeaving || group.isLeaving ? group.leavingRoutes : group.routes;
  for (const route of routes) {
    const present = table.get(route.prefix.key);
    table.set(route.prefix.key, present === undefined ? route : mergeRoutes(present, route));
  }
}

/** Sorted by prefix. */
export function routesByPeer(groups: PeerGroups): Map<string, readonly Route[]> {
  const routes = new Map<string, readonly Route[]>();
  for (const group of groups.all) {
    const sorted = [...allRoutes(group)].sort(compareByPrefix);
    for (const peer of group.peerNames) {
      routes.set(peer, sorted);
    }
  }
  return routes;
}

function allRoutes({ routes, leavingRoutes }: PeerGroup): Iterable<Route> {
  if (leavingRoutes.size === 0) {
    return routes.values();
  }
  const all = new Map(routes);
  for (const [key, leaving] of leavingRoutes) {
    const staying = routes.get(key);
    all.set(
      key,
      staying === undefined ? withGracefulShutdown(leaving) : mergeRoutes(staying, leaving),
    );
  }
  return all.values();
}

/** The order of a Decision's routes. */
export function compareByPrefix(a: Pick<Route, "prefix">, b: Pick<Route, "prefix">): number {
  return compareAddresses(a.prefix.address, b.prefix.address) || a.prefix.length - b.prefix.length;
}
