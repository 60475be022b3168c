import type { Address } from "../../net/address.ts";
import type { AttributeContext } from "../codec/attribute.ts";
import { NotificationError } from "../codec/error.ts";
import { ErrorCode } from "../codec/iana.ts";
import { encodeMessage, type Message, type ReceivedMessage } from "../codec/message.ts";
import type { Open } from "../codec/open.ts";
import type { RouteRefresh } from "../codec/route-refresh.ts";
import type { ReceivedUpdate } from "../codec/update.ts";
import type { DownReason } from "../down-reason.ts";
import { transition } from "../fsm.ts";
import type { Action, Event, FsmSettings, State } from "../fsm-types.ts";
import { makeOpen, type Negotiated, negotiate, type OpenTerms } from "../negotiate.ts";
import { noFailures, type RetryHistory, retryAfter, stableAfterSeconds } from "../retry.ts";
import { MessageReader } from "./message-reader.ts";
import type { Clock, Logger, Timer } from "./ports.ts";
import type { MutableCounters } from "./status.ts";
import { type SessionTimerName, Timers } from "./timers.ts";
import type {
  ConnectionListener,
  ConnectTarget,
  Transport,
  TransportConnection,
} from "./transport.ts";

/** The two ends of an established TCP connection. */
export interface Ends {
  readonly local: Address;
  readonly remote: Address;
}

/** What a connection tells the session that owns it; never from inside a call of the session's. */
export interface ConnectionObserver {
  /** After a step that led to another state or failed; what else is called comes before. */
  changed(state: State): void;
  up(negotiated: Negotiated, ends: Ends): void;
  down(reason: DownReason): void;
  failed(reason: DownReason): void;
  /** A message of the established session that the state machine leaves to us. */
  received(message: ReceivedUpdate | RouteRefresh): void;
  /** TCP took all that was written: there is room for more. */
  writable(): void;
}

export interface ConnectionOptions {
  readonly settings: FsmSettings;
  readonly target: ConnectTarget;
  /** What our OPEN says, on a connection with this local address. */
  readonly termsFor: (local: Address) => OpenTerms;
  readonly clock: Clock;
  readonly random: () => number;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly counters: MutableCounters;
  readonly observer: ConnectionObserver;
}

