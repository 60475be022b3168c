import type { AttributeContext } from "../codec/attribute.ts";
import { encodeMessage, type Message } from "../codec/message.ts";
import type { DownReason } from "../down-reason.ts";
import { transition } from "../fsm.ts";
import type { Action, Event, State } from "../fsm-types.ts";
import type { ConnectionEnds, ConnectionRecord } from "../message-record.ts";
import { attributeContext, makeOpen, type Negotiated, type OpenTerms } from "../negotiate.ts";
import type { Output } from "../output.ts";
import { noFailures, type RetryHistory, retryAfter, stableAfterSeconds } from "../retry.ts";
import type { ConnectionOptions, StopEvent } from "./connection-options.ts";
import { MessageReader } from "./message-reader.ts";
import { ReadSlices } from "./read-slices.ts";
import { eventOf } from "./received-event.ts";
import type { MutableCounters } from "./status.ts";
import { type SessionTimerName, Timers } from "./timers.ts";
import {
  type ConnectionListener,
  type IncomingTcp,
  socketErrorCode,
  type TransportConnection,
} from "./transport.ts";

const counterOf = {
  OPEN: "opensSent",
  KEEPALIVE: "keepalivesSent",
  NOTIFICATION: "notificationsSent",
} as const satisfies Partial<Record<Message["type"], keyof MutableCounters>>;

