import type { PrefixHolder } from "../bgp/pack.ts";
import type { Route } from "../bgp/route.ts";
import type { Prefix } from "../net/prefix.ts";
import type { Decision } from "./decide.ts";
import { compareByPrefix } from "./peer-groups.ts";

/** `before`, with the routes of `prefixes` replaced by those of `part`. */
export function spliceRoutes(
  before: Decision["routes"],
  part: Decision["routes"],
  prefixes: readonly Prefix[],
): Decision["routes"] {
  const sorted = prefixes.toSorted((a, b) => compareByPrefix({ prefix: a }, { prefix: b }));
  const made = new Map<readonly Route[], readonly Route[]>();
  return new Map(
    [...part].map(([peer, replacing]) => {
      const held = before.get(peer) ?? [];
      // Sessions of one group share their list, and go on to do so.
      const spliced = made.get(held) ?? splice(held, replacing, sorted);
      made.set(held, spliced);
      return [peer, spliced];
    }),
  );
}

/** Whether one of a sorted list is for `prefix`. */
export function hasPrefix(routes: readonly PrefixHolder[], prefix: Prefix): boolean {
  return routes[placeOf(routes, prefix, 0)]?.prefix.key === prefix.key;
}

/** `held` itself where nothing of it differs. */
function splice(
  held: readonly Route[],
  replacing: readonly Route[],
  prefixes: readonly Prefix[],
): readonly Route[] {
  const byKey = new Map(replacing.map((route) => [route.prefix.key, route]));
  const spliced: Route[] = [];
  let next = 0;
  let isChanged = false;
  for (const prefix of prefixes) {
    for (const place = placeOf(held, prefix, next); next < place; next += 1) {
      addTo(spliced, held[next]);
    }
    const before = held[next]?.prefix.key === prefix.key ? held[next] : undefined;
    const after = byKey.get(prefix.key);
    next += before === undefined ? 0 : 1;
    const isSame = before?.attributes === after?.attributes;
    isChanged ||= !isSame;
    addTo(spliced, isSame ? before : after);
  }
  return isChanged ? spliced.concat(held.slice(next)) : held;
}

function addTo(routes: Route[], route: Route | undefined): void {
  if (route !== undefined) {
    routes.push(route);
  }
}

/** Where a route of `prefix` is in a sorted list, or would be; not before `from`. */
function placeOf(routes: readonly PrefixHolder[], prefix: Prefix, from: number): number {
  let low = from;
  let high = routes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const route = routes[middle];
    if (route !== undefined && compareByPrefix(route, { prefix }) < 0) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}
