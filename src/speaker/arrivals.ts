import type { PrefixHolder } from "../bgp/pack.ts";
import { familyKey, type SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { AddressFamily } from "../net/address.ts";
import type { DecisionPeer } from "./peer-groups.ts";
import { hasPrefix } from "./splice-routes.ts";
import type { PoolClaim } from "./standing.ts";

/** A Service's endpoints of one family that came to this node, and that kube-proxy is asked about. */
export interface Arrival {
  readonly serviceKey: string;
  readonly family: AddressFamily;
  readonly healthCheckNodePort: number;
}

/**
 * Keeps an address back whose `Local` endpoints came to this node, until kube-proxy has rules for them:
 * what a router sends before is lost. An announcement waits, a route that is there never does.
 */
export class ArrivalGate {
  /** By `familyKey`: what came, at the addresses that wait. */
  readonly found = new Map<string, Arrival>();
  readonly #arrivals: SpeakerSnapshot["arrivals"];
  /** What sessions have, each list once. */
  readonly #held: ReadonlySet<readonly PrefixHolder[]>;

  constructor({ arrivals }: SpeakerSnapshot, peers: readonly DecisionPeer[]) {
    // A session that is new is to begin with all that there is: its router may keep the routes of the
    // session before, and lets go of what is missing at End-of-RIB.
    const isFed = peers.every(({ name }) => arrivals?.routes.has(name) === true);
    this.#arrivals = isFed ? arrivals : undefined;
    this.#held = new Set(this.#arrivals?.routes.values());
  }

  /**
   * Whether an address waits, whose route all of `claims` stand for that are offered to a session: it
   * draws the traffic of every one.
   */
  holds(
    claims: readonly PoolClaim[],
    isOffered: (claim: PoolClaim, index: number) => boolean,
  ): boolean {
    const arrivals = this.#arrivals;
    // Of thousands of addresses hardly one is new.
    if (arrivals === undefined || !claims.some((each) => this.#isArriving(each))) {
      return false;
    }
    const arriving = claims.filter(
      (each, index) => this.#isArriving(each) && isOffered(each, index),
    );
    const found = arriving.map(({ service, address }): [string, Arrival] => {
      const { key: serviceKey, healthCheckNodePort = 0 } = service;
      const { family } = address;
      return [familyKey(serviceKey, family), { serviceKey, family, healthCheckNodePort }];
    });
    if (found.every(([key]) => arrivals.confirmed.has(key))) {
      return false;
    }
    for (const [key, arrival] of found) {
      this.found.set(key, arrival);
    }
    return true;
  }

  #isArriving({ service, candidate, slices }: PoolClaim): boolean {
    const { text, address, offers } = candidate;
    return (
      service.externalTrafficPolicy === "Local" &&
      service.healthCheckNodePort !== undefined &&
      this.#arrivals?.advertised.get(service.key)?.includes(text) !== true &&
      slices.some((slice) => slice.family === address.family && slice.local.some(isReady)) &&
      !offers.some(({ routes }) => routes.some((route) => this.#stands(route)))
    );
  }

  #stands({ prefix }: PrefixHolder): boolean {
    return [...this.#held].some((routes) => hasPrefix(routes, prefix));
  }
}

function isReady({ ready }: { readonly ready: boolean }): boolean {
  return ready;
}
