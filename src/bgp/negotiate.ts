import type { Address, AddressFamily } from "../net/address.ts";
import type { AttributeContext } from "./codec/attribute.ts";
import type { Capability } from "./codec/capability.ts";
import { encodeCapability } from "./codec/capability.ts";
import { openError } from "./codec/error.ts";
import { familyOf, wireFamily } from "./codec/family.ts";
import {
  Afi,
  asTrans,
  maxExtendedMessageOctets,
  maxMessageOctets,
  OpenError,
} from "./codec/iana.ts";
import type { Open } from "./codec/open.ts";
import { Writer } from "./codec/writer.ts";

/** What our OPEN says and what theirs must. */
export interface OpenTerms {
  readonly localAsn: number;
  /** `external`: any but `localAsn`; `internal`: `localAsn`. */
  readonly peerAsn: number | "external" | "internal";
  readonly holdTimeSeconds: number;
  readonly keepaliveTimeSeconds?: number;
  readonly routerId: Address;
  readonly families: readonly AddressFamily[];
  /** The session runs over IPv6, so IPv4 routes may come to need an IPv6 next hop (RFC 8950). */
  readonly offerExtendedNextHop: boolean;
  readonly gracefulRestart?: {
    readonly restartTimeSeconds: number;
    /** This is the first session since the process started. */
    readonly restarted: boolean;
    /** What the host forwards outlived the restart. */
    readonly forwarding: boolean;
  };
  readonly hostname: string;
}

/** What both sides agreed on for one connection. */
export interface Negotiated {
  readonly peerAsn: number;
  readonly peerRouterId: Address;
  /** The peer is of our AS. */
  readonly internal: boolean;
  /** The smaller of the two; 0: no liveness check (RFC 4271 §4.2). */
  readonly holdTimeSeconds: number;
  /** 0 with Hold Time 0. */
  readonly keepaliveTimeSeconds: number;
  /** Families that both sides offered. */
  readonly families: readonly AddressFamily[];
  readonly fourOctetAsn: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessages: boolean;
  /** IPv4 routes may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** The peer keeps our routes over a restart of ours for this long (RFC 4724); absent: it does not. */
  readonly gracefulRestart?: {
    readonly peerRestartTimeSeconds: number;
    /** The peer keeps ours over a restart of its own, too: it named address families. */
    readonly peerRestartsGracefully: boolean;
  };
  readonly peerHostname?: string;
}

const maxHostnameOctets = 64;

/** Our OPEN. */
export function makeOpen(terms: OpenTerms): Open {
  const { localAsn, holdTimeSeconds, routerId } = terms;
  const asn = localAsn > 0xffff ? asTrans : localAsn;
  return { type: "OPEN", asn, holdTimeSeconds, routerId, capabilities: offeredCapabilities(terms) };
}

function offeredCapabilities(terms: OpenTerms): Capability[] {
  const capabilities: Capability[] = [
    ...multiprotocolCapabilities(terms.families),
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "extended-message" },
    { type: "four-octet-asn", asn: terms.localAsn },
    { type: "hostname", hostname: terms.hostname.slice(0, maxHostnameOctets), domain: "" },
  ];
  if (terms.offerExtendedNextHop && terms.families.includes("ipv4")) {
    const entries = [{ ...wireFamily("ipv4"), nextHopAfi: Afi.Ipv6 }];
    capabilities.push({ type: "extended-next-hop", entries });
  }
  const restart = terms.gracefulRestart;
  if (restart !== undefined) {
    capabilities.push({
      type: "graceful-restart",
      restarted: restart.restarted,
      // With RFC 8538 a router would keep the routes of a node that died in order.
      notification: false,
      restartTimeSeconds: restart.restartTimeSeconds,
      families: terms.families.map((family) => ({
        ...wireFamily(family),
        forwarding: restart.forwarding,
      })),
    });
  }
  return capabilities;
}

function multiprotocolCapabilities(families: readonly AddressFamily[]): Capability[] {
  return families.map((family) => ({ type: "multiprotocol", ...wireFamily(family) }));
}

/**
 * Judges the peer's OPEN against our terms.
 *
 * Deviation: RFC 5492 §3 says that a speaker whose OPEN was refused for its capabilities should come
 * back without them. We do not, because no router of this century refuses them, and without them
 * there are neither IPv6 nor four-octet AS numbers.
 *
 * @throws NotificationError Bad Peer AS, Bad BGP Identifier (RFC 6286 §2.2), or Unsupported
 *   Capability with the families that we need one of (RFC 5492 §5)
 */
