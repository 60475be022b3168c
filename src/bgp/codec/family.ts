import type { AddressFamily } from "../../net/address.ts";
import { Afi, Safi } from "./iana.ts";

/** Address Family Identifier and Subsequent AFI, as on the wire (RFC 4760 §3). */
export interface WireFamily {
  readonly afi: number;
  readonly safi: number;
}

/** Unicast routes of `family`. */
export function wireFamily(family: AddressFamily): WireFamily {
  return { afi: family === "ipv4" ? Afi.Ipv4 : Afi.Ipv6, safi: Safi.Unicast };
}

/** The family whose unicast routes are meant; undefined for all that we do not speak. */
export function familyOf({ afi, safi }: WireFamily): AddressFamily | undefined {
  if (safi !== Safi.Unicast) {
    return undefined;
  }
  return afi === Afi.Ipv4 ? "ipv4" : afi === Afi.Ipv6 ? "ipv6" : undefined;
}
