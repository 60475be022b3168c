import type { Prefix } from "../net/prefix.ts";

/**
 * A route that we want a peer to have.
 *
 * It says what the one who advertises decides. AS_PATH, ORIGIN and NEXT_HOP follow from the session
 * (internal or external peer, its addresses) and are added there; LOCAL_PREF goes to internal peers
 * only (RFC 4271 §5.1.5).
 */
export interface Route {
  readonly prefix: Prefix;
  readonly attributes: RouteAttributes;
}

/** Lists are sorted and without repetition, so that routes are equal when their members are. */
export interface RouteAttributes {
  /** 0 to 2^32-1 (RFC 4271 §5.1.5). */
  readonly localPref: number;
  /** 0 to 2^32-1, or absent (RFC 4271 §5.1.4). */
  readonly med?: number;
  /** How often our AS stands in AS_PATH beyond once; external peers only. */
  readonly prepend: number;
  /** RFC 1997, each as a 32-bit number. */
  readonly communities: readonly number[];
  /** RFC 8092. */
  readonly largeCommunities: readonly LargeCommunity[];
  /** Octets per second, for the link bandwidth extended community; absent: not sent. */
  readonly linkBandwidth?: number;
}

/** Three 32-bit numbers, written `global:local1:local2` (RFC 8092 §3). */
export type LargeCommunity = readonly [number, number, number];
