import { headerError, NotificationError } from "./error.ts";
import type { WireFamily } from "./family.ts";
import {
  ErrorCode,
  HeaderError,
  headerOctets,
  MessageType,
  RefreshSubtype,
  RouteRefreshError,
} from "./iana.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** RFC 2918 §3: please send your routes of this family again. */
export interface RouteRefresh extends WireFamily {
  readonly type: "ROUTE-REFRESH";
  /** RFC 7313 §3.2: 0 asks, 1 begins and 2 ends the answer; others are to be ignored. */
  readonly subtype: number;
}

/**
 * Decodes the body of a ROUTE-REFRESH.
 *
 *     +-------------------------+
 *     | AFI (2 octets)          |
 *     | Message Subtype (1)     |   reserved before RFC 7313
 *     | SAFI (1 octet)          |
 *     +-------------------------+
 *
 * @throws NotificationError ROUTE-REFRESH Message Error, Invalid Message Length, with the whole
 *   message as data, if it begins or ends a refresh and is too long (RFC 7313 §5); Message Header
 *   Error, Bad Message Length, if it asks for one and is too long
 */
export function decodeRouteRefresh(body: Uint8Array): RouteRefresh {
  const reader = new Reader(body, () => new RangeError("a ROUTE-REFRESH without a family"));
  const afi = reader.uint16();
  const subtype = reader.uint8();
  const safi = reader.uint8();
  if (reader.remaining > 0) {
    throw tooLong(subtype, body);
  }
  return { type: "ROUTE-REFRESH", afi, safi, subtype };
}

function tooLong(subtype: number, body: Uint8Array): NotificationError {
  const message = `a ROUTE-REFRESH with ${body.length} octets behind its header`;
  const length = headerOctets + body.length;
  const lengthField = [length >>> 8, length & 0xff] as const;
  if (subtype !== RefreshSubtype.Begin && subtype !== RefreshSubtype.End) {
    return headerError(HeaderError.BadMessageLength, message, Uint8Array.from(lengthField));
  }
  const whole = new Uint8Array(length).fill(0xff, 0, 16);
  whole.set([...lengthField, MessageType.RouteRefresh], 16);
  whole.set(body, headerOctets);
  return new NotificationError(
    ErrorCode.RouteRefreshMessage,
    RouteRefreshError.InvalidMessageLength,
    message,
    whole,
  );
}

export function encodeRouteRefresh(refresh: RouteRefresh, writer: Writer): void {
  writer.uint16(refresh.afi);
  writer.uint8(refresh.subtype);
  writer.uint8(refresh.safi);
}
