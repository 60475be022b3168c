import type { Address, AddressFamily } from "../../net/address.ts";
import { AdjRibOut } from "../adj-rib-out.ts";
import type { WithheldRoute } from "../attribute-sets.ts";
import type { LinkBandwidthForm } from "../export.ts";
import { maxOctetsToPeer, type Negotiated } from "../negotiate.ts";
import {
  areEqualNextHops,
  chooseNextHops,
  type LocalInterface,
  type NextHops,
} from "../next-hop.ts";
import type { Output } from "../output.ts";
import { RibEntries } from "../rib-entry.ts";
import type { Route } from "../route.ts";
import type { Clock, Timer } from "./ports.ts";
import type { MutableCounters } from "./status.ts";

export interface RouteSenderOptions {
  readonly localAsn: number;
  readonly linkBandwidth: LinkBandwidthForm;
  /** Read again at each use: a Node's addresses may change. */
  readonly node: { readonly addresses: readonly Address[] };
  readonly interfaces: () => readonly LocalInterface[];
  readonly clock: Clock;
  readonly counters: MutableCounters;
  /** False: wait for `writable` before more. */
  readonly write: (output: Output) => boolean;
  /** Something was written, or what cannot be sent has changed. */
  readonly onProgress: () => void;
}

/**
 * Octets of one write: few at first, so that the router has something to do while we pack the rest,
 * then four times as many each time, up to the longest message, so that even 100,000 routes are ten
 * messages: no more than FRR reads at a time (its `read-quanta`). What is beyond a write waits as a
 * difference.
 */
const firstWriteOctets = 4_096;
const writeGrowth = 4;
const largestWriteOctets = 65_536;
/** How long packing may keep the event loop to itself. */
const sliceMs = 10;
/** How often to look for other next hops: interfaces and their addresses come late, and change. */
const nextHopRecheckMs = 2_000;

/** Keeps the peer's view of our routes at what is desired, as fast as the peer takes it. */
export class RouteSender {
  readonly #options: RouteSenderOptions;
  readonly #endOfRibSent = new Set<AddressFamily>();
  /** Kept over sessions; while one is up, its Adj-RIB-Out's. */
  readonly #entries = new RibEntries();
  #routes: readonly Route[] | undefined;
  #session: { readonly negotiated: Negotiated; readonly local: Address } | undefined;
  #adjRibOut: AdjRibOut | undefined;
  #nextHops: NextHops = {};
  #hasRoom = false;
  #writeOctets = firstWriteOctets;
  #continuation: Timer | undefined;
  #recheck: Timer | undefined;
  #preparation: Timer | undefined;
  #isLastSession = false;
  /** Those that the next hops were chosen of. */
  #nodeAddresses: readonly Address[] = [];
  #whenDrained: (() => void) | undefined;

  constructor(options: RouteSenderOptions) {
    this.#options = options;
  }

  get advertised(): number {
    return this.#adjRibOut?.advertised ?? 0;
  }

  get pending(): number {
    return this.#adjRibOut?.pending ?? 0;
  }

  get withheld(): readonly WithheldRoute[] {
    return this.#adjRibOut?.withheld ?? [];
  }

  /** Families whose End-of-RIB was written at least once since the sender was made. */
  get endOfRibSent(): ReadonlySet<AddressFamily> {
    return this.#endOfRibSent;
  }

  /** A session is up: it gets all routes, once they are known. */
  open(negotiated: Negotiated, local: Address): void {
    this.#session = { negotiated, local };
    this.#preparation?.cancel();
    this.#preparation = undefined;
    const terms = {
      localAsn: this.#options.localAsn,
      linkBandwidth: this.#options.linkBandwidth,
      internal: negotiated.internal,
      fourOctetAsn: negotiated.fourOctetAsn,
      families: negotiated.families,
      maxMessageOctets: maxOctetsToPeer(negotiated),
    };
    this.#adjRibOut = new AdjRibOut(terms, this.#entries);
    this.#hasRoom = true;
    this.#writeOctets = firstWriteOctets;
    this.#setAll();
  }

  /** The session is down. */
  close(): void {
    this.#session = undefined;
    this.#adjRibOut = undefined;
    this.#entries.forgetPeer();
    this.#prepare();
    this.#nextHops = {};
    this.#hasRoom = false;
    this.#continuation?.cancel();
    this.#continuation = undefined;
    this.#recheck?.cancel();
    this.#recheck = undefined;
    this.#settle();
  }

