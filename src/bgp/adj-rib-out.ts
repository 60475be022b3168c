import type { AddressFamily } from "../net/address.ts";
import { AttributeSets, type AttributeSetTerms, type WithheldRoute } from "./attribute-sets.ts";
import { maxMessageOctets, RefreshSubtype } from "./codec/iana.ts";
import { Writer } from "./codec/writer.ts";
import type { NextHops } from "./next-hop.ts";
import type { Output } from "./output.ts";
import {
  type AttributeSet,
  leavesRoomForPrefix,
  packAdvertisement,
  packEndOfRib,
  packRouteRefresh,
  packWithdrawal,
} from "./pack.ts";
import { RibEntries, type RibEntry } from "./rib-entry.ts";
import type { Route } from "./route.ts";

/** Entries that wait, first in, first out: those before `next` are done. */
interface Waiting {
  readonly entries: RibEntry[];
  next: number;
}

interface OutputDraft {
  readonly writer: Writer;
  /** Octets in one message. */
  readonly limit: number;
  updates: number;
  refreshes: number;
  advertised: number;
  withdrawn: number;
  readonly endOfRib: AddressFamily[];
}

/**
 * The routes that one peer has from us over one connection (RFC 4271 §3.2), and the difference to
 * those that it is to have.
 *
 * What waits is this difference, never a queue of messages: however slow the peer is and however
 * often the routes change, it is sent the state of the moment when it takes the next octets, and
 * memory is bounded by the two sets.
 *
 * Deviation: RFC 4271 §9.2.1.1 says that routes to one destination are sent no faster than
 * MinRouteAdvertisementInterval. We send at once, because a node that cannot serve must not get
 * packets, and what we originate changes with Services, not with somebody else's flaps.
 */
export class AdjRibOut {
  readonly #terms: AttributeSetTerms;
  readonly #entries: RibEntries;
  readonly #sets: AttributeSets;
  #withdrawals: Record<AddressFamily, Waiting> = noWithdrawals();
  #advertisements = new Map<AttributeSet, Waiting>();
  readonly #refreshBegins = new Set<AddressFamily>();
  /** What follows the last waiting route of a family. */
  readonly #markers = new Map<AddressFamily, "end-of-rib" | "end-of-refresh">();
  #generation = 0;
  /** `setRoutes` was called. */
  #hasBegun = false;
  #advertised = 0;
  #pending = 0;
  #withheld: readonly WithheldRoute[] = [];

  /** `entries`: what was prepared for the session; this object's alone from now on. */
  constructor(terms: AttributeSetTerms, entries: RibEntries = new RibEntries()) {
    this.#terms = terms;
    this.#entries = entries;
    this.#sets = new AttributeSets(terms);
  }

  /** Routes that the peer has. */
  get advertised(): number {
    return this.#advertised;
  }

  /** Advertisements and withdrawals that are still to be sent. */
  get pending(): number {
    return this.#pending;
  }

  /** Routes that this session cannot carry. */
  get withheld(): readonly WithheldRoute[] {
    return this.#withheld;
  }

  /**
   * Queues the first `count` of the routes that `setRoutes` is about to bring all of, so that they are
   * on their way before the others are looked at; for a peer that has nothing yet.
   */
  setFirstRoutes(routes: readonly Route[], count: number, nextHops: NextHops): void {
    this.#generation += 1;
    const lookUp = this.#sets.begin(nextHops);
    const prepared = this.#entries.prepared(routes);
    for (const [index, route] of routes.slice(0, count).entries()) {
      const set = lookUp(route);
      if (typeof set !== "string") {
        this.#want(prepared[index] ?? this.#entries.of(route.prefix), set);
      }
    }
  }

