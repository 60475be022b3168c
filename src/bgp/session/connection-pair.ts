import { CeaseError } from "../codec/iana.ts";
import { ceaseNotification, type Notification } from "../codec/notification.ts";
import { survivingConnection } from "../collision.ts";
import type { DownReason } from "../down-reason.ts";
import type { Event, State } from "../fsm-types.ts";
import type { ConnectionEnds } from "../message-record.ts";
import type { OpenTerms } from "../negotiate.ts";
import type { Output } from "../output.ts";
import { Connection } from "./connection.ts";
import type { ConnectionObserver, ConnectionOptions, StopEvent } from "./connection-options.ts";
import type { IncomingTcp } from "./transport.ts";

const rank = {
  Idle: 0,
  Active: 1,
  Connect: 2,
  OpenSent: 3,
  OpenConfirm: 4,
  Established: 5,
} as const satisfies Record<State["name"], number>;

const lost = ceaseNotification(CeaseError.ConnectionCollisionResolution);

/**
 * The connection that we open and the one that the peer may open. When both get as far as
 * OpenConfirm, one is closed (RFC 4271 §6.8); to its owner the pair looks like one connection, the
 * one that got farther.
 */
export class ConnectionPair {
  readonly #options: ConnectionOptions;
  readonly #outgoing: Connection;
  #incoming: Connection | undefined;
  #isStopped = true;
  #ended: Promise<unknown> = Promise.resolve();

  /** `options.observer` hears of both, and of states only those of the one that got farther. */
  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#outgoing = new Connection({
      ...options,
      observer: this.#observe(() => this.#outgoing),
    });
  }

  get state(): State {
    return this.#leader.state;
  }

  get ends(): ConnectionEnds | undefined {
    return this.#leader.ends;
  }

  get terms(): OpenTerms | undefined {
    return this.#leader.terms;
  }

  /** Resolves when what `stop` ended is gone. */
  get ended(): Promise<unknown> {
    return this.#ended;
  }

  start(): void {
    this.#isStopped = false;
    this.#outgoing.start();
  }

  /** Ends what there is, and every further attempt. */
  stop(event: StopEvent): void {
    this.#isStopped = true;
    const incoming = this.#incoming;
    const connections = incoming === undefined ? [this.#outgoing] : [incoming, this.#outgoing];
    for (const connection of connections) {
      connection.stop(event);
    }
    this.#ended = Promise.all(connections.map(({ ended }) => ended));
  }

  /**
   * Takes a connection that the peer opened; the answer, if there is one, is why not: one that is
   * Established is not given up for a new one (RFC 4271 §6.8), unless it is a restart's.
   */
  accept(incoming: IncomingTcp): Notification | undefined {
    if (this.#isStopped) {
      return ceaseNotification(CeaseError.ConnectionRejected);
    }
    this.#dropIfPeerRestarted();
    if (this.#incoming !== undefined || this.#outgoing.state.name === "Established") {
      return lost;
    }
    const connection: Connection = new Connection({
      ...this.#options,
      observer: this.#observe(() => connection),
    });
    this.#incoming = connection;
    connection.accept(incoming);
    return undefined;
  }

  /**
   * A peer that restarts gracefully, and connects, no longer knows of the session that we still have
   * (RFC 4724 §5): that session ends without a NOTIFICATION.
   */
  #dropIfPeerRestarted(): void {
    const { state } = this.#leader;
    if (state.name === "Established" && state.negotiated.gracefulRestart?.peerRestartsGracefully) {
      this.dispatch({ type: "tcp-closed", error: "the router has opened a new connection" });
    }
  }

  dispatch(event: Event): void {
    this.#leader.dispatch(event);
  }

  write(output: Output): boolean {
    return this.#leader.write(output);
  }

  get #leader(): Connection {
    const incoming = this.#incoming;
    return incoming !== undefined && rank[incoming.state.name] > rank[this.#outgoing.state.name]
      ? incoming
      : this.#outgoing;
  }

  #observe(connection: () => Connection): ConnectionObserver {
    const { observer } = this.#options;
    let lastReason: DownReason = { type: "stopped" };
    return {
      up: (negotiated, ends) => {
        this.#giveUp(connection() === this.#outgoing ? this.#incoming : this.#outgoing);
        observer.up(negotiated, ends);
      },
      down: (reason) => observer.down(reason),
      failed: (reason) => {
        lastReason = reason;
        observer.failed(reason);
      },
      received: (message) => observer.received(message),
      writable: () => observer.writable(),
      changed: () => {
        this.#resolveCollision(connection());
        this.#dropIncoming(lastReason);
        observer.changed(this.state);
      },
    };
  }

  #resolveCollision(connection: Connection): void {
    const other = connection === this.#outgoing ? this.#incoming : this.#outgoing;
    const { state, terms } = connection;
    if (state.name !== "OpenConfirm" || other?.state.name !== "OpenConfirm" || !terms) {
      return;
    }
    const survivor = survivingConnection(
      { routerId: terms.routerId, asn: terms.localAsn },
      { routerId: state.negotiated.peerRouterId, asn: state.negotiated.peerAsn },
    );
    this.#giveUp(survivor === "opened-by-us" ? this.#incoming : this.#outgoing);
  }

  #giveUp(connection: Connection | undefined): void {
    const isOpen = connection !== undefined && rank[connection.state.name] >= rank.OpenSent;
    connection?.stop(
      isOpen ? { type: "collision-lost", cease: lost } : { type: "stop-for-restart" },
    );
  }

  /** The peer's connection is not redialled; if ours was given up for it, ours is. */
  #dropIncoming(reason: DownReason): void {
    if (this.#incoming?.isDormant !== true) {
      return;
    }
    this.#incoming = undefined;
    if (this.#outgoing.isDormant && !this.#isStopped) {
      this.#outgoing.startAfter(reason);
    }
  }
}
