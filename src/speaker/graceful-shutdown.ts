import { gracefulShutdownCommunity } from "../bgp/codec/iana.ts";
import type { Route, RouteAttributes } from "../bgp/route.ts";

const memo = new WeakMap<RouteAttributes, RouteAttributes>();

/**
 * The route as it is while it is about to go: with the community GRACEFUL_SHUTDOWN, which asks
 * external peers to prefer any other, and LOCAL_PREF 0, which does so with internal ones
 * (RFC 8326 §4.1, §4.3).
 *
 * Equal attributes give the same object each time.
 */
export function withGracefulShutdown({ prefix, attributes }: Route): Route {
  let leaving = memo.get(attributes);
  if (leaving === undefined) {
    const communities = new Set([...attributes.communities, gracefulShutdownCommunity]);
    leaving = {
      ...attributes,
      localPref: 0,
      communities: [...communities].sort((a, b) => a - b),
    };
    memo.set(attributes, leaving);
  }
  return { prefix, attributes: leaving };
}
