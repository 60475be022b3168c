import type { Prefix } from "../net/prefix.ts";
import type { AttributeSet } from "./pack.ts";
import type { Route } from "./route.ts";

/** What a peer has of one prefix, and what it is to have. */
export interface RibEntry {
  readonly prefix: Prefix;
  /** Absent: the peer has no route. `outdated`: it has one that must be sent again. */
  sent: AttributeSet | "outdated" | undefined;
  want: AttributeSet | undefined;
  /** The `setRoutes` call that last named the prefix. */
  generation: number;
}

/** By `Prefix.key`. */
export type RibEntries = Map<string, RibEntry>;

/**
 * Makes the entries of `routes`, as of a peer that has none of them. To make them takes longer than
 * to send them, so a session that is down has it done before it comes up.
 */
export function prepareEntries(entries: RibEntries, routes: readonly Route[]): void {
  if (entries.size > 2 * routes.length) {
    entries.clear();
  }
  for (const { prefix } of routes) {
    if (!entries.has(prefix.key)) {
      entries.set(prefix.key, { prefix, sent: undefined, want: undefined, generation: 0 });
    }
  }
}

/** The session is over: the peer has nothing of ours. */
export function forgetPeer(entries: RibEntries): void {
  for (const entry of entries.values()) {
    entry.sent = undefined;
    entry.want = undefined;
    entry.generation = 0;
  }
}