  setRoutes(routes: readonly Route[]): void {
    this.#routes = routes;
    this.#prepare();
    this.#setAll();
  }

  /** There is room for more octets. */
  writable(): void {
    this.#hasRoom = true;
    this.#flush();
  }

  /** Sends all routes of `family` again (RFC 2918 §4). */
  refresh(family: AddressFamily): void {
    const isEnhanced = this.#session?.negotiated.enhancedRouteRefresh ?? false;
    this.#adjRibOut?.refresh(family, isEnhanced);
    this.#flush();
  }

  /** No session comes after this one: nothing is prepared for it. */
  end(): void {
    this.#isLastSession = true;
    this.#preparation?.cancel();
    this.#preparation = undefined;
  }

  /**
   * Withdraws everything, and ends; resolves when that is written, or `limitMs` later, or with the
   * session.
   */
  withdrawAll(limitMs: number): Promise<void> {
    this.end();
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.after(limitMs, () => this.#settle());
    this.#whenDrained = () => {
      limit.cancel();
      resolve();
    };
    this.setRoutes([]);
    if (this.#adjRibOut === undefined) {
      this.#settle();
    }
    return promise;
  }

  /**
   * While the session is down, there is time for what it will need first: in a turn of its own, since
   * sessions are often lost, and get their routes, several at a time.
   */
  #prepare(): void {
    if (this.#adjRibOut === undefined && !this.#isLastSession) {
      this.#preparation ??= this.#options.clock.after(0, () => {
        this.#preparation = undefined;
        this.#entries.prepare(this.#routes ?? []);
      });
    }
  }

  /** Works out the difference anew, with the next hops that were chosen last: the recheck sees to them. */
  #setAll(): void {
    if (this.#adjRibOut === undefined || this.#routes === undefined) {
      return;
    }
    if (this.#recheck === undefined || this.#nodeAddresses !== this.#options.node.addresses) {
      this.#nextHops = this.#chooseNextHops();
      this.#recheck ??= this.#options.clock.after(nextHopRecheckMs, () => this.#recheckNextHops());
    }
    this.#adjRibOut.setRoutes(this.#routes, this.#nextHops);
    this.#flush();
    this.#options.onProgress();
  }

  /**
   * A next hop that is not found any more stays until another one takes its place: an interface is
   * not listed while its link blips, and a link that is dead ends the session.
   */
  #chooseNextHops(): NextHops {
    const { node, interfaces } = this.#options;
    this.#nodeAddresses = node.addresses;
    return this.#session === undefined
      ? {}
      : {
          ...this.#nextHops,
          ...chooseNextHops({
            localAddress: this.#session.local,
            nodeAddresses: node.addresses,
            interfaces: interfaces(),
            extendedNextHop: this.#session.negotiated.extendedNextHop,
          }),
        };
  }

  #recheckNextHops(): void {
    this.#recheck = this.#options.clock.after(nextHopRecheckMs, () => this.#recheckNextHops());
    const nextHops = this.#chooseNextHops();
    if (!areEqualNextHops(nextHops, this.#nextHops)) {
      this.#nextHops = nextHops;
      this.#setAll();
    }
  }

  /** Writes what the peer lacks while it takes it, in slices that leave the event loop to others. */
  #flush(): void {
    const { clock, write, onProgress } = this.#options;
    const deadline = clock.now() + sliceMs;
    let hasWritten = false;
    while (this.#hasRoom && this.#continuation === undefined) {
      const output = this.#adjRibOut?.take(this.#writeOctets);
      this.#writeOctets = Math.min(writeGrowth * this.#writeOctets, largestWriteOctets);
      if (output === undefined) {
        this.#writeOctets = firstWriteOctets;
        this.#settle();
        break;
      }
      hasWritten = true;
      this.#count(output);
      this.#hasRoom = write(output);
      if (clock.now() >= deadline) {
        this.#continuation = clock.after(0, () => {
          this.#continuation = undefined;
          this.#flush();
        });
      }
    }
    if (hasWritten) {
      onProgress();
    }
  }

  #count(output: Output): void {
    const { counters } = this.#options;
    counters.updatesSent += output.updates;
    counters.routeRefreshesSent += output.refreshes;
    counters.messagesSent += output.updates + output.refreshes;
    counters.prefixesAdvertised += output.advertised;
    counters.prefixesWithdrawn += output.withdrawn;
    for (const family of output.endOfRib) {
      this.#endOfRibSent.add(family);
    }
  }

  #settle(): void {
    this.#whenDrained?.();
    this.#whenDrained = undefined;
  }
}
