import type { AddressFamily } from "../net/address.ts";
import {
  type AttributeLookUp,
  AttributeSets,
  type AttributeSetTerms,
  type WithheldRoute,
} from "./attribute-sets.ts";
import type { NextHops } from "./next-hop.ts";
import type { Output } from "./output.ts";
import { OutputQueue } from "./output-queue.ts";
import type { AttributeSet } from "./pack.ts";
import { RibEntries, type RibEntry } from "./rib-entry.ts";
import type { Route } from "./route.ts";

/** How many routes a peer that has none gets before the others are looked at. */
const firstRoutes = 1_000;
/** What most routes take on the wire: a /32. */
const hostRouteOctets = 5;

/** How far the look at the routes that the peer is to have has got. */
interface Look {
  readonly routes: readonly Route[];
  /** Their entries, if they were prepared. */
  readonly prepared: readonly RibEntry[];
  readonly lookUp: AttributeLookUp;
  next: number;
  /** Prefixes among those before `next`. */
  named: number;
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
  /** Routes that `setRoutes` brought and nobody has looked at. */
  #look: Look | undefined;
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
    const { routes, next } = this.#look ?? { routes: [], next: 0 };
    return this.#queue.pending + routes.length - next;
  }

  /** Routes that this session cannot carry, of those that were looked at. */
  get withheld(): readonly WithheldRoute[] {
    return this.#withheld;
  }

  /**
   * Sets what the peer is to have, through which next hops; of two routes for one prefix the first counts. After the first
   * call, each family ends with End-of-RIB once its routes are sent (RFC 4724 §4). A peer that has nothing yet gets its first
   * routes before the others are looked at: `take` looks at them as it needs them.
   */
  setRoutes(routes: readonly Route[], nextHops: NextHops): void {
    const isFirst = this.#generation === 0;
    if (isFirst) {
      for (const family of this.#terms.families) {
        this.#queue.mark(family, "end-of-rib");
      }
    }
    this.#generation += 1;
    this.#queue.clear();
    this.#withheld = [];
    const lookUp = this.#sets.begin(nextHops);
    this.#look = { routes, prepared: this.#entries.prepared(routes), lookUp, next: 0, named: 0 };
    this.#lookAhead(isFirst ? firstRoutes : Infinity);
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
    this.#lookAhead(Math.ceil(budgetOctets / hostRouteOctets));
    return this.#queue.take(budgetOctets, this.#look === undefined);
  }

  /** Looks at routes until `count` wait, or there are no more. */
  #lookAhead(count: number): void {
    const look = this.#look;
    if (look === undefined) {
      return;
    }
    const { routes, prepared, lookUp } = look;
    while (this.#queue.pending < count) {
      const route = routes[look.next];
      if (route === undefined) {
        this.#lookedAtAll(look);
        return;
      }
      const set = lookUp(route);
      if (typeof set === "string") {
        this.#withheld.push({ prefix: route.prefix, reason: set });
      } else if (this.#want(prepared[look.next] ?? this.#entries.of(route.prefix), set)) {
        look.named += 1;
      }
      look.next += 1;
    }
  }

  #lookedAtAll({ named }: Look): void {
    this.#look = undefined;
    this.#entries.forgetPrepared();
    if (named < this.#entries.byKey.size) {
      this.#withdrawUnnamed();
    }
    this.#sets.prune(() => this.#entries.setsInUse());
  }

  /** False if an earlier route of this pass had the prefix. */
  #want(entry: RibEntry, set: AttributeSet): boolean {
    if (entry.generation === this.#generation) {
      return false;
    }
    entry.want = set;
    entry.generation = this.#generation;
    if (entry.sent !== set) {
      this.#queue.advertise(entry, set);
    }
    return true;
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
        this.#queue.withdraw(entry);
      }
    }
  }
}
