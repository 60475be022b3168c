import {
  type Address,
  type AddressFamily,
  addressBits,
  makeAddress,
  parseAddress,
} from "./address.ts";
import { lastAddress, makePrefix, type Prefix, parsePrefix } from "./prefix.ts";

/** An inclusive run of addresses of one family, as a pool lists them: a CIDR or `first-last`. */
export interface AddressRange {
  readonly family: AddressFamily;
  readonly first: Address;
  readonly last: Address;
  /** As the user wrote it. */
  readonly text: string;
}

/**
 * Parses `10.0.0.0/24` or `10.0.0.1 - 10.0.0.9` (spaces around the dash are allowed).
 *
 * @returns undefined if it is neither, if the ends are of two families or scoped, or if first > last
 */
export function parseRange(text: string): AddressRange | undefined {
  const prefix = parsePrefix(text.trim());
  if (prefix !== undefined) {
    return {
      family: prefix.family,
      first: prefix.address,
      last: lastAddress(prefix),
      text: text.trim(),
    };
  }
  const ends = text.split("-").map((end) => parseAddress(end.trim()));
  const [first, last] = ends;
  if (ends.length !== 2 || first === undefined || last === undefined) {
    return undefined;
  }
  if (first.family !== last.family || first.value > last.value || first.zone || last.zone) {
    return undefined;
  }
  return { family: first.family, first, last, text: text.trim() };
}

/** How many addresses the range holds, from 1 to 2^128. */
export function rangeSize(range: AddressRange): bigint {
  return range.last.value - range.first.value + 1n;
}

/**
 * The n-th address, counted from 0.
 *
 * @throws RangeError if `n` is negative or not below the range's size
 */
export function nthAddress(range: AddressRange, n: bigint): Address {
  if (n < 0n || n >= rangeSize(range)) {
    throw new RangeError(`${range.text} has no address number ${n}`);
  }
  return makeAddress(range.family, range.first.value + n);
}

export function rangeContains(range: AddressRange, address: Address): boolean {
  return (
    range.family === address.family &&
    range.first.value <= address.value &&
    address.value <= range.last.value
  );
}

export function rangesOverlap(a: AddressRange, b: AddressRange): boolean {
  return a.family === b.family && a.first.value <= b.last.value && b.first.value <= a.last.value;
}

/** The fewest prefixes that together are the range, in ascending order. */
export function rangePrefixes(range: AddressRange): Prefix[] {
  const bits = addressBits[range.family];
  const prefixes: Prefix[] = [];
  let next = range.first.value;
  while (next <= range.last.value) {
    let hostBits = 0;
    while (hostBits < bits) {
      const size = 1n << BigInt(hostBits + 1);
      if (next % size !== 0n || next + size - 1n > range.last.value) {
        break;
      }
      hostBits += 1;
    }
    prefixes.push(makePrefix(makeAddress(range.family, next), bits - hostBits));
    next += 1n << BigInt(hostBits);
  }
  return prefixes;
}
