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

/**
 * The entries of one peer, kept over its sessions. To make them takes longer than to send them, so a
 * session that is down has it done before it comes up.
 */
export class RibEntries {
  /** By `Prefix.key`. */
  readonly byKey = new Map<string, RibEntry>();
  #prepared: { readonly routes: readonly Route[]; readonly entries: readonly RibEntry[] } = {
    routes: [],
    entries: [],
  };

  /** Makes the entries of `routes`, as of a peer that has none of them. */
  prepare(routes: readonly Route[]): void {
    const { byKey } = this;
    if (byKey.size > 2 * routes.length) {
      byKey.clear();
    }
    this.#prepared = { routes, entries: routes.map(({ prefix }) => this.of(prefix)) };
  }

  /** The entry of `prefix`, made if there is none. */
  of(prefix: Prefix): RibEntry {
    let entry = this.byKey.get(prefix.key);
    if (entry === undefined) {
      entry = { prefix, sent: undefined, want: undefined, generation: 0 };
      this.byKey.set(prefix.key, entry);
    }
    return entry;
  }

  /** Attribute sets that the peer has, or is to have. */
  setsInUse(): Set<AttributeSet> {
    const inUse = new Set<AttributeSet>();
    for (const { want, sent } of this.byKey.values()) {
      if (want !== undefined) {
        inUse.add(want);
      }
      if (sent !== undefined && sent !== "outdated") {
        inUse.add(sent);
      }
    }
    return inUse;
  }

  /** The entries of just these routes, in their order, if they were prepared last; else none. */
  prepared(routes: readonly Route[]): readonly RibEntry[] {
    return routes === this.#prepared.routes ? this.#prepared.entries : [];
  }

  /** What was prepared is of no more use. */
  forgetPrepared(): void {
    this.#prepared = { routes: [], entries: [] };
  }

  /** The session is over: the peer has nothing of ours. */
  forgetPeer(): void {
    for (const entry of this.byKey.values()) {
      entry.sent = undefined;
      entry.want = undefined;
      entry.generation = 0;
    }
  }
}
