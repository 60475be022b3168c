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
  readonly sinceMs: number;
  found: FoundEnding;
  isAsking: boolean;
  /** The node that can take over; absent: none is known to. */
  takesOver?: string;
}

/** All reads of one round together may take so long; what failed counts as none. */
const askLimitMs = 1_000;
/** While nobody can take over, it is asked again after so long. */
const repeatMs = 1_000;

/**
 * The `Local` Services whose last ready endpoint on this node ends: since when, and whether another
 * node can serve them. Nodes are read by name, and only those that hold a ready endpoint, until one
 * is found.
 */
export class Endings {
  readonly #options: EndingsOptions;
  readonly #records = new Map<string, EndingRecord>();
  #round: AbortController | undefined;
  #repeat: Timer | undefined;
  #isClosed = false;

  constructor(options: EndingsOptions) {
    this.#options = options;
  }

  /** What a decision is to know. */
  get known(): ReadonlyMap<string, Ending> {
    return new Map(
      [...this.#records].map(([key, { sinceMs, takesOver }]) => [
        key,
        { sinceMs, isServedElsewhere: takesOver !== undefined },
      ]),
    );
  }

  /** A Service was not asked about to the end; a failure ends it, too. */
  get isAsking(): boolean {
    return [...this.#records.values()].some(({ isAsking }) => isAsking);
  }

  /**
   * Takes in what a decision found ending. What was under way when this speaker started (`isFirst`)
   * has no time left.
   */
  update(found: ReadonlyMap<string, FoundEnding>, isFirst: boolean): void {
    for (const key of this.#records.keys()) {
      if (!found.has(key)) {
        this.#records.delete(key);
      }
    }
    const nowMs = this.#options.clock.now();
    for (const [key, ending] of found) {
      const record = this.#records.get(key);
      if (record === undefined) {
        const sinceMs = isFirst ? -Infinity : nowMs;
        this.#records.set(key, { sinceMs, found: ending, isAsking: true });
        continue;
      }
      const { nodes } = ending;
      const isSame = record.found.nodes.join() === nodes.join();
      record.found = ending;
      if (!isSame && (record.takesOver === undefined || !nodes.includes(record.takesOver))) {
        record.isAsking = true;
      }
    }
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
    const isMissing = [...this.#records.values()].some(({ takesOver }) => takesOver === undefined);
    if (isMissing && this.#repeat === undefined) {
      this.#repeat = this.#options.clock.after(repeatMs, () => {
        this.#repeat = undefined;
        for (const record of this.#records.values()) {
          record.isAsking ||= record.takesOver === undefined;
        }
        this.#ask();
      });
    }
  }

  /** Answers each that is asked about at its begin. */
  async #runRound(signal: AbortSignal): Promise<void> {
    const asked = [...this.#records.values()].filter(({ isAsking }) => isAsking);
    const withSpeaker = await this.#tryRead(() => this.#options.reads.readSpeakers(signal));
    const speakers = nodesWithReady(withSpeaker ?? []);
    const read = new Map<string, Promise<Node | undefined>>();
    for (const record of asked) {
      const { found } = record;
      const takesOver = await this.#findFirst(found, speakers, read, signal);
      record.isAsking = record.found.nodes.join() !== found.nodes.join();
      delete record.takesOver;
      if (takesOver !== undefined) {
        record.takesOver = takesOver;
      }
    }
  }

  async #findFirst(
    { nodes, candidate }: FoundEnding,
    speakers: ReadonlySet<string>,
    read: Map<string, Promise<Node | undefined>>,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    for (const name of nodes) {
      if (name === this.#options.nodeName || !speakers.has(name)) {
        continue;
      }
      const reading =
        read.get(name) ?? this.#tryRead(() => this.#options.reads.readNode(name, signal));
      read.set(name, reading);
      const node = await reading;
      if (node !== undefined && this.#options.canTakeOver(candidate, node)) {
        return name;
      }
    }
    return undefined;
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
