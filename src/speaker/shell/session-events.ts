import type { SessionStatus } from "../../bgp/session/status.ts";
import type { Node } from "../../cluster/node.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { Clock, Timer } from "../../runtime/clock.ts";

export interface SessionEventsOptions {
  readonly clock: Clock;
  /** Our own Node; undefined: not seen yet. */
  readonly node: () => Node | undefined;
  readonly record: (note: EventNote) => void;
}

/** One Event for a session and a state in so long. */
const spacingMs = 600_000;

interface Told {
  isUp: boolean;
  /** When an Event of each kind was last recorded. */
  readonly atMs: Map<boolean, number>;
  /** For the end of the 10 minutes. */
  waiting: Timer | undefined;
}

/**
 * Events on our own Node when a session comes up or goes down: at most one for each session and
 * state in 10 minutes. What a flapping session ends up as is told when that time has passed.
 */
export class SessionEvents {
  readonly #options: SessionEventsOptions;
  readonly #statuses = new Map<string, SessionStatus>();
  readonly #told = new Map<string, Told>();

  constructor(options: SessionEventsOptions) {
    this.#options = options;
  }

  take(status: SessionStatus): void {
    this.#statuses.set(status.name, status);
    this.#tell(status.name);
  }

  forget(name: string): void {
    this.#statuses.delete(name);
    this.#told.get(name)?.waiting?.cancel();
    this.#told.delete(name);
  }

  #tell(name: string): void {
    const { clock } = this.#options;
    const node = this.#options.node();
    const status = this.#statuses.get(name);
    if (status === undefined || node === undefined) {
      return;
    }
    const isUp = status.state === "Established";
    const told = this.#told.get(name) ?? { isUp: false, atMs: new Map(), waiting: undefined };
    this.#told.set(name, told);
    if (told.isUp === isUp || told.waiting !== undefined) {
      return;
    }
    const nowMs = clock.now();
    const freeAtMs = (told.atMs.get(isUp) ?? -spacingMs) + spacingMs;
    if (nowMs < freeAtMs) {
      told.waiting = clock.after(freeAtMs - nowMs, () => {
        told.waiting = undefined;
        this.#tell(name);
      });
      return;
    }
    told.isUp = isUp;
    told.atMs.set(isUp, nowMs);
    this.#options.record(sessionNote(node, status, isUp));
  }
}

/** A session that was up has failed, or it is another one by now, which has not failed yet. */
const replaced = "closed by this speaker, because the configuration of this peer changed";

function sessionNote(node: Node, status: SessionStatus, isUp: boolean): EventNote {
  return {
    subject: { apiVersion: "v1", kind: "Node", name: node.name, uid: node.uid },
    type: isUp ? "Normal" : "Warning",
    reason: isUp ? "BGPSessionUp" : "BGPSessionDown",
    part: status.name,
    message: isUp
      ? `BGP session with ${status.name} is up`
      : `BGP session with ${status.name} is down: ${status.lastError?.text ?? replaced}`,
  };
}