/** How long the messages of one peer may keep the event loop to themselves. */
const readSliceMs = 10;

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
  #state: State = { name: "Idle" };
  #tcp: TransportConnection | undefined;
  #ends: Ends | undefined;
  #terms: OpenTerms | undefined;
  #reader: MessageReader;
  #continuation: Timer | undefined;
  #history: RetryHistory = noFailures;
  #upSince: number | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(options: ConnectionOptions) {
    this.#options = options;
    this.#reader = new MessageReader(options);
    const { clock, random } = options;
    this.#timers = new Timers(clock, random, (timer) => this.#expired(timer));
  }

  get state(): State {
    return this.#state;
  }

  /** Absent while TCP is down. */
  get ends(): Ends | undefined {
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

  /** Stops for good: no further attempt follows. */
  stop(event: Extract<Event, { type: "stop" | "stop-for-restart" }>): void {
    this.dispatch(event);
    this.#timers.stop("IdleHold");
  }

  /**
   * Writes octets of UPDATEs and ROUTE-REFRESHes. False: wait for `writable` before more.
   * Nothing is written once the session is down.
   */
  write(octets: Uint8Array): boolean {
    if (this.#tcp === undefined || this.#state.name !== "Established") {
      return false;
    }
    const hasRoom = this.#tcp.write(octets);
    this.dispatch({ type: "updates-sent" });
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
    this.#reader = new MessageReader(this.#options);
    this.#tcp = transport.connect(target, this.#listener());
  }

  #listener(): ConnectionListener {
    return {
      connected: (local, remote) => {
        this.#ends = { local, remote };
        this.#terms = this.#options.termsFor(local);
        this.dispatch({ type: "tcp-connected", open: makeOpen(this.#terms) });
      },
      received: (octets) => {
        this.#reader.push(octets);
        this.#read(readSliceMs);
      },
      drained: () => {
        this.dispatch({ type: "output-drained" });
        this.#options.observer.writable();
      },
      closed: (error) => {
        // What came before the end still counts: the last message may say why.
        this.#continuation?.cancel();
        this.#continuation = undefined;
        this.#read(Infinity);
        const code = error === undefined ? undefined : socketErrorCode(error);
        this.dispatch({ type: "tcp-closed", ...(code !== undefined && { error: code }) });
      },
    };
  }

  #disconnect(flush: boolean): void {
    const tcp = this.#tcp;
    this.#tcp = undefined;
    this.#ends = undefined;
    this.#continuation?.cancel();
    this.#continuation = undefined;
    if (flush && tcp !== undefined) {
      this.#ended = tcp.end();
    } else {
      tcp?.destroy();
    }
  }

  #send(message: Extract<Action, { type: "send" }>["message"]): void {
    const { counters } = this.#options;
    counters.messagesSent += 1;
    counters[counterOf[message.type]] += 1;
    this.#tcp?.write(encodeMessage(message, this.#context()));
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
    if (retry !== "none") {
      const { history, seconds } = retryAfter(this.#history, reason);
      this.#history = history;
      this.#timers.start(retry, seconds);
    }
    this.#options.observer.failed(reason);
  }

  #expired(timer: SessionTimerName): void {
    if (timer === "IdleHold") {
      this.dispatch({ type: "start" });
    } else {
      this.dispatch({ type: "timer-expired", timer });
    }
  }

  /**
   * Hands each whole message to the state machine before the next one is looked at. A router that
   * sends a full table is read in slices: what it sends meanwhile waits in the kernel.
   */
  #read(limitMs: number): void {
    const { clock } = this.#options;
    const tcp = this.#tcp;
    const deadline = clock.now() + limitMs;
    while (this.#tcp === tcp && this.#continuation === undefined) {
      const message = this.#reader.next(this.#context());
      if (message === undefined) {
        return;
      }
      this.dispatch(this.#eventOf(message));
      if (clock.now() >= deadline && this.#tcp === tcp) {
        tcp?.pause();
        this.#continuation = clock.after(0, () => {
          this.#continuation = undefined;
          tcp?.resume();
          this.#read(readSliceMs);
        });
      }
    }
  }

  #eventOf(message: ReceivedMessage | NotificationError): Event {
    if (message instanceof NotificationError) {
      return { type: "protocol-error", error: message };
    }
    switch (message.type) {
      case "OPEN":
        return this.#openReceived(message);
      case "UPDATE":
        return { type: "update-received", update: message };
      case "NOTIFICATION":
        return { type: "notification-received", notification: message };
      case "KEEPALIVE":
        return { type: "keepalive-received" };
      case "ROUTE-REFRESH":
        return { type: "route-refresh-received", refresh: message };
    }
  }

  #openReceived(open: Open): Event {
    const agreed = this.#terms && tryNegotiate(this.#terms, open);
    if (agreed === undefined || agreed instanceof NotificationError) {
      const unexpected = new NotificationError(ErrorCode.FiniteStateMachine, 0, "OPEN too early");
      return { type: "protocol-error", error: agreed ?? unexpected };
    }
    return { type: "open-received", negotiated: agreed };
  }

  #context(): AttributeContext {
    const state = this.#state;
    if (state.name !== "OpenConfirm" && state.name !== "Established") {
      return { asnOctets: 4, internal: false };
    }
    const { fourOctetAsn, internal } = state.negotiated;
    return { asnOctets: fourOctetAsn ? 4 : 2, internal };
  }
}

function tryNegotiate(terms: OpenTerms, open: Open): Negotiated | NotificationError {
  try {
    return negotiate(terms, open);
  } catch (error) {
    if (error instanceof NotificationError) {
      return error;
    }
    throw error;
  }
}

/** `ECONNREFUSED` and the like; the message where there is no code. */
function socketErrorCode(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}
