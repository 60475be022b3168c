import type { EndpointSlice } from "../cluster/endpoint.ts";
import type { Service } from "../cluster/service.ts";
import type { Address } from "../net/address.ts";
import { type Reach, reachableNodes } from "./endpoints.ts";
import { type Withheld, withheldAddress } from "./withheld.ts";

/** A Service that has the address in its status, and how its endpoints stand. */
export interface Claim {
  readonly service: Service;
  readonly address: Address;
  readonly slices: readonly EndpointSlice[];
  /** Of the address's family. */
  readonly reach: Reach;
}

/**
 * Judges the Services that hold one address by their endpoints: for each claim, in their order, why
 * it does not put the address's route here, or undefined where it does.
 *
 * `Cluster`: the route stays while one of them has an endpoint. `Local`: it is where each of those
 * that have an endpoint anywhere has one here, since the route draws the traffic of all; if no node
 * has one of each, the oldest Service decides. Where policies are mixed, `Local` decides for
 * all, because a node that suits it suits `Cluster` too.
 */
export function settleClaims(claims: readonly Claim[]): readonly (Withheld | undefined)[] {
  const blocking = findBlocking(claims);
  return claims.map((claim) => {
    const own = whyClaimWithholds(claim);
    return own === undefined && blocking !== undefined
      ? withheldAddress.sharedElsewhere(claim.address.text, blocking.service.key)
      : own;
  });
}

/** Why a Service that has its address to itself does not put the route here. */
export function whyClaimWithholds({ service, reach, address }: Claim): Withheld | undefined {
  if (!reach.anywhere) {
    return withheldAddress.noEndpoints(address.text);
  }
  return service.externalTrafficPolicy === "Local" && !reach.here
    ? withheldAddress.noLocalEndpoint(address.text)
    : undefined;
}

/** The oldest of the claims that keep the route away from this node. */
function findBlocking(claims: readonly Claim[]): Claim | undefined {
  const local = claims
    .filter(({ service, reach }) => service.externalTrafficPolicy === "Local" && reach.anywhere)
    .sort((a, b) => compareAge(a.service, b.service));
  const absent = local.filter(({ reach }) => !reach.here);
  if (absent.length === 0) {
    return undefined;
  }
  const [oldest] = local;
  return someNodeHasAll(local) || oldest?.reach.here === false ? absent[0] : undefined;
}

function someNodeHasAll(claims: readonly Claim[]): boolean {
  const nodes = claims.map(({ slices, address }) => reachableNodes(slices, address.family));
  const [first = new Set<string>(), ...others] = nodes;
  return [...first].some((node) => others.every((other) => other.has(node)));
}

/** Creation time, then namespace, then name: the order in which the controller serves them too. */
function compareAge(a: Service, b: Service): number {
  return (
    a.creationSeconds - b.creationSeconds ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name)
  );
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
