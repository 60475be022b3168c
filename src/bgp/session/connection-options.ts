import type { Address } from "../../net/address.ts";
import type { RouteRefresh } from "../codec/route-refresh.ts";
import type { ReceivedUpdate } from "../codec/update.ts";
import type { DownReason } from "../down-reason.ts";
import type { Event, FsmSettings, State } from "../fsm-types.ts";
import type { ConnectionEnds, MessageRecord } from "../message-record.ts";
import type { Negotiated, OpenTerms } from "../negotiate.ts";
import type { Clock, Logger } from "./ports.ts";
import type { MutableCounters } from "./status.ts";
import type { ConnectTarget, Transport } from "./transport.ts";

/** What a connection tells the session that owns it; never from inside a call of the session's. */
export interface ConnectionObserver {
  /** After a step that led to another state or failed; what else is called comes before. */
  changed(state: State): void;
  up(negotiated: Negotiated, ends: ConnectionEnds): void;
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
  readonly record: MessageRecord;
  readonly observer: ConnectionObserver;
}

export type StopEvent = Extract<Event, { type: "stop" | "stop-for-restart" | "collision-lost" }>;
