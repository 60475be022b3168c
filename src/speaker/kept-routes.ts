import type { Route } from "../bgp/route.ts";
import type { Decision } from "./decide.ts";
import { compareByPrefix } from "./peer-groups.ts";

/**
 * `decision`, and beside it what only `kept` advertises: nothing of either waits for the other, and
 * nothing that one of them advertises is withdrawn. Where both have a route it is that of `decision`.
 *
 * `kept` names all sessions; those that `decision` leaves out have the routes of `kept` alone.
 */
export function keepRoutes(decision: Decision, kept: Decision): Decision {
  return {
    routes: keepEach(decision.routes, kept.routes),
    advertised: keepAdvertised(decision.advertised, kept.advertised),
    withheld: withoutAdvertised(decision.withheld, kept.advertised),
    refused: decision.refused,
    endings: new Map([...kept.endings, ...decision.endings]),
    weights: new Map([...kept.weights, ...decision.weights]),
    healthPorts: new Map([...kept.healthPorts, ...decision.healthPorts]),
    arrivals: decision.arrivals,
  };
}

function keepEach(routes: Decision["routes"], kept: Decision["routes"]): Decision["routes"] {
  const made = new Map<readonly Route[] | undefined, Map<readonly Route[], readonly Route[]>>();
  return new Map(
    [...kept].map(([peer, keptRoutes]) => {
      const ownRoutes = routes.get(peer);
      // Sessions that share both lists share the one that is made of them, too.
      const ofOwn = made.get(ownRoutes) ?? new Map<readonly Route[], readonly Route[]>();
      const union = ofOwn.get(keptRoutes) ?? uniteRoutes(ownRoutes ?? [], keptRoutes);
      made.set(ownRoutes, ofOwn.set(keptRoutes, union));
      return [peer, union];
    }),
  );
}

function uniteRoutes(routes: readonly Route[], kept: readonly Route[]): readonly Route[] {
  const own = new Set(routes.map(({ prefix }) => prefix.key));
  const others = kept.filter(({ prefix }) => !own.has(prefix.key));
  return others.length === 0 ? routes : [...routes, ...others].sort(compareByPrefix);
}

function keepAdvertised(
  advertised: Decision["advertised"],
  kept: Decision["advertised"],
): Decision["advertised"] {
  const all = new Map(advertised);
  for (const [key, addresses] of kept) {
    all.set(key, [...new Set([...(advertised.get(key) ?? []), ...addresses])].sort());
  }
  return all;
}

function withoutAdvertised(
  withheld: Decision["withheld"],
  advertised: Decision["advertised"],
): Decision["withheld"] {
  const left = new Map(withheld);
  for (const [key, addresses] of advertised) {
    const reasons = withheld.get(key)?.filter(({ address = "" }) => !addresses.includes(address));
    if (reasons?.length === 0) {
      left.delete(key);
    } else if (reasons !== undefined) {
      left.set(key, reasons);
    }
  }
  return left;
}
