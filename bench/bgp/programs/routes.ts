import type { Route } from "../../../src/bgp/route.ts";
import { makeAddress } from "../../../src/net/address.ts";
import { hostPrefix } from "../../../src/net/prefix.ts";

/** /32s from 10.0.0.0 on, in one set of attributes. */
export function benchRoutes(count: number): Route[] {
  const attributes = { localPref: 100, prepend: 0, communities: [], largeCommunities: [] };
  return Array.from({ length: count }, (_, index) => ({
    prefix: hostPrefix(makeAddress("ipv4", 0x0a00_0000n + BigInt(index))),
    attributes,
  }));
}
