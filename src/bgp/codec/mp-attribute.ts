import type { AddressFamily } from "../../net/address.ts";
import { type Address, addressFromOctets, addressOctets } from "../../net/address.ts";
import { updateError } from "./error.ts";
import { familyOf, type WireFamily, wireFamily } from "./family.ts";
import { UpdateError } from "./iana.ts";
import { decodePrefixes, encodePrefix, type PrefixList } from "./nlri.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** A family that we do not speak: what followed AFI and SAFI, not looked at. */
export interface OtherFamily extends WireFamily {
  readonly type: "other";
  readonly octets: Uint8Array;
}

/** MP_REACH_NLRI (RFC 4760 §3). */
export type MpReach =
  | {
      readonly type: "unicast";
      readonly family: AddressFamily;
      /** IPv6 for IPv4 routes only where RFC 8950 was negotiated. */
      readonly nextHop: Address;
      /** Beside a global IPv6 next hop (RFC 2545 §3). */
      readonly linkLocal?: Address;
      readonly prefixes: PrefixList;
    }
  | OtherFamily;

/** MP_UNREACH_NLRI (RFC 4760 §4); without prefixes it is End-of-RIB (RFC 4724 §2). */
export type MpUnreach =
  | {
      readonly type: "unicast";
      readonly family: AddressFamily;
      readonly prefixes: PrefixList;
    }
  | OtherFamily;

/**
 * Decodes MP_REACH_NLRI.
 *
 *     +-----------------------------------------------+
 *     | AFI (2 octets)                                |
 *     | SAFI (1 octet)                                |
 *     | Length of Next Hop Network Address (1 octet)  |   4; 16; 32 with a link-local address
 *     | Network Address of Next Hop (variable)        |
 *     | Reserved (1 octet)                            |
 *     | Network Layer Reachability Information        |
 *     +-----------------------------------------------+
 *
 * With another next hop length we cannot tell where the prefixes start (RFC 7606 §7.11).
 *
 * @throws NotificationError UPDATE Message Error
 */
export function decodeMpReach(reader: Reader): MpReach {
  const wire = { afi: reader.uint16(), safi: reader.uint8() };
  const family = familyOf(wire);
  if (family === undefined) {
    return { type: "other", ...wire, octets: new Uint8Array(reader.rest()) };
  }
  const length = reader.uint8();
  if (length !== 16 && length !== 32 && !(length === 4 && family === "ipv4")) {
    throw updateError(UpdateError.OptionalAttributeError, `a next hop of ${length} octets`);
  }
  const nextHop =
    length === 4
      ? addressFromOctets("ipv4", reader.bytes(4))
      : addressFromOctets("ipv6", reader.bytes(16));
  const linkLocal = length === 32 ? addressFromOctets("ipv6", reader.bytes(16)) : undefined;
  reader.uint8();
  const prefixes = decodePrefixes(reader, family);
  return { type: "unicast", family, nextHop, ...(linkLocal && { linkLocal }), prefixes };
}

export function encodeMpReach(reach: MpReach, writer: Writer): void {
  if (reach.type === "other") {
    encodeOther(reach, writer);
    return;
  }
  encodeMpReachHead(reach.family, reach.nextHop, reach.linkLocal, writer);
  for (const prefix of reach.prefixes) {
    encodePrefix(prefix, writer);
  }
}

/** All of MP_REACH_NLRI up to its prefixes. */
export function encodeMpReachHead(
  family: AddressFamily,
  nextHop: Address,
  linkLocal: Address | undefined,
  writer: Writer,
): void {
  encodeFamily(wireFamily(family), writer);
  writer.field8(() => {
    writer.bytes(addressOctets(nextHop));
    if (linkLocal !== undefined) {
      writer.bytes(addressOctets(linkLocal));
    }
  });
  writer.uint8(0);
}

/**
 * Decodes MP_UNREACH_NLRI: AFI (2 octets), SAFI (1 octet), Withdrawn Routes (RFC 4760 §4).
 *
 * @throws NotificationError UPDATE Message Error
 */
export function decodeMpUnreach(reader: Reader): MpUnreach {
  const wire = { afi: reader.uint16(), safi: reader.uint8() };
  const family = familyOf(wire);
  return family === undefined
    ? { type: "other", ...wire, octets: new Uint8Array(reader.rest()) }
    : { type: "unicast", family, prefixes: decodePrefixes(reader, family) };
}

export function encodeMpUnreach(unreach: MpUnreach, writer: Writer): void {
  if (unreach.type === "other") {
    encodeOther(unreach, writer);
    return;
  }
  encodeFamily(wireFamily(unreach.family), writer);
  for (const prefix of unreach.prefixes) {
    encodePrefix(prefix, writer);
  }
}

function encodeOther(other: OtherFamily, writer: Writer): void {
  encodeFamily(other, writer);
  writer.bytes(other.octets);
}

function encodeFamily({ afi, safi }: WireFamily, writer: Writer): void {
  writer.uint16(afi);
  writer.uint8(safi);
}
