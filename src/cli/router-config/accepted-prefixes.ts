import type { Config, PeerConfig, PoolConfig } from "../../config/model.ts";
import { type AddressFamily, addressBits } from "../../net/address.ts";
import { makePrefix, type Prefix } from "../../net/prefix.ts";
import { type AddressRange, rangePrefixes, rangeSize } from "../../net/range.ts";

/** Prefixes of one length inside a network: what a router's prefix filter has in one line. */
export interface AcceptedPrefixes {
  readonly network: Prefix;
  /** Not shorter than that of `network`. */
  readonly length: number;
}

/** What a router has to take of one family from a peer of one entry, and how many of it at most. */
export interface Accepted {
  readonly prefixes: readonly AcceptedPrefixes[];
  /** Routes that one node can advertise if every address of the pools is given. */
  readonly count: bigint;
}

/** What the pools allow an entry of `peers` to be told. */
export function acceptedFrom(
  { pools }: Config,
  { name }: PeerConfig,
  family: AddressFamily,
): Accepted {
  const found = new Map<string, AcceptedPrefixes>();
  let count = 0n;
  for (const pool of pools) {
    const lengths = lengthsFor(pool, name, family);
    for (const range of pool.ranges.filter((each) => each.family === family)) {
      for (const length of lengths) {
        count += prefixCount(range, length);
        for (const piece of rangePrefixes(range)) {
          const network = makePrefix(piece.address, Math.min(piece.length, length));
          found.set(`${network.key} ${length}`, { network, length });
        }
      }
    }
  }
  return { prefixes: [...found.values()], count };
}

/** Lengths of the prefixes that the pool's advertisements to this peer have. */
function lengthsFor(
  { advertisements }: PoolConfig,
  peer: string,
  family: AddressFamily,
): ReadonlySet<number> {
  const lengths = new Set<number>();
  for (const advertisement of advertisements) {
    if (advertisement.peers.length === 0 || advertisement.peers.includes(peer)) {
      const { aggregationLength, aggregationLengthV6, localHostRoutes } = advertisement;
      lengths.add(family === "ipv4" ? aggregationLength : aggregationLengthV6);
      if (localHostRoutes) {
        lengths.add(addressBits[family]);
      }
    }
  }
  return lengths;
}

function prefixCount(range: AddressRange, length: number): bigint {
  const hostBits = BigInt(addressBits[range.family] - length);
  return rangeSize(range) === 0n
    ? 0n
    : (range.last.value >> hostBits) - (range.first.value >> hostBits) + 1n;
}
