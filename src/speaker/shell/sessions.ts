import type { RecordedMessage } from "../../bgp/message-record.ts";
import type { Route } from "../../bgp/route.ts";
import type { Acceptor } from "../../bgp/session/listener.ts";
import {
  type CloseReason,
  type LocalNode,
  Session,
  type SessionPorts,
} from "../../bgp/session/session.ts";
import type { SessionStatus } from "../../bgp/session/status.ts";
import type { Address } from "../../net/address.ts";
import { formerSessionMs } from "../bfd-peer.ts";
import { diffSessions, type PlannedSession } from "../peers.ts";

export interface SessionsOptions extends SessionPorts {
  /** Read again at each connection. */
  readonly node: LocalNode;
  /** After each change of a session that exists. */
  readonly onChange: (status: SessionStatus) => void;
  /** A session ended for good; what is kept under its name may go. */
  readonly onRemoved: (name: string) => void;
}

interface Slot {
  readonly planned: PlannedSession;
  readonly session: Session;
}

/** The sessions of this speaker, by name: as many as the last plan asked for. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #slots = new Map<string, Slot>();
  /** Sessions that are on their way out, by name: the next of that name waits for it. */
  readonly #leaving = new Map<string, Promise<void>>();
  #routes: ReadonlyMap<string, readonly Route[]> = new Map();
  #isClosed = false;
  readonly #madeMs: number;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#madeMs = options.clock.now();
  }

  /**
   * Closes and opens sessions until they are those of `planned`; a session whose values did not
   * change is not touched. One that did change is closed first: the router would take a second
   * connection for a collision (RFC 4271 §6.8).
   */
  apply(planned: readonly PlannedSession[]): void {
    if (this.#isClosed) {
      return;
    }
    const running = new Map([...this.#slots].map(([name, slot]) => [name, slot.planned]));
    const { removed, changed, added } = diffSessions(running, planned);
    const { name: node } = this.#options.node;
    for (const name of removed) {
      this.#close(name, {
        text: `${node}: this peer was removed from the configuration`,
        cease: "peer-deconfigured",
      });
      this.#options.onRemoved(name);
    }
    for (const { peer } of changed) {
      this.#close(peer.name, {
        text: `${node}: the configuration of this peer changed`,
        cease: "other-configuration-change",
      });
    }
    for (const session of [...changed, ...added]) {
      this.#open(session);
    }
  }

  /** BFD lost the router: Cease/BFD Down (RFC 9384), then the usual retry. */
  bfdDown(name: string): void {
    this.#slots.get(name)?.session.bfdDown();
  }

  /** The session with the peer at `remote`; several at one address differ in the port we dial only. */
  acceptorFor(remote: Address): Acceptor | undefined {
    return [...this.#slots.values()].find(
      ({ planned }) => planned.peer.peerAddress.text === remote.text,
    )?.session;
  }

  /**
   * Hands each session its whole set of routes, unless that is the very one that it has; one that is
   * opened later gets it, too.
   */
  setRoutes(routes: ReadonlyMap<string, readonly Route[]>): void {
    const before = this.#routes;
    this.#routes = routes;
    for (const [name, { session }] of this.#slots) {
      const ofSession = routes.get(name);
      if (ofSession !== undefined && ofSession !== before.get(name)) {
        session.setRoutes(ofSession);
      }
    }
  }

  planned(): readonly PlannedSession[] {
    return [...this.#slots.values()].map(({ planned }) => planned);
  }

  /** What the session with the peer of this name recorded; undefined: there is none. */
  recordedMessages(name: string): readonly RecordedMessage[] | undefined {
    return this.#slots.get(name)?.session.recordedMessages;
  }

  statuses(): readonly SessionStatus[] {
    return [...this.#slots.values()].map(({ session }) => session.status());
  }

  /**
   * Withdraws everything and closes for good, but the sessions of `kept`, for which
   * `closeForRestart` is the end; resolves when all have done so.
   */
  async closeAll(reason: CloseReason, kept: ReadonlySet<string>): Promise<void> {
    this.#isClosed = true;
    for (const name of this.#slots.keys()) {
      if (!kept.has(name)) {
        this.#close(name, reason);
      }
    }
    await Promise.all(this.#leaving.values());
  }

  /**
   * Closes what `closeAll` left over so that the routers keep forwarding (RFC 4724), in this very
   * turn; a session that is no longer up is closed as the others were.
   */
  async closeForRestart(reason: CloseReason): Promise<void> {
    for (const [name, slot] of this.#slots) {
      this.#slots.delete(name);
      if (!slot.session.closeForRestart()) {
        this.#slots.set(name, slot);
        this.#close(name, reason);
      }
    }
    await Promise.all(this.#leaving.values());
  }

  #open(planned: PlannedSession): void {
    const { name } = planned.peer;
    const session = new Session({
      ...this.#options,
      peer: planned.peer,
      onChange: (status) => {
        if (this.#slots.get(name)?.session === session) {
          this.#options.onChange(status);
        }
      },
    });
    this.#slots.set(name, { planned, session });
    const routes = this.#routes.get(name);
    if (routes !== undefined) {
      session.setRoutes(routes);
    }
    void this.#startAfter(this.#leaving.get(name), planned, session);
  }

  async #startAfter(
    leaving: Promise<void> | undefined,
    { peer, bfdProfile }: PlannedSession,
    session: Session,
  ): Promise<void> {
    if (leaving !== undefined) {
      await leaving;
    }
    const { clock } = this.#options;
    const waitMs = this.#madeMs + formerSessionMs(bfdProfile) - clock.now();
    const start = () => {
      if (this.#slots.get(peer.name)?.session === session) {
        session.start();
      }
    };
    if (waitMs > 0) {
      clock.after(waitMs, start);
    } else {
      start();
    }
  }

  #close(name: string, reason: CloseReason): void {
    const slot = this.#slots.get(name);
    if (slot === undefined) {
      return;
    }
    this.#slots.delete(name);
    const leaving = Promise.all([this.#leaving.get(name), slot.session.close(reason)]);
    this.#leaving.set(name, this.#forget(name, leaving));
  }

  async #forget(name: string, leaving: Promise<unknown>): Promise<void> {
    await leaving;
    if (!this.#slots.has(name)) {
      this.#leaving.delete(name);
    }
  }
}
