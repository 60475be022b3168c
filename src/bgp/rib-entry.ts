import type { AddressFamily } from "../net/address.ts";
import type { Prefix } from "../net/prefix.ts";
import { encodePrefix, prefixOctets } from "./codec/nlri.ts";
import { Writer } from "./codec/writer.ts";
import type { AttributeSet } from "./pack.ts";
import type { Route, RouteAttributes } from "./route.ts";

/** What a peer has of one prefix, and what it is to have. */
export interface RibEntry {
  readonly prefix: Prefix;
  /** Absent: the peer has no route. `outdated`: it has one that must be sent again. */
  sent: AttributeSet | "outdated" | undefined;
  want: AttributeSet | undefined;
  /** The `setRoutes` call that last named the prefix, counted from 1; below 0, the `prepare` call. */
  generation: number;
}

/** Routes of one family that share their attributes; each prefix is in one run. */
export interface RouteRun {
  readonly family: AddressFamily;
  readonly attributes: RouteAttributes;
  readonly entries: readonly RibEntry[];
  /** Their prefixes as they stand in an UPDATE; absent if they are worth no message of their own. */
  readonly octets?: Uint8Array;
}

/** With fewer routes a run goes into one message with others of equal attributes. */
const worthMessage = 256;

/**
 * The entries of one peer, kept over its sessions. To work out what a session needs first takes longer
 * than to send it, so a session that is down has it done before it comes up, down to the octets.
 */
export class RibEntries {
  /** By `Prefix.key`. */
  readonly byKey = new Map<string, RibEntry>();
  readonly #worthMessage: number;
  #prepared: { readonly routes: readonly Route[]; readonly runs: readonly RouteRun[] } | undefined;
  #preparations = 0;

  /** `least`: how many routes of one run are worth a message. */
  constructor(least = worthMessage) {
    this.#worthMessage = least;
  }

  /** Prepares the first messages to a peer that has none of these routes. */
  prepare(routes: readonly Route[]): void {
    if (routes === this.#prepared?.routes) {
      return;
    }
    if (this.byKey.size > 2 * routes.length) {
      this.byKey.clear();
    }
    this.#preparations -= 1;
    const entriesOf = {
      ipv4: new Map<RouteAttributes, RibEntry[]>(),
      ipv6: new Map<RouteAttributes, RibEntry[]>(),
    } as const;
    for (const { prefix, attributes } of routes) {
      const entry = this.of(prefix);
      if (entry.generation !== this.#preparations) {
        entry.generation = this.#preparations;
        const entries = entriesOf[prefix.family].get(attributes) ?? [];
        entriesOf[prefix.family].set(attributes, entries);
        entries.push(entry);
      }
    }
    const runs = (["ipv4", "ipv6"] as const).flatMap((family) =>
      Array.from(entriesOf[family], ([attributes, entries]): RouteRun => {
        const octets = entries.length < this.#worthMessage ? undefined : encodeAll(entries);
        return { family, attributes, entries, ...(octets && { octets }) };
      }),
    );
    this.#prepared = { routes, runs };
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

  /** What was prepared of just these routes; undefined if that was not the last. */
  prepared(routes: readonly Route[]): readonly RouteRun[] | undefined {
    return routes === this.#prepared?.routes ? this.#prepared.runs : undefined;
  }

  /** What was prepared is of no more use. */
  forgetPrepared(): void {
    this.#prepared = undefined;
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

function encodeAll(entries: readonly RibEntry[]): Uint8Array {
  const writer = new Writer(entries.reduce((sum, { prefix }) => sum + prefixOctets(prefix), 0));
  for (const { prefix } of entries) {
    encodePrefix(prefix, writer);
  }
  return writer.toBytes();
}