  /**
   * Sets what the peer is to have, through which next hops; of two routes for one prefix the first counts. After the first
   * call, each family ends with End-of-RIB once its routes are sent (RFC 4724 §4).
   */
  setRoutes(routes: readonly Route[], nextHops: NextHops): void {
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      for (const family of this.#terms.families) {
        this.#markers.set(family, "end-of-rib");
      }
    }
    this.#generation += 1;
    this.#withdrawals = noWithdrawals();
    this.#advertisements = new Map();
    this.#pending = 0;
    const withheld: WithheldRoute[] = [];
    const lookUp = this.#sets.begin(nextHops);
    const prepared = this.#entries.prepared(routes);
    let named = 0;
    for (const [index, route] of routes.entries()) {
      const set = lookUp(route);
      if (typeof set === "string") {
        withheld.push({ prefix: route.prefix, reason: set });
      } else if (this.#want(prepared[index] ?? this.#entries.of(route.prefix), set)) {
        named += 1;
      }
    }
    this.#entries.forgetPrepared();
    this.#withheld = withheld;
    if (named < this.#entries.byKey.size) {
      this.#withdrawUnnamed();
    }
    this.#sets.prune(() => this.#entries.setsInUse());
  }

  /**
   * Sends all routes of `family` again (RFC 2918 §4), between markers if both sides know enhanced
   * route refresh (RFC 7313 §4).
   */
  refresh(family: AddressFamily, isEnhanced: boolean): void {
    if (!this.#terms.families.includes(family)) {
      return;
    }
    // Before the first End-of-RIB the initial routes are still to come anyway.
    if (isEnhanced && this.#markers.get(family) !== "end-of-rib" && this.#generation > 0) {
      this.#refreshBegins.add(family);
      this.#markers.set(family, "end-of-refresh");
    }
    for (const entry of this.#entries.byKey.values()) {
      if (entry.prefix.family !== family || entry.sent === undefined || !entry.want) {
        continue;
      }
      if (entry.sent === entry.want) {
        this.#queueAdvertisement(entry, entry.want);
      }
      entry.sent = "outdated";
    }
  }

  /**
   * Takes messages of about `budgetOctets`, at least one; undefined if the peer has everything. None
   * is longer than the budget or 4,096 octets, but where attributes need it. Withdrawals come first.
   * What is taken counts as sent.
   */
  take(budgetOctets: number): Output | undefined {
    const maxOctets = Math.max(budgetOctets, maxMessageOctets);
    const draft: OutputDraft = {
      writer: new Writer(),
      limit: Math.min(maxOctets, this.#terms.maxMessageOctets),
      updates: 0,
      refreshes: 0,
      advertised: 0,
      withdrawn: 0,
      endOfRib: [],
    };
    while (draft.writer.length < budgetOctets && this.#takeOne(draft)) {
      // Each turn wrote one message.
    }
    const { writer, limit: _, ...counts } = draft;
    return writer.length === 0 ? undefined : { octets: writer.toBytes(), ...counts };
  }

  #takeOne(draft: OutputDraft): boolean {
    return (
      this.#takeWithdrawal(draft) ||
      this.#takeRefreshBegin(draft) ||
      this.#takeAdvertisement(draft) ||
      this.#takeMarker(draft)
    );
  }

  #takeWithdrawal(draft: OutputDraft): boolean {
    for (const family of this.#terms.families) {
      const waiting = this.#withdrawals[family];
      if (waiting.next < waiting.entries.length) {
        const { entries, next } = waiting;
        const count = packWithdrawal(draft.writer, family, entries, next, draft.limit);
        for (const entry of entries.slice(next, next + count)) {
          this.#entries.byKey.delete(entry.prefix.key);
        }
        waiting.next += count;
        this.#advertised -= count;
        this.#pending -= count;
        draft.withdrawn += count;
        draft.updates += 1;
        return true;
      }
    }
    return false;
  }

  #takeRefreshBegin(draft: OutputDraft): boolean {
    for (const family of this.#refreshBegins) {
      this.#refreshBegins.delete(family);
      packRouteRefresh(draft.writer, family, RefreshSubtype.Begin);
      draft.refreshes += 1;
      return true;
    }
    return false;
  }

  #takeAdvertisement(draft: OutputDraft): boolean {
    for (const [set, waiting] of this.#advertisements) {
      const { entries, next } = waiting;
      const fits = leavesRoomForPrefix(set, draft.limit);
      const limit = fits ? draft.limit : this.#terms.maxMessageOctets;
      const count = packAdvertisement(draft.writer, set, entries, next, limit);
      for (const entry of entries.slice(next, next + count)) {
        this.#advertised += entry.sent === undefined ? 1 : 0;
        entry.sent = set;
      }
      waiting.next += count;
      if (waiting.next >= entries.length) {
        this.#advertisements.delete(set);
      }
      this.#pending -= count;
      draft.advertised += count;
      draft.updates += 1;
      return true;
    }
    return false;
  }

  /** Comes after all routes of both families, which end at the same time. */
  #takeMarker(draft: OutputDraft): boolean {
    for (const [family, marker] of this.#markers) {
      this.#markers.delete(family);
      if (marker === "end-of-rib") {
        packEndOfRib(draft.writer, family);
        draft.endOfRib.push(family);
        draft.updates += 1;
      } else {
        packRouteRefresh(draft.writer, family, RefreshSubtype.End);
        draft.refreshes += 1;
      }
      return true;
    }
    return false;
  }

  /** False if an earlier route of this pass had the prefix. */
  #want(entry: RibEntry, set: AttributeSet): boolean {
    if (entry.generation === this.#generation) {
      return false;
    }
    entry.want = set;
    entry.generation = this.#generation;
    if (entry.sent !== set) {
      this.#queueAdvertisement(entry, set);
    }
    return true;
  }

  #queueAdvertisement(entry: RibEntry, set: AttributeSet): void {
    const waiting = this.#advertisements.get(set);
    if (waiting === undefined) {
      this.#advertisements.set(set, { entries: [entry], next: 0 });
    } else {
      waiting.entries.push(entry);
    }
    this.#pending += 1;
  }

  #withdrawUnnamed(): void {
    for (const [key, entry] of this.#entries.byKey) {
      if (entry.generation === this.#generation) {
        continue;
      }
      entry.want = undefined;
      if (entry.sent === undefined) {
        this.#entries.byKey.delete(key);
      } else {
        this.#withdrawals[entry.prefix.family].entries.push(entry);
        this.#pending += 1;
      }
    }
  }
}

function noWithdrawals(): Record<AddressFamily, Waiting> {
  return { ipv4: { entries: [], next: 0 }, ipv6: { entries: [], next: 0 } };
}
