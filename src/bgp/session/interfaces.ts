import { networkInterfaces } from "node:os";
import { isLinkLocal, isLoopback, parseAddress } from "../../net/address.ts";
import type { LocalInterface } from "../next-hop.ts";

/** The host's interfaces as they are now, with their addresses in the kernel's order. */
export function localInterfaces(): readonly LocalInterface[] {
  return Object.entries(networkInterfaces()).map(([name, entries]) => ({
    name,
    addresses: (entries ?? []).flatMap((entry) => {
      const address = parseAddress(entry.address);
      if (address === undefined || isLoopback(address)) {
        return [];
      }
      return isLinkLocal(address) ? [] : [address];
    }),
  }));
}
