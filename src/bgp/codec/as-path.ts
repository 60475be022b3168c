import { updateError } from "./error.ts";
import { asTrans, SegmentCode, UpdateError } from "./iana.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** RFC 4271 §4.3 b). An empty path is that of a route of the sender's own AS. */
export type AsPath = readonly AsPathSegment[];

export interface AsPathSegment {
  readonly type: "sequence" | "set";
  /** 1 to 255 AS numbers. */
  readonly asns: readonly number[];
}

/** AS numbers have two octets towards a speaker that does not know more (RFC 6793 §4.2). */
export type AsnOctets = 2 | 4;

const maxSegmentAsns = 255;

/**
 * Decodes the segments that fill the rest of `reader`.
 *
 *     +------------------------------+
 *     | Segment Type (1 octet)       |
 *     | Segment Length (1 octet)     |   in AS numbers
 *     | Segment Value (2 or 4 each)  |
 *     +------------------------------+
 *
 * Segments of a confederation are malformed here: we are never in one (RFC 5065 §5).
 *
 * @throws NotificationError UPDATE Message Error, Malformed AS_PATH (3/11; RFC 7606 §7.2), or what
 *   `reader` throws at its end
 */
export function decodeAsPath(reader: Reader, asnOctets: AsnOctets): AsPathSegment[] {
  const path: AsPathSegment[] = [];
  while (reader.remaining > 0) {
    const code = reader.uint8();
    if (code !== SegmentCode.Sequence && code !== SegmentCode.Set) {
      throw updateError(UpdateError.MalformedAsPath, `a segment of type ${code}`);
    }
    const count = reader.uint8();
    if (count === 0) {
      throw updateError(UpdateError.MalformedAsPath, "a segment without AS numbers");
    }
    const asns: number[] = [];
    while (asns.length < count) {
      asns.push(decodeAsn(reader, asnOctets));
    }
    path.push({ type: code === SegmentCode.Sequence ? "sequence" : "set", asns });
  }
  return path;
}

/** @throws NotificationError Malformed AS_PATH for AS 0, which is nobody's (RFC 7607 §2) */
export function decodeAsn(reader: Reader, asnOctets: AsnOctets): number {
  const asn = asnOctets === 4 ? reader.uint32() : reader.uint16();
  if (asn === 0) {
    throw updateError(UpdateError.MalformedAsPath, "AS 0 (RFC 7607 §2)");
  }
  return asn;
}

/** Numbers that do not fit become AS_TRANS (RFC 6793 §4.2.2). */
export function encodeAsPath(path: AsPath, asnOctets: AsnOctets, writer: Writer): void {
  for (const { type, asns } of path) {
    writer.uint8(type === "sequence" ? SegmentCode.Sequence : SegmentCode.Set);
    writer.uint8(asns.length);
    for (const asn of asns) {
      encodeAsn(asn, asnOctets, writer);
    }
  }
}

export function encodeAsn(asn: number, asnOctets: AsnOctets, writer: Writer): void {
  if (asnOctets === 4) {
    writer.uint32(asn);
  } else {
    writer.uint16(asn > 0xffff ? asTrans : asn);
  }
}

/** A path of `count` times `asn`, in as few segments as it takes (RFC 4271 §5.1.2). */
export function repeatedAsn(asn: number, count: number): AsPath {
  const path: AsPathSegment[] = [];
  for (let left = count; left > 0; left -= maxSegmentAsns) {
    const asns = Array.from({ length: Math.min(left, maxSegmentAsns) }, () => asn);
    path.push({ type: "sequence", asns });
  }
  return path;
}

/** `64512 64513 {1 2}`: sequences plain, sets in braces, as routers show them. */
export function asPathText(path: AsPath): string {
  return path
    .map(({ type, asns }) => (type === "set" ? `{${asns.join(" ")}}` : asns.join(" ")))
    .join(" ");
}
