import type { ReducedSlice } from "../cluster/endpoint.ts";
import type { Service } from "../cluster/service.ts";
import type { Address } from "../net/address.ts";
import { type Reach, reachableNodes } from "./endpoints.ts";
import { type Withheld, withheldAddress } from "./withheld.ts";

/** A Service that has the address in its status, and how its endpoints stand. */
export interface Claim {
  readonly service: Service;
  readonly address: Address;
  readonly slices: readonly ReducedSlice[];
  /** Of the address's family. */
  readonly reach: Reach;
  /** Why the Service would not put the route here if it had the address to itself. */
  readonly own: Withheld | undefined;
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
  return claims.map(({ own, address }) =>
    own === undefined && blocking !== undefined
      ? withheldAddress.sharedElsewhere(address.text, blocking.service.key)
      : own,
  );
}

/** Why a Service that has its address to itself does not put the route here. */
export function whyClaimWithholds({
  service,
  reach,
  address,
}: Omit<Claim, "own">): Withheld | undefined {
  if (!reach.anywhere) {
    return withheldAddress.noEndpoints(address.text);
  }
  return service.externalTrafficPolicy === "Local" && !reach.here
    ? withheldAddress.noLocalEndpoint(address.text)
    : undefined;
}

/**
 * The nodes on which `settleClaims` puts the address; `any`: wherever a node may advertise. An
 * endpoint that ends is none, unless no other is left.
 */
export function nodesThatServe(claims: readonly Claim[]): ReadonlySet<string> | "any" {
  const local = localClaims(claims);
  const [oldest] = local;
  if (oldest === undefined) {
    return claims.some(({ reach }) => reach.anywhere) ? "any" : new Set();
  }
  const common = commonNodes(local);
  return common.size > 0 ? common : nodesOf(oldest);
}

/** The oldest of the claims that keep the route away from this node. */
function findBlocking(claims: readonly Claim[]): Claim | undefined {
  const local = localClaims(claims);
  const absent = local.filter(({ reach }) => !reach.here);
  if (absent.length === 0) {
    return undefined;
  }
  const [oldest] = local;
  return commonNodes(local).size > 0 || oldest?.reach.here === false ? absent[0] : undefined;
}

/** The claims that decide where the address is, the oldest first. */
function localClaims(claims: readonly Claim[]): readonly Claim[] {
  return claims
    .filter(({ service, reach }) => service.externalTrafficPolicy === "Local" && reach.anywhere)
    .sort((a, b) => compareAge(a.service, b.service));
}

/** The nodes that each of the claims reaches. */
function commonNodes(claims: readonly Claim[]): ReadonlySet<string> {
  const [first = new Set<string>(), ...others] = claims.map(nodesOf);
  return new Set([...first].filter((node) => others.every((other) => other.has(node))));
}

function nodesOf({ slices, address }: Claim): ReadonlySet<string> {
  return reachableNodes(slices, address.family);
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
