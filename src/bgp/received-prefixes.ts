import type { AddressFamily } from "../net/address.ts";
import { type ReceivedUpdate, reachablePrefixes, withdrawnPrefixes } from "./codec/update.ts";

/**
 * Counts the routes that a peer has sent us, against a limit. We drop them all; with a limit their
 * prefixes are remembered, so that one that is sent twice counts once, and never more of them than
 * the limit. Without one nothing is remembered.
 */
export class ReceivedPrefixes {
  readonly #limit: number;
  readonly #keys: Readonly<Record<AddressFamily, Set<string>>> = {
    ipv4: new Set(),
    ipv6: new Set(),
  };

  /** `limit` is per family; 0 means none. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Takes in one UPDATE; the answer is the family whose routes now exceed the limit, if one does. */
  take(update: ReceivedUpdate): AddressFamily | undefined {
    if (this.#limit === 0) {
      return undefined;
    }
    for (const prefix of withdrawnPrefixes(update)) {
      this.#keys[prefix.family].delete(prefix.key);
    }
    for (const prefix of reachablePrefixes(update)) {
      const keys = this.#keys[prefix.family];
      keys.add(prefix.key);
      if (keys.size > this.#limit) {
        return prefix.family;
      }
    }
    return undefined;
  }
}

/** How many routes the UPDATE brings. */
export function reachableCount({ treatAsWithdraw, nlri, attributes }: ReceivedUpdate): number {
  const { mpReach } = attributes;
  const count = nlri.length + (mpReach?.type === "unicast" ? mpReach.prefixes.length : 0);
  return treatAsWithdraw ? 0 : count;
}
