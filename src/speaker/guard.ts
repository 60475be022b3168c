import type { Route } from "../bgp/route.ts";

type RoutesByPeer = ReadonlyMap<string, readonly Route[]>;

/** A change that withdraws fewer routes than this is never held. */
const leastWithdrawals = 10;

/** What a change would withdraw, and of how many. */
export interface Withdrawals {
  readonly withdrawn: number;
  readonly advertised: number;
}

/**
 * How many of the routes that are advertised would go with `changed` and stay with `kept`: what else
 * goes at this moment is no part of it. A prefix counts once for each session that has it.
 */
export function countWithdrawals(
  advertised: RoutesByPeer,
  kept: RoutesByPeer,
  changed: RoutesByPeer,
): Withdrawals {
  let withdrawn = 0;
  let total = 0;
  for (const [peer, routes] of advertised) {
    total += routes.length;
    const before = prefixKeys(kept.get(peer));
    const after = prefixKeys(changed.get(peer));
    for (const { prefix } of routes) {
      if (before.has(prefix.key) && !after.has(prefix.key)) {
        withdrawn += 1;
      }
    }
  }
  return { withdrawn, advertised: total };
}

/** Whether they are more than `share` (0 to 1) of all, and so many that it matters. */
export function isMassWithdrawal({ withdrawn, advertised }: Withdrawals, share: number): boolean {
  return withdrawn >= leastWithdrawals && withdrawn > share * advertised;
}

function prefixKeys(routes: readonly Route[] | undefined): ReadonlySet<string> {
  return new Set((routes ?? []).map(({ prefix }) => prefix.key));
}
