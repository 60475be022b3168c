import { networkInterfaces } from "node:os";
import { isLinkLocal, isLoopback, parseAddress } from "../../net/address.ts";
import type { LocalInterface } from "../next-hop.ts";

/** The host's interfaces as they are now, with their addresses in the kernel's order. */
export function localInterfaces(): readonly LocalInterface[] {
  return Object.entries(networkInterfaces()).map(([name, entries]) => ({
    name,
    addresses: (entries ?? []).flatMap((entry) => {
      // Each Pod's interface has a link-local address: a node's hundreds are not parsed for a next hop.
      if (entry.family === "IPv6" && entry.scopeid !== 0) {
        return [];
      }
      const address = parseAddress(entry.address);
      if (address === undefined || isLoopback(address)) {
        return [];
      }
      return isLinkLocal(address) ? [] : [address];
    }),
  }));
}
