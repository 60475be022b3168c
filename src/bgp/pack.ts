import type { AddressFamily } from "../net/address.ts";
import type { Prefix } from "../net/prefix.ts";
import { wireFamily } from "./codec/family.ts";
import { AttributeCode, AttributeFlag, headerOctets, MessageType } from "./codec/iana.ts";
import { writeHeader } from "./codec/message.ts";
import { encodePrefix, prefixOctets } from "./codec/nlri.ts";
import { encodeRouteRefresh } from "./codec/route-refresh.ts";
import type { Writer } from "./codec/writer.ts";

/** Path attributes as they stand in each UPDATE that has them: encoded once. */
export interface AttributeSet {
  readonly family: AddressFamily;
  /** All but MP_REACH_NLRI. */
  readonly octets: Uint8Array;
  /**
   * MP_REACH_NLRI's value up to its prefixes; absent if the prefixes go to the NLRI field, behind a
   * NEXT_HOP in `octets`.
   */
  readonly mpReachHead?: Uint8Array;
}

/** Only the prefix matters here, so that callers keep their own lists. */
export interface PrefixHolder {
  readonly prefix: Prefix;
}

const longOptional = AttributeFlag.Optional | AttributeFlag.ExtendedLength;
/** Header, Withdrawn Routes Length, Total Path Attribute Length. */
const fixedOctets = headerOctets + 4;
/** Flags, type and a length of two octets. */
const longAttributeHeadOctets = 4;
const longestPrefixOctets = 17;

/** Whether an UPDATE of at most `maxOctets` has room for a prefix behind these attributes. */
export function leavesRoomForPrefix(set: AttributeSet, maxOctets: number): boolean {
  const mpReach =
    set.mpReachHead === undefined ? 0 : longAttributeHeadOctets + set.mpReachHead.length;
  return fixedOctets + set.octets.length + mpReach + longestPrefixOctets <= maxOctets;
}

/**
 * Writes one UPDATE of at most `maxOctets` that advertises what `packInto` writes: prefixes, up to a
 * length of the writer. MP_REACH_NLRI stands first among its attributes (RFC 7606 §5.1).
 *
 * @returns what `packInto` returned
 */
export function packAdvertisement(
  writer: Writer,
  set: AttributeSet,
  packInto: (end: number) => number,
  maxOctets: number,
): number {
  const start = writer.length;
  const lengthAt = writeHeader(writer, MessageType.Update);
  writer.uint16(0);
  const { mpReachHead } = set;
  let packed = 0;
  if (mpReachHead === undefined) {
    writer.field16(() => writer.bytes(set.octets));
    packed = packInto(start + maxOctets);
  } else {
    writer.field16(() => {
      writer.uint8(longOptional);
      writer.uint8(AttributeCode.MpReach);
      writer.field16(() => {
        writer.bytes(mpReachHead);
        packed = packInto(start + maxOctets - set.octets.length);
      });
      writer.bytes(set.octets);
    });
  }
  writer.patchUint16(lengthAt, writer.length - start);
  return packed;
}

/**
 * Writes one UPDATE of at most `maxOctets` that withdraws `holders` from `from` on, as many as fit.
 *
 * @returns how many it holds
 */
export function packWithdrawal(
  writer: Writer,
  family: AddressFamily,
  holders: readonly PrefixHolder[],
  from: number,
  maxOctets: number,
): number {
  const start = writer.length;
  const lengthAt = writeHeader(writer, MessageType.Update);
  let packed = 0;
  if (family === "ipv4") {
    writer.field16(() => {
      packed = packPrefixes(writer, holders, from, start + maxOctets - 2);
    });
    writer.uint16(0);
  } else {
    packed = packMpUnreach(writer, family, holders, from, start + maxOctets);
  }
  writer.patchUint16(lengthAt, writer.length - start);
  return packed;
}

/** Writes End-of-RIB (RFC 4724 §2): an empty UPDATE, or an empty MP_UNREACH_NLRI. */
export function packEndOfRib(writer: Writer, family: AddressFamily): void {
  packWithdrawal(writer, family, [], 0, 0);
}

/** Writes a ROUTE-REFRESH. */
export function packRouteRefresh(writer: Writer, family: AddressFamily, subtype: number): void {
  const start = writer.length;
  const lengthAt = writeHeader(writer, MessageType.RouteRefresh);
  encodeRouteRefresh({ type: "ROUTE-REFRESH", ...wireFamily(family), subtype }, writer);
  writer.patchUint16(lengthAt, writer.length - start);
}

function packMpUnreach(
  writer: Writer,
  family: AddressFamily,
  holders: readonly PrefixHolder[],
  from: number,
  end: number,
): number {
  let packed = 0;
  writer.uint16(0);
  writer.field16(() => {
    writer.uint8(longOptional);
    writer.uint8(AttributeCode.MpUnreach);
    writer.field16(() => {
      const { afi, safi } = wireFamily(family);
      writer.uint16(afi);
      writer.uint8(safi);
      packed = packPrefixes(writer, holders, from, end);
    });
  });
  return packed;
}

/**
 * Writes the prefixes of `holders` from `from` on, up to the writer's length `end`.
 *
 * @returns how many
 */
export function packPrefixes(
  writer: Writer,
  holders: readonly PrefixHolder[],
  from: number,
  end: number,
): number {
  let next = from;
  for (let holder = holders[next]; holder !== undefined; holder = holders[next]) {
    if (writer.length + prefixOctets(holder.prefix) > end) {
      break;
    }
    encodePrefix(holder.prefix, writer);
    next += 1;
  }
  return next - from;
}

/**
 * The same of prefixes that were encoded beforehand: `octets` begins with that at `from`.
 *
 * @returns how many
 */
export function packEncoded(
  writer: Writer,
  holders: readonly PrefixHolder[],
  from: number,
  octets: Uint8Array,
  end: number,
): number {
  const room = end - writer.length;
  let length = 0;
  let next = from;
  for (let holder = holders[next]; holder !== undefined; holder = holders[next]) {
    const longer = length + prefixOctets(holder.prefix);
    if (longer > room) {
      break;
    }
    length = longer;
    next += 1;
  }
  writer.bytes(octets.subarray(0, length));
  return next - from;
}