export function negotiate(terms: OpenTerms, theirs: Open): Negotiated {
  const { capabilities } = theirs;
  const peerAsn = capabilityOf(capabilities, "four-octet-asn")?.asn ?? theirs.asn;
  checkPeerAsn(terms, peerAsn);
  const internal = peerAsn === terms.localAsn;
  if (internal && theirs.routerId.value === terms.routerId.value) {
    throw openError(
      OpenError.BadBgpIdentifier,
      `the peer's BGP Identifier ${theirs.routerId.text} is our own`,
    );
  }
  const holdTimeSeconds = Math.min(terms.holdTimeSeconds, theirs.holdTimeSeconds);
  const hostname = capabilityOf(capabilities, "hostname")?.hostname;
  const restart = terms.gracefulRestart && capabilityOf(capabilities, "graceful-restart");
  return {
    peerAsn,
    peerRouterId: theirs.routerId,
    internal,
    holdTimeSeconds,
    // RFC 4271 §4.4: a third of the Hold Time is a reasonable maximum.
    keepaliveTimeSeconds: Math.min(terms.keepaliveTimeSeconds ?? Infinity, holdTimeSeconds / 3),
    families: commonFamilies(terms, capabilities),
    fourOctetAsn: capabilityOf(capabilities, "four-octet-asn") !== undefined,
    routeRefresh: capabilityOf(capabilities, "route-refresh") !== undefined,
    enhancedRouteRefresh: capabilityOf(capabilities, "enhanced-route-refresh") !== undefined,
    extendedMessages: capabilityOf(capabilities, "extended-message") !== undefined,
    extendedNextHop: terms.offerExtendedNextHop && takesIpv6NextHop(capabilities),
    ...(restart && {
      gracefulRestart: {
        peerRestartTimeSeconds: restart.restartTimeSeconds,
        peerRestartsGracefully: restart.families.length > 0,
      },
    }),
    ...(hostname && { peerHostname: hostname }),
  };
}

/** What path attributes look like on the connection; before negotiation there are none. */
export function attributeContext(negotiated: Negotiated | undefined): AttributeContext {
  const { fourOctetAsn = true, internal = false } = negotiated ?? {};
  return { asnOctets: fourOctetAsn ? 4 : 2, internal };
}

/** The limit for messages to the peer (RFC 8654 §4). */
export function maxOctetsToPeer(negotiated: Negotiated): number {
  return negotiated.extendedMessages ? maxExtendedMessageOctets : maxMessageOctets;
}

/** The last one counts, where several are sent (RFC 4724 §3). */
function capabilityOf<Type extends Capability["type"]>(
  capabilities: readonly Capability[],
  type: Type,
): Extract<Capability, { type: Type }> | undefined {
  const isOfType = (one: Capability): one is Extract<Capability, { type: Type }> =>
    one.type === type;
  return capabilities.findLast(isOfType);
}

/** RFC 4271 §6.2, RFC 7607 §2 (AS 0), RFC 6793 §9 (AS_TRANS is nobody's). */
function checkPeerAsn(terms: OpenTerms, peerAsn: number): void {
  const isWanted =
    terms.peerAsn === "external"
      ? peerAsn !== terms.localAsn
      : peerAsn === (terms.peerAsn === "internal" ? terms.localAsn : terms.peerAsn);
  if (!isWanted || peerAsn === 0 || peerAsn === asTrans) {
    throw openError(
      OpenError.BadPeerAs,
      `the peer is of AS ${peerAsn}, expected ${terms.peerAsn} (we are AS ${terms.localAsn})`,
      peerAsn > 0xffff
        ? Uint8Array.of(peerAsn >>> 24, peerAsn >>> 16, peerAsn >>> 8, peerAsn)
        : Uint8Array.of(peerAsn >>> 8, peerAsn),
    );
  }
}

/** A peer that offers no family at all speaks IPv4 unicast (RFC 4760 §8). */
function commonFamilies(
  terms: OpenTerms,
  capabilities: readonly Capability[],
): readonly AddressFamily[] {
  const offered = capabilities.filter((one) => one.type === "multiprotocol");
  const theirs = offered.length === 0 ? ["ipv4"] : offered.map((one) => familyOf(one));
  const common = terms.families.filter((family) => theirs.includes(family));
  if (common.length === 0) {
    const ours = new Writer();
    for (const capability of multiprotocolCapabilities(terms.families)) {
      encodeCapability(capability, ours);
    }
    throw openError(
      OpenError.UnsupportedCapability,
      `the peer offers none of ${terms.families.join(", ")}`,
      ours.toBytes(),
    );
  }
  return common;
}

function takesIpv6NextHop(capabilities: readonly Capability[]): boolean {
  const entries = capabilityOf(capabilities, "extended-next-hop")?.entries ?? [];
  return entries.some((entry) => familyOf(entry) === "ipv4" && entry.nextHopAfi === Afi.Ipv6);
}
