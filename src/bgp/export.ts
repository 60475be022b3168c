import type { AddressFamily } from "../net/address.ts";
import { repeatedAsn } from "./codec/as-path.ts";
import type { PathAttributes } from "./codec/attribute.ts";
import { asTrans } from "./codec/iana.ts";
import type { RouteAttributes } from "./route.ts";

export type LinkBandwidthForm = "auto" | "transitive" | "non-transitive" | "off";

/** What a session adds to each route, or keeps from it. */
export interface ExportTerms {
  readonly localAsn: number;
  readonly internal: boolean;
  readonly fourOctetAsn: boolean;
  readonly families: readonly AddressFamily[];
  readonly linkBandwidth: LinkBandwidthForm;
}

/**
 * The path attributes of a route towards this peer, without NEXT_HOP and MP_REACH_NLRI.
 *
 * AS_PATH holds our AS for external peers and is empty for internal ones (RFC 4271 §5.1.2);
 * LOCAL_PREF goes to internal peers only (§5.1.5). AS4_PATH goes to a peer of two-octet AS numbers
 * if ours does not fit (RFC 6793 §4.2.2).
 */
export function exportAttributes(route: RouteAttributes, terms: ExportTerms): PathAttributes {
  const { localAsn, internal, fourOctetAsn } = terms;
  const asPath = internal ? [] : repeatedAsn(localAsn, 1 + route.prepend);
  const needsAs4Path = !internal && !fourOctetAsn && localAsn > 0xffff;
  const bandwidth = linkBandwidthCommunity(route, terms);
  return {
    origin: "incomplete",
    asPath,
    ...(route.med !== undefined && { multiExitDisc: route.med }),
    ...(internal && { localPref: route.localPref }),
    ...(route.communities.length > 0 && { communities: route.communities }),
    ...(bandwidth !== undefined && { extendedCommunities: [bandwidth] }),
    ...(needsAs4Path && { as4Path: asPath }),
    ...(route.largeCommunities.length > 0 && { largeCommunities: route.largeCommunities }),
    unknown: [],
  };
}

/**
 * Link bandwidth as an extended community: type (0x40 non-transitive, 0x00 transitive), subtype
 * 0x04, two octets of AS number, octets per second as an IEEE float (draft-ietf-idr-link-bandwidth).
 */
function linkBandwidthCommunity(
  { linkBandwidth: octetsPerSecond }: RouteAttributes,
  { linkBandwidth: form, localAsn, internal }: ExportTerms,
): bigint | undefined {
  if (octetsPerSecond === undefined || form === "off") {
    return undefined;
  }
  const isTransitive = form === "transitive" || (form === "auto" && !internal);
  const view = new DataView(new ArrayBuffer(8));
  view.setUint16(0, isTransitive ? 0x0004 : 0x4004);
  view.setUint16(2, localAsn > 0xffff ? asTrans : localAsn);
  view.setFloat32(4, octetsPerSecond);
  return view.getBigUint64(0);
}
