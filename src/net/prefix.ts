import {
  type Address,
  type AddressFamily,
  addressBits,
  makeAddress,
  parseAddress,
} from "./address.ts";

/** A network: an address whose bits past `length` are zero. */
export interface Prefix {
  readonly family: AddressFamily;
  readonly address: Address;
  /** 0 to 32, or 0 to 128. */
  readonly length: number;
  /** Canonical text, `10.0.0.0/8`: equal prefixes have equal keys, so it serves as a key of Maps. */
  readonly key: string;
}

/**
 * The network of `length` bits that holds `address`; the host bits are dropped.
 *
 * @throws RangeError if `length` is not a whole number from 0 to the family's bits
 */
export function makePrefix(address: Address, length: number): Prefix {
  const bits = addressBits[address.family];
  if (!Number.isInteger(length) || length < 0 || length > bits) {
    throw new RangeError(`/${length} is no length of an ${address.family} prefix`);
  }
  const hostBits = BigInt(bits - length);
  const value = (address.value >> hostBits) << hostBits;
  const isNetwork = value === address.value && address.zone === undefined;
  const network = isNetwork ? address : makeAddress(address.family, value);
  // `join` makes one flat string; a template keeps the parts alive: 32 octets more for each prefix.
  const key = [network.text, length].join("/");
  return { family: address.family, address: network, length, key };
}

/** The /32 or /128 of one address. */
export function hostPrefix(address: Address): Prefix {
  return makePrefix(address, addressBits[address.family]);
}

/**
 * Parses CIDR notation. Host bits are allowed and dropped, as MetalLB does: `10.0.0.9/8` is
 * `10.0.0.0/8`.
 *
 * @returns undefined if `text` is not an address, a slash and a length
 */
export function parsePrefix(text: string): Prefix | undefined {
  const match = /^([^/%]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const address = match?.[1] === undefined ? undefined : parseAddress(match[1]);
  const length = Number(match?.[2]);
  return address === undefined || length > addressBits[address.family]
    ? undefined
    : makePrefix(address, length);
}

export function prefixContains(prefix: Prefix, address: Address): boolean {
  const hostBits = BigInt(addressBits[prefix.family] - prefix.length);
  return (
    prefix.family === address.family &&
    prefix.address.value >> hostBits === address.value >> hostBits
  );
}

/** The last address of the network: the broadcast address of an IPv4 subnet. */
export function lastAddress(prefix: Prefix): Address {
  const hostBits = BigInt(addressBits[prefix.family] - prefix.length);
  return makeAddress(prefix.family, prefix.address.value | ((1n << hostBits) - 1n));
}
