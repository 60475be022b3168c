import type { BfdProfile } from "../config/model.ts";
import type { Address } from "../net/address.ts";
import { type Prefix, prefixContains } from "../net/prefix.ts";
import type { PlannedSession } from "./peers.ts";

/** What is known of a session only once it is up. */
export interface ConnectedPeer {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly isInternal: boolean;
}

/** The BFD session that goes with a BGP session; the shape is that of `src/bfd/ports.ts`. */
export interface BfdSessionPlan {
  readonly key: string;
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly multihop: boolean;
  readonly minimumTtl: number;
  readonly transmitIntervalMs: number;
  readonly receiveIntervalMs: number;
  readonly detectMultiplier: number;
  readonly passive: boolean;
}

/**
 * Plans the BFD session of a peer with a `bfd-profile`; without one there is none.
 *
 * Multihop (RFC 5883) with `ebgp-multihop`, and with an internal peer that is on no network of
 * `localPrefixes`; else single-hop (RFC 5881), as routers choose, too. Other BGP sessions to an
 * address off the link stay single-hop: the router believes to be on the link (its far side).
 */
export function planBfd(
  { peer, bfdProfile, ebgpMultihop }: PlannedSession,
  { localAddress, remoteAddress, isInternal }: ConnectedPeer,
  localPrefixes: () => readonly Prefix[],
): BfdSessionPlan | undefined {
  if (bfdProfile === undefined) {
    return undefined;
  }
  const isOnLink =
    remoteAddress.zone !== undefined ||
    localPrefixes().some((prefix) => prefixContains(prefix, remoteAddress));
  return {
    key: peer.name,
    localAddress,
    remoteAddress,
    multihop: ebgpMultihop || (isInternal && !isOnLink),
    minimumTtl: bfdProfile.minimumTtl,
    transmitIntervalMs: bfdProfile.transmitIntervalMs,
    receiveIntervalMs: bfdProfile.receiveIntervalMs,
    detectMultiplier: bfdProfile.detectMultiplier,
    passive: bfdProfile.passiveMode,
  };
}

/** For a router whose intervals are somewhat longer than ours: it uses the longer of the two. */
const formerSessionMarginMs = 500;

/**
 * For how long a speaker that has just started does not dial a router with BFD: until the router has
 * noticed that the BFD session of the process before is silent. It keeps our routes meanwhile (RFC
 * 4724); were BGP up again by then, the end of the old BFD session would end it, and the routes go.
 */
export function formerSessionMs(profile: BfdProfile | undefined): number {
  return profile === undefined
    ? 0
    : profile.detectMultiplier * Math.max(profile.receiveIntervalMs, profile.transmitIntervalMs) +
        formerSessionMarginMs;
}
