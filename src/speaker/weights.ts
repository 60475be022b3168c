import type { Route, RouteAttributes } from "../bgp/route.ts";
import type { ReducedSlice } from "../cluster/endpoint.ts";
import type { SentWeight, SpeakerSnapshot } from "../cluster/snapshot.ts";
import type { PoolConfig } from "../config/model.ts";
import { type AddressFamily, addressBits } from "../net/address.ts";
import type { PoolClaim } from "./standing.ts";

/**
 * What one endpoint counts in a link bandwidth. Whole Mbit/s, for routers that round; so little that
 * routers that keep octets per second in 32 bits have room for `mostEndpoints`.
 */
export const octetsPerEndpoint = 1_000_000;
/** More endpoints on one node are told as so many. */
export const mostEndpoints = 4_000;
/** A weight changes at most once in so long: each change may move flows on the router. */
export const weightRestMs = 30_000;

/** Of one address. */
export interface Weight {
  /** What its routes carry, at least 1. */
  readonly count: number;
  /** What they will carry when the rest after the last change is over; often the same. */
  readonly wanted: number;
}

/** The weights of one decision. */
export class Weights {
  /** By address: those that are sent. */
  readonly byAddress = new Map<string, Weight>();
  readonly #sent: ReadonlyMap<string, SentWeight>;
  readonly #nowMs: number;

  constructor({ weights, nowMs }: Pick<SpeakerSnapshot, "weights" | "nowMs">) {
    this.#sent = weights;
    this.#nowMs = nowMs;
  }

  /**
   * What the routes of an address carry that these Services, all that have it, put here; undefined:
   * nothing. It is the smallest count of those with externalTrafficPolicy `Local`: with `Cluster`
   * this node hands traffic on to all endpoints, wherever they are.
   */
  settle(claims: readonly PoolClaim[]): number | undefined {
    const [first] = claims;
    if (first === undefined || !first.candidate.pool.weights) {
      return undefined;
    }
    const counts = claims
      .filter(({ service }) => service.externalTrafficPolicy === "Local")
      .map(({ slices, address }) => countLocal(slices, address.family))
      .filter((count) => count > 0);
    if (counts.length === 0) {
      return undefined;
    }
    const { text } = first.candidate;
    const wanted = Math.min(mostEndpoints, ...counts);
    const before = this.#sent.get(text);
    const rests = before !== undefined && this.#nowMs < before.changedMs + weightRestMs;
    const count = rests ? before.count : wanted;
    this.byAddress.set(text, { count, wanted });
    return count;
  }
}

/**
 * How many endpoints of `family` on this node take traffic: the ready ones or, if none is, those
 * that serve while they terminate. One in several slices counts once.
 */
export function countLocal(slices: readonly ReducedSlice[], family: AddressFamily): number {
  const local = slices.flatMap((slice) => (slice.family === family ? slice.local : []));
  const ready = local.filter((endpoint) => endpoint.ready);
  return new Set((ready.length > 0 ? ready : local).map(({ address }) => address)).size;
}

/** The sent weights after `weights` were carried out at `nowMs`. The first one is no change. */
export function nextSentWeights(
  sent: ReadonlyMap<string, SentWeight>,
  weights: ReadonlyMap<string, Weight>,
  nowMs: number,
): ReadonlyMap<string, SentWeight> {
  return new Map(
    [...weights].map(([address, { count }]) => {
      const before = sent.get(address);
      const changedMs = before === undefined ? -Infinity : nowMs;
      return [address, before?.count === count ? before : { count, changedMs }];
    }),
  );
}

/** When the first weight that rests may change; undefined: none wants to. */
export function nextWeightChangeMs(
  sent: ReadonlyMap<string, SentWeight>,
  weights: ReadonlyMap<string, Weight>,
): number | undefined {
  const due = [...weights].flatMap(([address, { count, wanted }]) =>
    count === wanted ? [] : [(sent.get(address)?.changedMs ?? -Infinity) + weightRestMs],
  );
  return due.length === 0 ? undefined : Math.min(...due);
}

/** Those of an address with a weight on them; its aggregates stay as they are. */
export function weighRoutes(
  routes: readonly Route[],
  count: number | undefined,
  pool: PoolConfig,
): readonly Route[] {
  return count === undefined
    ? routes
    : routes.map((route) =>
        route.prefix.length === addressBits[route.prefix.family]
          ? {
              prefix: route.prefix,
              attributes: weighAttributes(route.attributes, count, pool.weightCommunity),
            }
          : route,
      );
}

const memo = new WeakMap<RouteAttributes, Map<string, RouteAttributes>>();

/** Equal arguments give the same object, so that routes with equal attributes are cheap to pack. */
function weighAttributes(
  attributes: RouteAttributes,
  count: number,
  community: number | undefined,
): RouteAttributes {
  let known = memo.get(attributes);
  if (known === undefined) {
    known = new Map();
    memo.set(attributes, known);
  }
  const key = `${count} ${community}`;
  let weighed = known.get(key);
  if (weighed === undefined) {
    weighed = {
      ...attributes,
      linkBandwidth: count * octetsPerEndpoint,
      communities:
        community === undefined
          ? attributes.communities
          : withCommunity(attributes.communities, community * 0x1_0000 + count),
    };
    known.set(key, weighed);
  }
  return weighed;
}

function withCommunity(communities: readonly number[], community: number): readonly number[] {
  return [...new Set([...communities, community])].sort((a, b) => a - b);
}
