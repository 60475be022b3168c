import type { Node } from "../../cluster/node.ts";
import { nodesWithReady } from "../../cluster/pod.ts";
import type { Ending } from "../../cluster/snapshot.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { FoundEnding } from "../decide.ts";
import type { ClusterReads } from "./cluster-reads.ts";

export interface EndingsOptions {
  readonly nodeName: string;
  readonly reads: Pick<ClusterReads, "readNode" | "readSpeakers">;
  /** Whether a node with a Ready speaker, by its object and the configuration, can take over. */
  readonly canTakeOver: (candidate: FoundEnding["candidate"], node: Node) => boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Something is known that was not. */
  readonly onChange: () => void;
}

interface EndingRecord {
  found: FoundEnding;
  isAsking: boolean;
  /** When it is asked again; Infinity: no answer came yet. */
  askAgainMs: number;
  /** The node that can take over; undefined: none is known to. */
  takesOver: { readonly node: string; readonly sinceMs: number } | undefined;
}

/** What one round reads, each at most once; undefined: it could not be read. */
interface Round {
  readonly speakers: ReadonlySet<string> | undefined;
  readonly node: (name: string) => Promise<Node | undefined>;
}

/** All reads of one round together may take so long. */
const askLimitMs = 1_000;
/** While nobody can take over, it is asked again after so long. */
const repeatMs = 1_000;
/** Whether the one that takes over still can is asked again after so long. */
const confirmMs = 5_000;

/**
 * The `Local` Services whose last ready endpoint on this node ends, and since when another node is
 * known to serve them. Nodes are read by name, and only those that hold a ready endpoint, until one
 * is found; again and again, since an endpoint may end for long and that node may leave meanwhile.
 *
 * What cannot be read counts as no node that can take over, and takes nothing from one that could.
 */
export class Endings {
  readonly #options: EndingsOptions;
  readonly #records = new Map<string, EndingRecord>();
  #round: AbortController | undefined;
  /** No decision was carried out yet. */
  #isFirst = false;
  #repeat: Timer | undefined;
  #isClosed = false;

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** What a decision is to know. */
  get known(): ReadonlyMap<string, Ending> {
    return new Map(
      [...this.#records].map(([key, { takesOver }]) => [
        key,
        takesOver === undefined ? {} : { servedElsewhereSinceMs: takesOver.sinceMs },
      ]),
    );
  }

  /** A Service was not asked about to the end; a failure ends it, too. */
  get isAsking(): boolean {
    return [...this.#records.values()].some(({ isAsking }) => isAsking);
  }

  /**
   * Takes in what a decision found ending. What is taken over when this speaker starts (`isFirst`: no
   * decision was carried out before) has no time left.
   */
  update(found: ReadonlyMap<string, FoundEnding>, isFirst: boolean): void {
    for (const key of this.#records.keys()) {
      if (!found.has(key)) {
        this.#records.delete(key);
      }
    }
    for (const [key, ending] of found) {
      const record = this.#records.get(key);
      if (record === undefined) {
        this.#records.set(key, {
          found: ending,
          isAsking: true,
          askAgainMs: Infinity,
          takesOver: undefined,
        });
        continue;
      }
      const { nodes } = ending;
      const isSame = record.found.nodes.join() === nodes.join();
      record.found = ending;
      if (!isSame && (record.takesOver === undefined || !nodes.includes(record.takesOver.node))) {
        record.isAsking = true;
      }
    }
    this.#isFirst = isFirst && this.isAsking;
    this.#ask();
  }

  close(): void {
    this.#isClosed = true;
    this.#repeat?.cancel();
    this.#round?.abort();
  }

  #ask(): void {
    if (this.#round === undefined && this.isAsking && !this.#isClosed) {
      const { clock } = this.#options;
      const round = new AbortController();
      this.#round = round;
      const limit = clock.after(askLimitMs, () => round.abort(new Error("no answer in time")));
      void this.#runRound(round.signal).finally(() => {
        limit.cancel();
        this.#round = undefined;
        this.#afterRound();
      });
    }
  }

  #afterRound(): void {
    if (this.#isClosed) {
      return;
    }
    this.#options.onChange();
    this.#ask();
    this.#askAgainLater();
  }

  #askAgainLater(): void {
    const { clock } = this.#options;
    const nextMs = Math.min(...[...this.#records.values()].map(({ askAgainMs }) => askAgainMs));
    this.#repeat?.cancel();
    this.#repeat = undefined;
    if (nextMs < Infinity) {
      this.#repeat = clock.after(Math.max(0, nextMs - clock.now()), () => {
        for (const record of this.#records.values()) {
          record.isAsking ||= record.askAgainMs <= clock.now();
        }
        this.#ask();
      });
    }
  }

  /** Answers each that is asked about at its begin. */
  async #runRound(signal: AbortSignal): Promise<void> {
    const asked = [...this.#records.values()].filter(({ isAsking }) => isAsking);
    const round = await this.#beginRound(signal);
    for (const record of asked) {
      const { found } = record;
      const node = await this.#findFirst(found, record.takesOver?.node, round);
      const nowMs = this.#options.clock.now();
      record.isAsking = record.found.nodes.join() !== found.nodes.join();
      record.askAgainMs = nowMs + (node === undefined ? repeatMs : confirmMs);
      record.takesOver =
        node === undefined
          ? undefined
          : {
              node,
              sinceMs: record.takesOver?.sinceMs ?? (this.#isFirst ? -Infinity : nowMs),
            };
    }
  }

  async #beginRound(signal: AbortSignal): Promise<Round> {
    const { readSpeakers, readNode } = this.#options.reads;
    const pods = await this.#tryRead(() => readSpeakers(signal));
    const nodes = new Map<string, Promise<Node | undefined>>();
    return {
      speakers: pods && nodesWithReady(pods),
      node: (name) => {
        const reading = nodes.get(name) ?? this.#tryRead(() => readNode(name, signal));
        nodes.set(name, reading);
        return reading;
      },
    };
  }

  /** `known`: the node that could take over when it was last asked; it stays the one while it can. */
  async #findFirst(
    { nodes, candidate }: FoundEnding,
    known: string | undefined,
    round: Round,
  ): Promise<string | undefined> {
    const others = nodes.filter((name) => name !== this.#options.nodeName && name !== known);
    const inOrder = known !== undefined && nodes.includes(known) ? [known, ...others] : others;
    for (const name of inOrder) {
      if ((await this.#canTakeOver(name, candidate, round)) ?? name === known) {
        return name;
      }
    }
    return undefined;
  }

  /** undefined: it could not be read. */
  async #canTakeOver(
    name: string,
    candidate: FoundEnding["candidate"],
    { speakers, node: read }: Round,
  ): Promise<boolean | undefined> {
    if (speakers === undefined) {
      return undefined;
    }
    if (!speakers.has(name)) {
      return false;
    }
    const node = await read(name);
    return node && this.#options.canTakeOver(candidate, node);
  }

  async #tryRead<T>(read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      this.#options.logger.debug({ err: error }, "another node could not be read");
      return undefined;
    }
  }
}
