import { makeAddress } from "../../net/address.ts";
import { hostPrefix } from "../../net/prefix.ts";
import type { Negotiated } from "../negotiate.ts";
import type { LocalInterface } from "../next-hop.ts";
import type { Route } from "../route.ts";
import type { Clock } from "./ports.ts";
import { RouteSender } from "./route-sender.ts";
import { zeroCounters } from "./status.ts";

const routesOfEachFamily = 500;
const rounds = 10;
const timeless: Clock = {
  now: () => 0,
  wallTime: () => 0,
  after: (delayMs, callback) => {
    if (delayMs === 0) {
      callback();
    }
    return { cancel: () => undefined };
  },
};
const local = makeAddress("ipv4", 1n);
const negotiated: Negotiated = {
  peerAsn: 64512,
  peerRouterId: local,
  internal: false,
  holdTimeSeconds: 90,
  keepaliveTimeSeconds: 30,
  families: ["ipv4", "ipv6"],
  fourOctetAsn: true,
  routeRefresh: true,
  enhancedRouteRefresh: true,
  extendedMessages: true,
  extendedNextHop: false,
};

/**
 * Advertises made-up routes to nobody, ten times over, so that Node compiles the code before a router
 * waits for it: the first 10,000 routes of a process then take half the time. Takes 10 to 20 ms, once
 * in a process; to be called before the first session is up.
 */
export function warmUp(interfaces: () => readonly LocalInterface[]): void {
  const routes = madeUpRoutes();
  for (let round = 0; round < rounds; round += 1) {
    const sender = new RouteSender({
      localAsn: 64522,
      linkBandwidth: "off",
      node: { addresses: [makeAddress("ipv6", 1n)] },
      interfaces: () => [{ name: "eth0", addresses: [makeAddress("ipv6", 1n)] }, ...interfaces()],
      clock: timeless,
      counters: zeroCounters(),
      write: () => true,
      onProgress: () => undefined,
    });
    sender.setRoutes(routes);
    sender.open(negotiated, local);
    sender.setRoutes([]);
    // Once more, not prepared.
    sender.setRoutes(routes);
    sender.close();
  }
}

function madeUpRoutes(): Route[] {
  const attributes = { localPref: 100, prepend: 0, communities: [], largeCommunities: [] };
  return (["ipv4", "ipv6"] as const).flatMap((family) =>
    Array.from({ length: routesOfEachFamily }, (_, index) => ({
      prefix: hostPrefix(makeAddress(family, BigInt(index))),
      attributes,
    })),
  );
}
