import type { AddressFamily } from "../net/address.ts";
import { maxMessageOctets, RefreshSubtype } from "./codec/iana.ts";
import { Writer } from "./codec/writer.ts";
import type { Output } from "./output.ts";
import {
  type AttributeSet,
  leavesRoomForPrefix,
  packAdvertisement,
  packEncoded,
  packEndOfRib,
  packPrefixes,
  packRouteRefresh,
  packWithdrawal,
} from "./pack.ts";
import type { RibEntries, RibEntry } from "./rib-entry.ts";

/** What the peer can take. */
export interface OutputTerms {
  readonly families: readonly AddressFamily[];
  /** The limit for one message to this peer. */
  readonly maxMessageOctets: number;
}

/** What follows the last waiting route of a family. */
export type Marker = "end-of-rib" | "end-of-refresh";

/** Entries that wait, first in, first out: those before `next` are done. */
interface Waiting {
  entries: RibEntry[];
  next: number;
}

/** A run that waits, from `next` on; `octets` begins there. */
interface WaitingRun {
  readonly set: AttributeSet;
  readonly entries: readonly RibEntry[];
  next: number;
  octets: Uint8Array;
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

/** With less room left in a write, another message waits for the next, where it is a longer one. */
const worthOctets = 1_024;

/** What a peer is still to be told, and the messages that say so. What is taken counts as sent. */
export class OutputQueue {
  readonly #terms: OutputTerms;
  readonly #entries: RibEntries;
  #withdrawals: Record<AddressFamily, Waiting> = noWithdrawals();
  #runs: WaitingRun[] = [];
  #advertisements = new Map<AttributeSet, Waiting>();
  /** Where the last one waits: the next mostly follows it. */
  #last: { readonly set: AttributeSet; readonly waiting: Waiting } | undefined;
  readonly #refreshBegins = new Set<AddressFamily>();
  readonly #markers = new Map<AddressFamily, Marker>();
  #advertised = 0;
  #pending = 0;

  /** `entries`: those of withdrawn routes are taken out. */
  constructor(terms: OutputTerms, entries: RibEntries) {
    this.#terms = terms;
    this.#entries = entries;
  }

  /** Routes that the peer has. */
  get advertised(): number {
    return this.#advertised;
  }

  /** Advertisements and withdrawals that wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Forgets the advertisements and withdrawals that wait. */
  clear(): void {
    this.#withdrawals = noWithdrawals();
    this.#runs = [];
    this.#advertisements = new Map();
    this.#last = undefined;
    this.#pending = 0;
  }

  advertise(entry: RibEntry, set: AttributeSet): void {
    if (this.#last?.set !== set) {
      this.#last = { set, waiting: this.#advertisementsOf(set) };
    }
    this.#last.waiting.entries.push(entry);
    this.#pending += 1;
  }

  /**
   * For a peer that has none of these. Their entries are looked at when they are taken.
   *
   * @param octets their prefixes as they stand in an UPDATE
   */
  advertiseRun(entries: readonly RibEntry[], octets: Uint8Array, set: AttributeSet): void {
    this.#runs.push({ set, entries, next: 0, octets });
    this.#pending += entries.length;
  }

  withdraw(entry: RibEntry): void {
    this.#withdrawals[entry.prefix.family].entries.push(entry);
    this.#pending += 1;
  }

  /** Ends the routes of `family` with a marker. */
  mark(family: AddressFamily, marker: Marker): void {
    this.#markers.set(family, marker);
  }

  /**
   * Announces that all routes of `family` come again (RFC 7313 §4), and their end. Before the first
   * End-of-RIB the initial routes are still to come anyway.
   */
  frameRefresh(family: AddressFamily): void {
    if (this.#markers.get(family) !== "end-of-rib") {
      this.#refreshBegins.add(family);
      this.#markers.set(family, "end-of-refresh");
    }
  }

  /**
   * Takes messages of about `budgetOctets`, at least one; undefined if nothing waits. None is longer
   * than the budget or 4,096 octets, but where attributes need it. Withdrawals come first.
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
    do {
      // Each turn writes one message.
    } while (this.#takeOne(draft) && budgetOctets - draft.writer.length >= worthOctets);
    const { writer, limit: _, ...counts } = draft;
    return writer.length === 0 ? undefined : { octets: writer.toBytes(), ...counts };
  }

  #advertisementsOf(set: AttributeSet): Waiting {
    const waiting = this.#advertisements.get(set) ?? { entries: [], next: 0 };
    this.#advertisements.set(set, waiting);
    return waiting;
  }

  #takeOne(draft: OutputDraft): boolean {
    return (
      this.#takeWithdrawal(draft) ||
      this.#takeRefreshBegin(draft) ||
      this.#takeRun(draft) ||
      this.#takeAdvertisement(draft) ||
      this.#takeMarker(draft)
    );
  }

  #takeWithdrawal(draft: OutputDraft): boolean {
    for (const family of this.#terms.families) {
      const waiting = this.#withdrawals[family];
      if (waiting.entries.length > 0) {
        const { entries, next } = waiting;
        const count = packWithdrawal(draft.writer, family, entries, next, draft.limit);
        for (const entry of entries.slice(next, next + count)) {
          this.#entries.byKey.delete(entry.prefix.key);
        }
        drop(waiting, count);
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

  #takeRun(draft: OutputDraft): boolean {
    const [run] = this.#runs;
    if (run === undefined) {
      return false;
    }
    const { set, entries, next, octets } = run;
    const { writer } = draft;
    let packedOctets = 0;
    const count = this.#advertise(draft, set, (end) => {
      const before = writer.length;
      const packed = packEncoded(writer, entries, next, octets, end);
      packedOctets = writer.length - before;
      return packed;
    });
    for (let at = next; at < next + count; at += 1) {
      const entry = entries[at];
      if (entry !== undefined) {
        entry.want = set;
        entry.sent = set;
      }
    }
    this.#advertised += count;
    run.next += count;
    run.octets = octets.subarray(packedOctets);
    if (run.next >= entries.length) {
      this.#runs.shift();
    }
    return true;
  }

  #takeAdvertisement(draft: OutputDraft): boolean {
    for (const [set, waiting] of this.#advertisements) {
      const { entries, next } = waiting;
      const count = this.#advertise(draft, set, (end) =>
        packPrefixes(draft.writer, entries, next, end),
      );
      for (const entry of entries.slice(next, next + count)) {
        this.#advertised += entry.sent === undefined ? 1 : 0;
        entry.sent = set;
      }
      drop(waiting, count);
      if (waiting.entries.length === 0) {
        this.#advertisements.delete(set);
        this.#last = undefined;
      }
      return true;
    }
    return false;
  }

  /** Writes one UPDATE of what `packInto` writes. */
  #advertise(draft: OutputDraft, set: AttributeSet, packInto: (end: number) => number): number {
    const fits = leavesRoomForPrefix(set, draft.limit);
    const limit = fits ? draft.limit : this.#terms.maxMessageOctets;
    const count = packAdvertisement(draft.writer, set, packInto, limit);
    this.#pending -= count;
    draft.advertised += count;
    draft.updates += 1;
    return count;
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
}

function noWithdrawals(): Record<AddressFamily, Waiting> {
  return { ipv4: { entries: [], next: 0 }, ipv6: { entries: [], next: 0 } };
}

/** Takes the first `count` out, in steps that cost no more than what was taken. */
function drop(waiting: Waiting, count: number): void {
  waiting.next += count;
  const { entries, next } = waiting;
  if (2 * next >= entries.length) {
    waiting.entries = entries.slice(next);
    waiting.next = 0;
  }
}
