import type { AddressFamily } from "../net/address.ts";
import {
  type AttributeLookUp,
  AttributeSets,
  type AttributeSetTerms,
  type WithheldRoute,
} from "./attribute-sets.ts";
import { areEqualNextHops, type NextHops } from "./next-hop.ts";
import type { Output } from "./output.ts";
import { OutputQueue } from "./output-queue.ts";
import type { AttributeSet } from "./pack.ts";
import { RibEntries, type RibEntry, type RouteRun } from "./rib-entry.ts";
import type { Route } from "./route.ts";

/** From one set of routes to the next. */
interface Difference {
  readonly added: readonly Route[];
  readonly removed: readonly RibEntry[];
  /** Of those that are in both. */
  readonly withheld: readonly WithheldRoute[];
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
  readonly #queue: OutputQueue;
  #generation = 0;
  #last: { readonly routes: readonly Route[]; readonly nextHops: NextHops } = {
    routes: [],
    nextHops: {},
  };
  #withheld: WithheldRoute[] = [];

  /** `entries`: what was prepared for the session; this object's alone from now on. */
  constructor(terms: AttributeSetTerms, entries: RibEntries = new RibEntries()) {
    this.#terms = terms;
    this.#entries = entries;
    this.#sets = new AttributeSets(terms);
    this.#queue = new OutputQueue(terms, entries);
  }

  /** Routes that the peer has. */
  get advertised(): number {
    return this.#queue.advertised;
  }

  /** Advertisements and withdrawals that are still to be sent. */
  get pending(): number {
    return this.#queue.pending;
  }

  /** Routes that this session cannot carry. */
  get withheld(): readonly WithheldRoute[] {
    return this.#withheld;
  }

  /**
   * Sets what the peer is to have, through which next hops; of two routes for one prefix the first counts. After the first
   * call, each family ends with End-of-RIB once its routes are sent (RFC 4724 §4). The first call of all takes no time for
   * routes that were prepared.
   */
  setRoutes(routes: readonly Route[], nextHops: NextHops): void {
    const isFirst = this.#generation === 0;
    if (isFirst) {
      for (const family of this.#terms.families) {
        this.#queue.mark(family, "end-of-rib");
      }
    }
    const lookUp = this.#sets.begin(nextHops);
    const difference = this.#differenceTo(routes, nextHops);
    const prepared = isFirst ? this.#entries.prepared(routes) : undefined;
    this.#last = { routes, nextHops };
    this.#entries.forgetPrepared();
    this.#generation += 1;
    this.#queue.clear();
    this.#withheld = difference === undefined ? [] : [...difference.withheld];
    if (prepared !== undefined) {
      for (const run of prepared) {
        this.#setRun(run, lookUp);
      }
      return;
    }
    this.#setEach(difference?.added ?? routes, lookUp);
    for (const entry of difference?.removed ?? this.#entries.byKey.values()) {
      this.#withdrawUnnamed(entry);
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
    if (isEnhanced && this.#generation > 0) {
      this.#queue.frameRefresh(family);
    }
    for (const entry of this.#entries.byKey.values()) {
      if (entry.prefix.family !== family || entry.sent === undefined || !entry.want) {
        continue;
      }
      if (entry.sent === entry.want) {
        this.#queue.advertise(entry, entry.want);
      }
      entry.sent = "outdated";
    }
  }

  /**
   * Takes messages of about `budgetOctets`, at least one; undefined if the peer has everything. What
   * is taken counts as sent.
   */
  take(budgetOctets: number): Output | undefined {
    return this.#queue.take(budgetOctets);
  }

  #setEach(routes: readonly Route[], lookUp: AttributeLookUp): void {
    for (const route of routes) {
      const set = lookUp(route.prefix.family, route.attributes);
      if (typeof set === "string") {
        this.#withheld.push({ prefix: route.prefix, reason: set });
      } else {
        this.#want(this.#entries.of(route.prefix), set);
      }
    }
  }

  #setRun({ family, attributes, entries, octets }: RouteRun, lookUp: AttributeLookUp): void {
    const set = lookUp(family, attributes);
    if (typeof set !== "string" && octets !== undefined) {
      this.#queue.advertiseRun(entries, octets, set);
      return;
    }
    for (const entry of entries) {
      if (typeof set === "string") {
        this.#withheld.push({ prefix: entry.prefix, reason: set });
      } else {
        this.#want(entry, set);
      }
    }
  }

  /** An earlier route of this pass may have had the prefix. */
  #want(entry: RibEntry, set: AttributeSet): void {
    if (entry.generation === this.#generation) {
      return;
    }
    entry.want = set;
    entry.generation = this.#generation;
    if (entry.sent !== set) {
      this.#queue.advertise(entry, set);
    }
  }

  #withdrawUnnamed(entry: RibEntry): void {
    if (entry.generation === this.#generation) {
      return;
    }
    entry.want = undefined;
    if (entry.sent === undefined) {
      this.#entries.byKey.delete(entry.prefix.key);
    } else {
      this.#queue.withdraw(entry);
    }
  }

  /**
   * What differs from the last set, so that one change among 10,000 routes costs no look at each. Only
   * where the peer has just what it can have of that set, one entry for each route of it; else undefined.
   */
  #differenceTo(routes: readonly Route[], nextHops: NextHops): Difference | undefined {
    const { byKey } = this.#entries;
    const { routes: before, nextHops: nextHopsBefore } = this.#last;
    const { advertised, pending } = this.#queue;
    const hasAll = pending === 0 && advertised === before.length - this.#withheld.length;
    if (!hasAll || byKey.size !== advertised || !areEqualNextHops(nextHops, nextHopsBefore)) {
      return undefined;
    }
    const shorter = Math.min(before.length, routes.length);
    let start = 0;
    while (start < shorter && before[start] === routes[start]) {
      start += 1;
    }
    let end = 0;
    while (end < shorter - start && before.at(-1 - end) === routes.at(-1 - end)) {
      end += 1;
    }
    const gone = new Set(before.slice(start, before.length - end).map(({ prefix }) => prefix.key));
    const added = routes.slice(start, routes.length - end);
    // Two routes for one prefix, of which one stays: which of them counts is a matter of their order.
    const withheld = new Set(this.#withheld.map(({ prefix }) => prefix.key));
    const isDouble =
      added.some(({ prefix: { key } }) => byKey.has(key) && !gone.has(key)) ||
      withheld.size < this.#withheld.length ||
      [...withheld].some((key) => byKey.has(key));
    return isDouble
      ? undefined
      : {
          added,
          removed: [...gone].flatMap((key) => byKey.get(key) ?? []),
          withheld: this.#withheld.filter(({ prefix }) => !gone.has(prefix.key)),
        };
  }
}
