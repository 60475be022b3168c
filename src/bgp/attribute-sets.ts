import type { AddressFamily } from "../net/address.ts";
import type { Prefix } from "../net/prefix.ts";
import type { AttributeContext } from "./codec/attribute.ts";
import { encodeAttributes } from "./codec/attribute-encoder.ts";
import { encodeMpReachHead } from "./codec/mp-attribute.ts";
import { Writer } from "./codec/writer.ts";
import { type ExportTerms, exportAttributes } from "./export.ts";
import type { NextHop, NextHops } from "./next-hop.ts";
import { type AttributeSet, leavesRoomForPrefix } from "./pack.ts";
import type { RouteAttributes } from "./route.ts";

export interface AttributeSetTerms extends ExportTerms {
  /** The limit for one message to this peer. */
  readonly maxMessageOctets: number;
}

export type WithheldReason =
  /** The peer did not offer the route's address family, or we did not. */
  | "family-not-negotiated"
  /** No address of ours can be the next hop of this family on this session. */
  | "no-next-hop"
  /** The attributes alone fill a message. */
  | "attributes-too-long";

export interface WithheldRoute {
  readonly prefix: Prefix;
  readonly reason: WithheldReason;
}

const firstPruneAt = 256;

type Found = AttributeSet | WithheldReason;
/** What a route is sent with, or why it is not. */
export type AttributeLookUp = (family: AddressFamily, attributes: RouteAttributes) => Found;

/** Gives each route its encoded attributes: one set for equal ones, so comparing sets compares them. */
export class AttributeSets {
  readonly #terms: AttributeSetTerms;
  readonly #context: AttributeContext;
  readonly #sets = new Map<string, AttributeSet>();
  #pruneAt = firstPruneAt;

  constructor(terms: AttributeSetTerms) {
    this.#terms = terms;
    this.#context = { asnOctets: terms.fourOctetAsn ? 4 : 2, internal: terms.internal };
  }

  /**
   * Begins a pass over all routes; the answer looks one up. Many routes share one attributes object,
   * which is looked at once, and mostly follow each other.
   */
  begin(nextHops: NextHops): AttributeLookUp {
    const seen = {
      ipv4: new Map<RouteAttributes, Found>(),
      ipv6: new Map<RouteAttributes, Found>(),
    } as const;
    let last: RouteAttributes | undefined;
    let lastFamily: AddressFamily | undefined;
    let found: Found = "no-next-hop";
    return (family, attributes) => {
      if (attributes !== last || family !== lastFamily) {
        last = attributes;
        lastFamily = family;
        found = seen[family].get(attributes) ?? this.#find(family, attributes, nextHops[family]);
        seen[family].set(attributes, found);
      }
      return found;
    };
  }

  /** Forgets sets that are not in use, when so many have come that asking is worth it. */
  prune(setsInUse: () => ReadonlySet<AttributeSet>): void {
    if (this.#sets.size < this.#pruneAt) {
      return;
    }
    const inUse = setsInUse();
    for (const [key, set] of this.#sets) {
      if (!inUse.has(set)) {
        this.#sets.delete(key);
      }
    }
    this.#pruneAt = Math.max(firstPruneAt, 2 * this.#sets.size);
  }

  #find(family: AddressFamily, attributes: RouteAttributes, nextHop: NextHop | undefined): Found {
    const made = this.#make(family, attributes, nextHop);
    if (typeof made === "string") {
      return made;
    }
    const key = `${family} ${made.mpReachHead?.join()} ${made.octets.join()}`;
    const known = this.#sets.get(key) ?? made;
    this.#sets.set(key, known);
    return known;
  }

  #make(family: AddressFamily, attributes: RouteAttributes, nextHop: NextHop | undefined): Found {
    if (!this.#terms.families.includes(family)) {
      return "family-not-negotiated";
    }
    if (nextHop === undefined) {
      return "no-next-hop";
    }
    const set = this.#encode(family, attributes, nextHop);
    return leavesRoomForPrefix(set, this.#terms.maxMessageOctets) ? set : "attributes-too-long";
  }

  /** IPv4 routes with an IPv4 next hop need no MP_REACH_NLRI (RFC 4760 §3). */
  #encode(family: AddressFamily, attributes: RouteAttributes, nextHop: NextHop): AttributeSet {
    const exported = exportAttributes(attributes, this.#terms);
    const writer = new Writer();
    if (nextHop.address.family === "ipv4") {
      encodeAttributes({ ...exported, nextHop: nextHop.address }, writer, this.#context);
      return { family, octets: writer.toBytes() };
    }
    encodeAttributes(exported, writer, this.#context);
    const head = new Writer();
    encodeMpReachHead(family, nextHop.address, nextHop.linkLocal, head);
    return { family, octets: writer.toBytes(), mpReachHead: head.toBytes() };
  }
}