/**
 * One connection with a peer, redialled until it is stopped: the state machine, its timers, its TCP.
 * Events are taken in turn; one that is raised while actions run waits.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #timers: Timers;
  readonly #events: Event[] = [];
  #isBusy = false;
  #isStopped = true;
  #state: State = { name: "Idle" };
  #tcp: TransportConnection | undefined;
  #ends: ConnectionEnds | undefined;
  #record: ConnectionRecord | undefined;
  #terms: OpenTerms | undefined;
  #reader: MessageReader;
  readonly #slices: ReadSlices;
  #history: RetryHistory = noFailures;
  #upSince: number | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#reader = this.#newReader();
    const { clock, random } = options;
    this.#slices = new ReadSlices(clock);
    this.#timers = new Timers(clock, random, (timer) => this.#expired(timer));
  }

  get state(): State {
    return this.#state;
  }

  /** Absent while TCP is down. */
  get ends(): ConnectionEnds | undefined {
    return this.#ends;
  }

  /** What our last OPEN was made of. */
  get terms(): OpenTerms | undefined {
    return this.#terms;
  }

  /** Resolves when what was last disconnected is gone. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Feeds one event to the state machine, after those that wait. */
  dispatch(event: Event): void {
    this.#events.push(event);
    if (this.#isBusy) {
      return;
    }
    this.#isBusy = true;
    try {
      for (let next = this.#events.shift(); next !== undefined; next = this.#events.shift()) {
        this.#step(next);
      }
    } finally {
      this.#isBusy = false;
    }
  }

  /** Begins to dial, and dials again after each failure. */
  start(): void {
    this.#isStopped = false;
    this.dispatch({ type: "start" });
  }

  /** As `start`, after the delay that follows a failure of this kind. */
  startAfter(reason: DownReason): void {
    this.#isStopped = false;
    this.#retry("IdleHold", reason);
  }

  /** Takes a connection that the peer opened. It is never redialled. */
  accept(incoming: IncomingTcp): void {
    this.#isStopped = true;
    const listener = this.#listener();
    this.#tcp = incoming.attach(listener);
    this.dispatch({ type: "start-passively" });
    listener.connected(incoming);
  }

  /** Ends the connection, if there is one, and every further attempt until `start`. */
  stop(event: StopEvent): void {
    this.#isStopped = true;
    this.#timers.stop("IdleHold");
    this.dispatch(event);
  }

  /** No connection, and no attempt to come. */
  get isDormant(): boolean {
    return this.#tcp === undefined && this.#isStopped;
  }

  /**
   * Writes UPDATEs and ROUTE-REFRESHes. False: wait for `writable` before more. Nothing is written
   * once the session is down.
   */
  write({ octets, updates }: Output): boolean {
    if (this.#tcp === undefined || this.#state.name !== "Established") {
      return false;
    }
    const hasRoom = this.#tcp.write(octets);
    this.#record?.sent(octets, this.#options.clock.wallTime());
    // ROUTE-REFRESHes alone do not restart the peer's Hold timer, so a KEEPALIVE is still due.
    if (updates > 0) {
      this.dispatch({ type: "updates-sent" });
    }
    return hasRoom;
  }

  #step(event: Event): void {
    const before = this.#state.name;
    const { state, actions } = transition(this.#options.settings, this.#state, event);
    this.#state = state;
    for (const action of actions) {
      this.#perform(action);
    }
    if (state.name !== before || actions.some(({ type }) => type === "failed")) {
      this.#options.observer.changed(state);
    }
  }

  #perform(action: Action): void {
    switch (action.type) {
      case "connect":
        return this.#connect();
      case "disconnect":
        return this.#disconnect(action.flush);
      case "send":
        return this.#send(action.message);
      case "start-timer":
        return this.#timers.start(action.timer, action.seconds);
      case "stop-timer":
        return this.#timers.stop(action.timer);
      case "session-up":
        return this.#up(action.negotiated);
      case "session-down":
        return this.#down(action.reason);
      case "deliver":
        return this.#options.observer.received(action.message);
      case "failed":
        return this.#failed(action.reason, action.retry);
    }
  }

  #connect(): void {
    const { transport, target, counters } = this.#options;
    counters.connectAttempts += 1;
    this.#reader = this.#newReader();
    this.#tcp = transport.connect(target, this.#listener());
  }

  #newReader(): MessageReader {
    const { clock } = this.#options;
    return new MessageReader(this.#options, (octets) =>
      this.#record?.received(octets, clock.wallTime()),
    );
  }

  #listener(): ConnectionListener {
    return {
      connected: ({ local, localPort, remote, remotePort }) => {
        this.#ends = { local, localPort, remote, remotePort };
        this.#record = this.#options.record.open(this.#ends);
        this.#terms = this.#options.termsFor(local);
        this.dispatch({ type: "tcp-connected", open: makeOpen(this.#terms) });
      },
      received: (octets) => {
        this.#reader.push(octets);
        this.#read("in-slices");
      },
      drained: () => {
        this.dispatch({ type: "output-drained" });
        this.#options.observer.writable();
      },
      closed: (error) => {
        // What came before the end still counts: the last message may say why.
        this.#read("to-the-end");
        this.dispatch({ type: "tcp-closed", ...(error && { error: socketErrorCode(error) }) });
      },
    };
  }

  #disconnect(flush: boolean): void {
    if (flush && this.#tcp !== undefined) {
      this.#ended = this.#tcp.end();
    } else {
      this.#tcp?.destroy();
    }
    this.#tcp = undefined;
    this.#ends = undefined;
    this.#record = undefined;
    this.#slices.cancel();
  }

  #send(message: Extract<Action, { type: "send" }>["message"]): void {
    const { counters } = this.#options;
    counters.messagesSent += 1;
    counters[counterOf[message.type]] += 1;
    const octets = encodeMessage(message, this.#context());
    this.#tcp?.write(octets);
    this.#record?.sent(octets, this.#options.clock.wallTime());
  }

  #up(negotiated: Negotiated): void {
    this.#upSince = this.#options.clock.now();
    if (this.#ends !== undefined) {
      this.#options.observer.up(negotiated, this.#ends);
    }
  }

  #down(reason: DownReason): void {
    const upMs = this.#options.clock.now() - (this.#upSince ?? Infinity);
    if (upMs >= stableAfterSeconds * 1000) {
      this.#history = noFailures;
    }
    this.#upSince = undefined;
    this.#options.counters.sessionsLost += 1;
    this.#options.observer.down(reason);
  }

  #failed(reason: DownReason, retry: Extract<Action, { type: "failed" }>["retry"]): void {
    if (retry !== "none" && !this.#isStopped) {
      this.#retry(retry, reason);
    }
    this.#options.observer.failed(reason);
  }

  #retry(timer: "IdleHold" | "ConnectRetry", reason: DownReason): void {
    const { history, seconds } = retryAfter(this.#history, reason);
    this.#history = history;
    this.#timers.start(timer, seconds);
  }

  #expired(timer: SessionTimerName): void {
    if (timer === "IdleHold") {
      this.dispatch({ type: "start" });
    } else {
      this.dispatch({ type: "timer-expired", timer });
    }
  }

  /** Hands each whole message to the state machine before the next one is looked at. */
  #read(how: "in-slices" | "to-the-end"): void {
    const tcp = this.#tcp;
    const next = () => {
      const message = this.#tcp === tcp ? this.#reader.next(this.#context()) : undefined;
      if (message === undefined) {
        return false;
      }
      this.dispatch(eventOf(message, this.#terms));
      return true;
    };
    if (how === "to-the-end") {
      this.#slices.cancel();
      while (next()) {
        // Each turn took one message.
      }
    } else if (tcp !== undefined) {
      this.#slices.run(next, tcp);
    }
  }

  #context(): AttributeContext {
    return attributeContext("negotiated" in this.#state ? this.#state.negotiated : undefined);
  }
}
