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

/**
 * Decodes the prefixes that fill the rest of `reader`: Withdrawn Routes, NLRI, or the tail of an MP
 * attribute (RFC 4271 §4.3, RFC 4760 §5).
 *
 *     +---------------------------+
 *     |   Length (1 octet)        |   in bits; 0 is the default route
 *     |   Prefix (variable)       |   the fewest octets that hold Length bits
 *     +---------------------------+
 *
 * Bits past Length mean nothing and are cleared, so that equal prefixes are equal values.
 *
 * A Length beyond the family's address, or octets that run out, leave us not knowing which routes
 * were meant, so there is nothing to treat as withdrawn: the session resets (RFC 7606 §3(j), §5.3).
 *
 * @throws NotificationError UPDATE Message Error, Invalid Network Field (3/10), or what `reader`
 *   throws at its end
 */
export function decodePrefixes(reader: Reader, family: AddressFamily): Prefix[] {
  const prefixes: Prefix[] = [];
  while (reader.remaining > 0) {
    const length = reader.uint8();
    if (length > addressBits[family]) {
      throw updateError(UpdateError.InvalidNetworkField, `an ${family} prefix of ${length} bits`);
    }
    prefixes.push(makePrefix(decodeAddress(reader, family, length), length));
  }
  return prefixes;
}

function decodeAddress(reader: Reader, family: AddressFamily, length: number): Address {
  const octets = reader.bytes(Math.ceil(length / 8));
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
