import {
  type Address,
  type AddressFamily,
  addressBits,
  addressFromOctets,
  makeAddress,
} from "../../net/address.ts";
import { makePrefix, type Prefix } from "../../net/prefix.ts";
import { updateError } from "./error.ts";
import { UpdateError } from "./iana.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** Prefixes of one field: an array, or as they came. */
export interface PrefixList extends Iterable<Prefix> {
  readonly length: number;
}

/**
 * Takes the prefixes that fill the rest of `reader`: Withdrawn Routes, NLRI, or the tail of an MP
 * attribute (RFC 4271 §4.3, RFC 4760 §5).
 *
 *     +---------------------------+
 *     |   Length (1 octet)        |   in bits; 0 is the default route
 *     |   Prefix (variable)       |   the fewest octets that hold Length bits
 *     +---------------------------+
 *
 * They are checked and counted now, and made each time that the list is gone through: a router may send
 * a full table to a speaker that only counts.
 *
 * A Length beyond the family's address, or octets that run out, leave us not knowing which routes
 * were meant, so there is nothing to treat as withdrawn: the session resets (RFC 7606 §3(j), §5.3).
 *
 * @throws NotificationError UPDATE Message Error, Invalid Network Field (3/10), or what `reader`
 *   throws at its end
 */
export function decodePrefixes(reader: Reader, family: AddressFamily): PrefixList {
  let length = 0;
  const octets = reader.taken(() => {
    while (reader.remaining > 0) {
      const bits = reader.uint8();
      if (bits > addressBits[family]) {
        throw updateError(UpdateError.InvalidNetworkField, `an ${family} prefix of ${bits} bits`);
      }
      reader.skip((bits + 7) >> 3);
      length += 1;
    }
  });
  return new WirePrefixes(family, new Uint8Array(octets), length);
}

/** What `decodePrefixes` has checked. Bits past a Length mean nothing and are cleared. */
class WirePrefixes implements PrefixList {
  readonly family: AddressFamily;
  readonly octets: Uint8Array;
  readonly length: number;

  constructor(family: AddressFamily, octets: Uint8Array, length: number) {
    this.family = family;
    this.octets = octets;
    this.length = length;
  }

  *[Symbol.iterator](): Iterator<Prefix> {
    let at = 0;
    while (at < this.octets.length) {
      const bits = this.octets[at] ?? 0;
      const end = at + 1 + ((bits + 7) >> 3);
      yield makePrefix(addressOf(this.family, this.octets.subarray(at + 1, end)), bits);
      at = end;
    }
  }
}

/** Of the first octets of an address; the others are 0. */
function addressOf(family: AddressFamily, octets: Uint8Array): Address {
  if (family === "ipv4") {
    const [a = 0, b = 0, c = 0, d = 0] = octets;
    return makeAddress("ipv4", BigInt(((a << 24) | (b << 16) | (c << 8) | d) >>> 0));
  }
  const whole = new Uint8Array(addressBits[family] / 8);
  whole.set(octets);
  return addressFromOctets(family, whole);
}

/** How many octets `encodePrefix` writes. */
export function prefixOctets(prefix: Prefix): number {
  return 1 + ((prefix.length + 7) >> 3);
}

export function encodePrefix(prefix: Prefix, writer: Writer): void {
  const { length, address } = prefix;
  writer.uint8(length);
  if (prefix.family === "ipv4") {
    writer.highOctets(Number(address.value), (length + 7) >> 3);
    return;
  }
  for (let bit = 0; bit < length; bit += 32) {
    const word = Number((address.value >> BigInt(96 - bit)) & 0xffff_ffffn);
    writer.highOctets(word, Math.min(4, (length - bit + 7) >> 3));
  }
}
