import { type DrainCause, type Node, whyDraining } from "../../cluster/node.ts";
import { nodesWithReady, type Pod } from "../../cluster/pod.ts";
import type { Drain, OtherNodes } from "../../cluster/snapshot.ts";
import type { EventNote } from "../../kube/event-note.ts";
import { Store } from "../../kube/store.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { ClusterReads } from "./cluster-reads.ts";

export interface NodeDrainOptions {
  readonly reads: ClusterReads;
  readonly drainOnCordon: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What is known of the other nodes changed. */
  readonly onChange: () => void;
  readonly record: (note: EventNote) => void;
}

interface Running {
  readonly cause: DrainCause;
  readonly sinceMs: number;
  readonly startedMs: number;
  /** When a first decision waits no longer; absent: none waits. */
  readonly limit: Timer | undefined;
  readonly nodes: Store<Node>;
  readonly speakers: Store<Pod>;
  readonly stop: AbortController;
  readonly ended: Promise<unknown>;
}

/** A first decision waits so long for what is to be known of the other nodes. */
const askLimitMs = 1_000;
/** One Event for the drain's begin, and one for its end, in so long. */
const spacingMs = 600_000;

/**
 * Follows whether our own Node drains and since when; the other Nodes and the speakers' Pods are
 * followed only while it does.
 */
export class NodeDrain {
  readonly #options: NodeDrainOptions;
  readonly #recordedMs = new Map<string, number>();
  #running: Running | undefined;

  constructor(options: NodeDrainOptions) {
    this.#options = options;
  }

  /** The drain was under way when this speaker started, and the other nodes may soon be known. */
  get isAsking(): boolean {
    const running = this.#running;
    if (running?.limit === undefined || this.#others() !== undefined) {
      return false;
    }
    return this.#options.clock.now() < running.startedMs + askLimitMs;
  }

  /**
   * Looks at our Node, and gives the drain as a decision is to see it. One that was under way when
   * this speaker started (`isFirst`) has no time left: the routes are gone already.
   */
  update(node: Node, isFirst: boolean): Drain | undefined {
    const cause = whyDraining(node, this.#options.drainOnCordon);
    if (cause === undefined) {
      if (this.#running !== undefined) {
        void this.close();
        this.#tell(node, "BGPDrainEnded", "the Node drains no longer");
      }
      return undefined;
    }
    if (this.#running === undefined) {
      this.#running = this.#start(cause, isFirst);
      this.#tell(node, "BGPDraining", `the Node drains (${cause}): its routes leave the routers`);
    }
    const { sinceMs } = this.#running;
    const others = this.#others();
    return { cause, sinceMs, ...(others === undefined ? {} : { others }) };
  }

  /** The speaker itself drains, since it was told to end. */
  tellEnd(node: Node): void {
    this.#tell(node, "BGPDraining", "the speaker ends: its routes leave the routers");
  }

  /** Follows nothing any more; resolves when that has ended. */
  async close(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    running?.limit?.cancel();
    running?.stop.abort();
    await running?.ended;
  }

  #start(cause: DrainCause, isFirst: boolean): Running {
    const { reads, clock, onChange } = this.#options;
    const nodes = new Store<Node>();
    const speakers = new Store<Pod>();
    const stop = new AbortController();
    nodes.onChange(onChange);
    speakers.onChange(onChange);
    const ended = Promise.all([
      reads.followNodes(nodes, stop.signal),
      reads.followSpeakers(speakers, stop.signal),
    ]);
    const startedMs = clock.now();
    const sinceMs = isFirst ? -Infinity : startedMs;
    const limit = isFirst ? clock.after(askLimitMs, onChange) : undefined;
    return { cause, sinceMs, startedMs, limit, nodes, speakers, stop, ended };
  }

  #others(): OtherNodes | undefined {
    const { nodes, speakers } = this.#running ?? {};
    if (nodes?.isSynced !== true || speakers?.isSynced !== true) {
      return undefined;
    }
    return {
      nodes: [...nodes.entries.values()],
      withSpeaker: nodesWithReady(speakers.entries.values()),
    };
  }

  #tell(node: Node, reason: string, message: string): void {
    const { clock, logger, record } = this.#options;
    logger.info({ reason, cause: message }, "the drain of this node changed");
    const nowMs = clock.now();
    if (nowMs - (this.#recordedMs.get(reason) ?? -Infinity) >= spacingMs) {
      this.#recordedMs.set(reason, nowMs);
      record({
        subject: { apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid },
        type: "Normal",
        reason,
        message,
      });
    }
  }
}
