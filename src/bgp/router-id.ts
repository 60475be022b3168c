import { type Address, isLoopback, makeAddress } from "../net/address.ts";

/**
 * The BGP Identifier of a session: the session's local IPv4 address, else the Node's first IPv4
 * address, else a hash of the Node's name; never 0 (RFC 6286 §2.1). A loopback address is no
 * identifier: every node has the same.
 */
export function deriveRouterId(
  localAddress: Address,
  node: { readonly name: string; readonly addresses: readonly Address[] },
): Address {
  if (localAddress.family === "ipv4" && !isLoopback(localAddress)) {
    return localAddress;
  }
  const ofNode = node.addresses.find(({ family }) => family === "ipv4");
  return ofNode ?? makeAddress("ipv4", BigInt(nonZeroHash(node.name)));
}

/** FNV-1a over UTF-16 code units, 32 bits. */
function nonZeroHash(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193) >>> 0;
  }
  return hash === 0 ? 1 : hash;
}
