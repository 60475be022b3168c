import type { Node } from "../../cluster/node.ts";
import type { Drain, SpeakerSnapshot } from "../../cluster/snapshot.ts";
import type { Config } from "../../config/model.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Decision } from "../decide.ts";
import { mayAdvertise, mayServe, nextDeadlineMs } from "../departure.ts";
import type { DrainSource } from "../state.ts";
import type { ClusterReads } from "./cluster-reads.ts";
import { Endings } from "./endings.ts";
import { NodeDrain } from "./node-drain.ts";

export interface DepartureSettings {
  readonly nodeName: string;
  readonly ignoreExcludeLabel: boolean;
  readonly drainOnCordon: boolean;
  /** Between GRACEFUL_SHUTDOWN and withdrawal. */
  readonly drainTimeMs: number;
}

export interface LeavingOptions {
  readonly settings: DepartureSettings;
  readonly reads: ClusterReads;
  /** In force; undefined: none is. */
  readonly config: () => Config | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another decision is due. */
  readonly onChange: () => void;
  readonly recordEvent: (note: EventNote) => void;
}

/** What a snapshot holds of all that leaves. */
export type DepartureTimes = Pick<
  SpeakerSnapshot,
  "drain" | "endings" | "drainOnCordon" | "drainTimeMs" | "nowMs"
>;

/** What leaves here and since when: this node, endpoints on it, the speaker itself. */
export class Leaving {
  readonly #options: LeavingOptions;
  readonly #nodeDrain: NodeDrain;
  readonly #endings: Endings;
  #node: Node | undefined;
  #drain: Drain | undefined;
  /** Set when the speaker is about to end: the sessions that need not drain. */
  #restarting: ReadonlySet<string> | undefined;
  #deadline: Timer | undefined;

  constructor(options: LeavingOptions) {
    const { settings, config, recordEvent } = options;
    this.#options = options;
    this.#nodeDrain = new NodeDrain({ ...options, ...settings, record: recordEvent });
    this.#endings = new Endings({
      ...options,
      nodeName: settings.nodeName,
      canTakeOver: (candidate, node) => {
        const inForce = config();
        return mayServe(node, settings) && inForce !== undefined
          ? mayAdvertise(inForce, candidate, node)
          : false;
      },
    });
  }

  /** The speaker is about to end; only the sessions of `restarting` go on as they are. */
  startLeaving(restarting: ReadonlySet<string>): void {
    this.#restarting = restarting;
    if (this.#node !== undefined) {
      this.#nodeDrain.tellEnd(this.#node);
    }
    this.#options.onChange();
  }

  get isLeaving(): boolean {
    return this.#restarting !== undefined;
  }

  isSessionLeaving(name: string): boolean {
    return this.#restarting?.has(name) === false;
  }

  /** For a decision of this moment; `isFirst`: none was carried out yet. */
  take(node: Node, isFirst: boolean): DepartureTimes {
    const { settings, clock } = this.#options;
    const { drainOnCordon, drainTimeMs } = settings;
    this.#node = node;
    this.#drain = this.#nodeDrain.update(node, isFirst);
    return {
      drainOnCordon,
      drainTimeMs,
      nowMs: clock.now(),
      ...(this.#drain === undefined ? {} : { drain: this.#drain }),
      endings: this.#endings.known,
    };
  }

  /**
   * Learns what a decision found, and has another follow when time alone makes a difference. False:
   * the first decision is not to be carried out yet. End-of-RIB follows it, so it waits until it is
   * known which endpoints that end are needed, and who serves instead of a node that drains.
   */
  follow(snapshot: SpeakerSnapshot, decision: Decision, isFirst: boolean): boolean {
    this.#endings.update(decision.endings, isFirst);
    if (isFirst && (this.#endings.isAsking || this.#nodeDrain.isAsking)) {
      return false;
    }
    const { clock, onChange } = this.#options;
    const deadlineMs = nextDeadlineMs(snapshot);
    this.#deadline?.cancel();
    this.#deadline =
      deadlineMs === undefined
        ? undefined
        : clock.after(Math.max(0, deadlineMs - clock.now()), onChange);
    return true;
  }

  /** Undefined: our own Node does not drain. */
  get drainSource(): DrainSource | undefined {
    if (this.#drain === undefined) {
      return undefined;
    }
    const { cause, sinceMs } = this.#drain;
    const { clock } = this.#options;
    return sinceMs === -Infinity
      ? { cause }
      : { cause, sinceWallTimeMs: clock.wallTime() - (clock.now() - sinceMs) };
  }

  /** Reads and follows nothing any more. */
  async close(): Promise<void> {
    this.#deadline?.cancel();
    this.#endings.close();
    await this.#nodeDrain.close();
  }
}
