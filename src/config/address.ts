import { type Address, isLinkLocal, makeAddress, parseAddress } from "../net/address.ts";
import { type AddressRange, parseRange } from "../net/range.ts";
import { type Reader, text } from "./fields.ts";
import { shown } from "./finding.ts";

/**
 * Parses one address as MetalLB did: `::ffff:10.0.0.1` is the IPv4 address 10.0.0.1.
 *
 * @returns undefined if `value` is no address
 */
export function parseUnmappedAddress(value: string): Address | undefined {
  const address = parseAddress(value);
  return address === undefined ? undefined : unmapped(address);
}

function unmapped(address: Address): Address {
  return isMapped(address) ? makeAddress("ipv4", address.value & 0xffffffffn) : address;
}

function isMapped(address: Address): boolean {
  return address.family === "ipv6" && address.value >> 32n === 0xffffn;
}

/** A member of a pool's `addresses`. As in MetalLB, a length may have leading zeros. */
export const addressRange: Reader<AddressRange> = (tree, report) => {
  const value = text(tree, report);
  if (value === undefined) {
    return undefined;
  }
  const range = parseRange(value.replace(/\/0+(?=\d)/, "/"));
  if (range === undefined) {
    report(tree, whyNoRange(value));
    return undefined;
  }
  return isMapped(range.first) && isMapped(range.last)
    ? { ...range, family: "ipv4", first: unmapped(range.first), last: unmapped(range.last) }
    : range;
};

const rangeCure = "write a network as in 172.16.7.192/26, or a range as in 10.0.0.10-10.0.0.20";

function whyNoRange(value: string): string {
  const address = parseAddress(value.trim());
  if (address !== undefined && address.zone === undefined) {
    const length = address.family === "ipv4" ? 32 : 128;
    return `${shown(value)} lacks a length: one address is written ${address.text}/${length}`;
  }
  const [first, last, ...more] = value.split("-").map((end) => parseAddress(end.trim()));
  if (first === undefined || last === undefined || more.length > 0) {
    return `${shown(value)} is no addresses: ${rangeCure}`;
  }
  if (first.family !== last.family) {
    return `${shown(value)} begins in one address family and ends in the other: ${rangeCure}`;
  }
  return first.value > last.value
    ? `${shown(value)} ends before it begins: write the lower address first`
    : `${shown(value)} has a zone: ${rangeCure}`;
}

/** A router's address, or `default-gateway`. */
export const peerAddress: Reader<Address | "default-gateway"> = (tree, report) => {
  const value = text(tree, report);
  if (value === undefined || value === "default-gateway") {
    return value;
  }
  const address = parseUnmappedAddress(value);
  const why = address === undefined ? "is no IP address" : whyNoPeer(address);
  if (why !== undefined) {
    const cure = "the router's address as in 172.16.9.1 or fe80::1%eth0, or default-gateway";
    report(tree, `${shown(value)} ${why}: write ${cure}`);
    return undefined;
  }
  return address;
};

/** Why no router can have the address. */
function whyNoPeer(address: Address): string | undefined {
  if (isLinkLocal(address)) {
    return address.zone === undefined ? "is a link-local address without its interface" : undefined;
  }
  if (address.zone !== undefined) {
    return "has an interface, which only a link-local address takes";
  }
  if (address.value === 0n) {
    return "is the unspecified address";
  }
  const topBits = address.family === "ipv4" ? address.value >> 28n : address.value >> 120n;
  const isUnicast = address.family === "ipv4" ? topBits < 0xen : topBits !== 0xffn;
  return isUnicast ? undefined : "is no unicast address";
}
