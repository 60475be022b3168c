import { IPv4, IPv6 } from "ip-num";

export type AddressFamily = "ipv4" | "ipv6";

/** Bits in an address of each family. */
export const addressBits = { ipv4: 32, ipv6: 128 } as const satisfies Record<AddressFamily, number>;

/**
 * An IP address, parsed once at the edge of the program.
 *
 * Two addresses are equal when their `text` is: it is canonical (RFC 5952 for IPv6), zone included,
 * and so serves as a key of Maps.
 */
export interface Address {
  readonly family: AddressFamily;
  /** The address as a number, most significant octet first. */
  readonly value: bigint;
  readonly text: string;
  /** The interface of a scoped IPv6 address (RFC 4007 §11), `eth0` in `fe80::1%eth0`. */
  readonly zone?: string;
}

const ipv4Text = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/;

/**
 * Parses `10.0.0.1`, `2001:db8::1`, `::ffff:10.0.0.1` or `fe80::1%eth0`.
 *
 * Leading zeros in an IPv4 octet are refused: half of the world reads them as octal.
 *
 * @returns undefined if `text` is not an IP address
 */
export function parseAddress(text: string): Address | undefined {
  if (ipv4Text.test(text)) {
    return makeAddress("ipv4", IPv4.fromDecimalDottedString(text).getValue());
  }
  const percent = text.indexOf("%");
  const zone = percent < 0 ? undefined : text.slice(percent + 1);
  const bare = percent < 0 ? text : text.slice(0, percent);
  if (zone === "" || !bare.includes(":")) {
    return undefined;
  }
  const hexadecimal = withoutDottedTail(bare);
  if (hexadecimal === undefined || !isIpv6Text(hexadecimal)) {
    return undefined;
  }
  return makeAddress("ipv6", IPv6.fromString(hexadecimal).getValue(), zone);
}

/** Rewrites the dotted tail of `::ffff:10.0.0.1` as hexadecimal groups (RFC 4291 §2.2, form 3). */
function withoutDottedTail(text: string): string | undefined {
  const tail = text.slice(text.lastIndexOf(":") + 1);
  if (!tail.includes(".")) {
    return text;
  }
  if (!ipv4Text.test(tail)) {
    return undefined;
  }
  const value = IPv4.fromDecimalDottedString(tail).getValue();
  const groups = `${(value >> 16n).toString(16)}:${(value & 0xffffn).toString(16)}`;
  return text.slice(0, text.length - tail.length) + groups;
}

/** Checked here because ip-num takes some malformed texts and throws on others. */
function isIpv6Text(text: string): boolean {
  const halves = text.split("::");
  if (halves.length > 2) {
    return false;
  }
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  if (!groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) {
    return false;
  }
  return halves.length === 2 ? groups.length <= 7 : groups.length === 8;
}

/**
 * Makes an address of a number below 2^32 or 2^128.
 *
 * @throws RangeError if `value` does not fit the family
 */
export function makeAddress(family: AddressFamily, value: bigint, zone?: string): Address {
  if (value < 0n || value >> BigInt(addressBits[family]) !== 0n) {
    throw new RangeError(`${value} is no ${family} address`);
  }
  const text = family === "ipv4" ? formatIpv4(value) : formatIpv6(value);
  return zone === undefined
    ? { family, value, text }
    : { family, value, text: `${text}%${zone}`, zone };
}

/** Flat, as `Prefix.key` is: templates of more than 12 characters are a tree of their parts. */
function formatIpv4(value: bigint): string {
  const bits = Number(value);
  return [bits >>> 24, (bits >>> 16) & 255, (bits >>> 8) & 255, bits & 255].join(".");
}

/**
 * RFC 5952 §4: lower case, no leading zeros, the first longest run of two or more zero groups as
 * `::`. An IPv4-mapped address keeps its dotted tail (§5).
 */
function formatIpv6(value: bigint): string {
  if (value >> 32n === 0xffffn) {
    return `::ffff:${formatIpv4(value & 0xffffffffn)}`;
  }
  const groups = Array.from({ length: 8 }, (_, index) =>
    Number((value >> BigInt(112 - 16 * index)) & 0xffffn),
  );
  let runStart = -1;
  let runLength = 1;
  for (let index = 0; index < 8; index += 1) {
    let end = index;
    while (end < 8 && groups[end] === 0) {
      end += 1;
    }
    if (end - index > runLength) {
      runStart = index;
      runLength = end - index;
    }
    index = Math.max(index, end - 1);
  }
  const hex = groups.map((group) => group.toString(16));
  if (runStart < 0) {
    return hex.join(":");
  }
  return `${hex.slice(0, runStart).join(":")}::${hex.slice(runStart + runLength).join(":")}`;
}

/**
 * Makes an address of its 4 or 16 octets.
 *
 * @throws RangeError on any other number of octets
 */
export function addressFromOctets(family: AddressFamily, octets: Uint8Array): Address {
  if (octets.length * 8 !== addressBits[family]) {
    throw new RangeError(`${octets.length} octets are no ${family} address`);
  }
  let value = 0n;
  for (const octet of octets) {
    value = (value << 8n) | BigInt(octet);
  }
  return makeAddress(family, value);
}

/** The 4 or 16 octets of an address, in network order; the zone is not part of them. */
export function addressOctets(address: Address): Uint8Array {
  const octets = new Uint8Array(addressBits[address.family] / 8);
  let value = address.value;
  for (let index = octets.length - 1; index >= 0; index -= 1) {
    octets[index] = Number(value & 255n);
    value >>= 8n;
  }
  return octets;
}

/** Orders IPv4 before IPv6, then by value, then by zone. */
export function compareAddresses(a: Address, b: Address): number {
  if (a.family !== b.family) {
    return a.family === "ipv4" ? -1 : 1;
  }
  if (a.value !== b.value) {
    return a.value < b.value ? -1 : 1;
  }
  return a.text < b.text ? -1 : a.text > b.text ? 1 : 0;
}

/** fe80::/10 (RFC 4291 §2.5.6): means something on one link only. */
export function isLinkLocal(address: Address): boolean {
  return address.family === "ipv6" && address.value >> 118n === 0x3fan;
}

/** 127.0.0.0/8 or ::1. */
export function isLoopback(address: Address): boolean {
  return address.family === "ipv4" ? address.value >> 24n === 127n : address.value === 1n;
}
