import { NotificationError } from "./codec/error.ts";
import { ErrorCode, FsmError } from "./codec/iana.ts";
import { keepalive } from "./codec/message.ts";
import { type Notification, notificationOf } from "./codec/notification.ts";
import type { Open } from "./codec/open.ts";
import type { DownReason, StateName } from "./down-reason.ts";
import type { Action, Event, FsmSettings, State, TimerName, Transition } from "./fsm-types.ts";
import type { Negotiated } from "./negotiate.ts";

/** One state. */
export type In<Name extends StateName> = Extract<State, { name: Name }>;
/** The states in which TCP is up. */
export type Connected = In<"OpenSent"> | In<"OpenConfirm"> | In<"Established">;

const endingTypes = [
  "stop",
  "stop-for-restart",
  "automatic-stop",
  "protocol-error",
  "collision-lost",
  "notification-received",
] as const satisfies readonly Event["type"][];

type EndingEvent = Extract<Event, { type: (typeof endingTypes)[number] }>;
export type OtherEvent = Exclude<Event, EndingEvent>;

/** Whether the event ends a connection from OpenSent on, in the same way in each state. */
export function isEnding(event: Event): event is EndingEvent {
  return endingTypes.some((type) => type === event.type);
}

/**
 * Ends a connection.
 *
 * Deviation: RFC 4271 §8.2.2 answers a header or OPEN error in Established, and a NOTIFICATION in
 * OpenSent, with a Finite State Machine Error. We send the error itself (§6.1, §6.2), because it
 * says what is wrong, and never answer a NOTIFICATION (§6.4).
 */
export function ended(state: Connected, event: EndingEvent): Transition {
  switch (event.type) {
    case "stop":
      return toIdle(state, { type: "stopped" }, { retry: "none", notification: event.cease });
    case "stop-for-restart":
      return toIdle(state, { type: "stopped" }, { retry: "none" });
    case "automatic-stop":
      return notify(state, event.cease, event.text);
    case "protocol-error":
      return notify(state, notificationOf(event.error), event.error.message);
    case "collision-lost":
      return toIdle(state, { type: "stopped" }, { retry: "none", notification: event.cease });
    case "notification-received":
      return toIdle(state, {
        type: "notification-received",
        state: state.name,
        notification: event.notification,
      });
  }
}

export function stay(state: State, actions: readonly Action[] = []): Transition {
  return { state, actions };
}

export function toOpenSent(settings: FsmSettings, open: Open): Transition {
  return {
    state: { name: "OpenSent" },
    actions: [
      { type: "stop-timer", timer: "ConnectRetry" },
      { type: "send", message: open },
      { type: "start-timer", timer: "Hold", seconds: settings.openTimeSeconds },
    ],
  };
}

/** The timers that may run in each state. */
const timersOf = {
  Idle: [],
  Connect: ["ConnectRetry"],
  Active: ["ConnectRetry"],
  OpenSent: ["Hold"],
  OpenConfirm: ["Hold", "Keepalive"],
  Established: ["Hold", "Keepalive", "SendHold"],
} as const satisfies Record<StateName, readonly TimerName[]>;

export function toIdle(
  state: State,
  reason: DownReason,
  how: { readonly retry?: "IdleHold" | "none"; readonly notification?: Notification } = {},
): Transition {
  const { retry = "IdleHold", notification } = how;
  const isConnected = state.name !== "Connect" && state.name !== "Active";
  const hasLastWord = isConnected && (notification !== undefined || reason.type === "stopped");
  return {
    state: { name: "Idle" },
    actions: [
      ...timersOf[state.name].map((timer) => ({ type: "stop-timer", timer }) as const),
      ...(notification ? [{ type: "send", message: notification } as const] : []),
      { type: "disconnect", flush: hasLastWord },
      ...(state.name === "Established" ? [{ type: "session-down", reason } as const] : []),
      { type: "failed", reason, retry },
    ],
  };
}

/** Ends the connection with a NOTIFICATION of ours. */
function notify(state: Connected, notification: Notification, text: string): Transition {
  return toIdle(state, { type: "notification-sent", notification, text }, { notification });
}

export function holdExpired(state: Connected): Transition {
  const notification = notificationOf(
    new NotificationError(ErrorCode.HoldTimerExpired, 0, "Hold timer expired"),
  );
  const reason: DownReason =
    state.name === "Established"
      ? { type: "hold-timer-expired" }
      : { type: "open-timeout", state: state.name };
  return toIdle(state, reason, { notification });
}

/** "Any other event" of RFC 4271 §8.2.2, with the subcodes of RFC 6608 §3. */
export function unexpected(state: Exclude<State, { name: "Idle" }>, event: Event): Transition {
  const what = event.type === "timer-expired" ? `${event.timer} timer expired` : event.type;
  switch (state.name) {
    case "Connect":
    case "Active":
      return toIdle(state, { type: "unexpected-event", state: state.name, event: what });
    case "OpenSent":
    case "OpenConfirm":
    case "Established": {
      const text = `${what} in ${state.name}`;
      const error = new NotificationError(
        ErrorCode.FiniteStateMachine,
        unexpectedIn[state.name],
        text,
      );
      return notify(state, notificationOf(error), text);
    }
  }
}

const unexpectedIn = {
  OpenSent: FsmError.UnexpectedInOpenSent,
  OpenConfirm: FsmError.UnexpectedInOpenConfirm,
  Established: FsmError.UnexpectedInEstablished,
} as const;

export function startConnectRetry(settings: FsmSettings): Action {
  return { type: "start-timer", timer: "ConnectRetry", seconds: settings.connectTimeSeconds };
}

/** With Hold Time 0 neither timer runs (RFC 4271 §4.4). */
export function startHold(negotiated: Negotiated): readonly Action[] {
  const { holdTimeSeconds } = negotiated;
  return holdTimeSeconds > 0
    ? [{ type: "start-timer", timer: "Hold", seconds: holdTimeSeconds }]
    : [];
}

export function startKeepalive(negotiated: Negotiated): readonly Action[] {
  const { keepaliveTimeSeconds } = negotiated;
  return keepaliveTimeSeconds > 0
    ? [{ type: "start-timer", timer: "Keepalive", seconds: keepaliveTimeSeconds }]
    : [];
}

export function sendKeepalive(negotiated: Negotiated): readonly Action[] {
  return [{ type: "send", message: keepalive }, ...startKeepalive(negotiated)];
}

export function startSendHold(settings: FsmSettings, negotiated: Negotiated): readonly Action[] {
  const { sendHoldTimeSeconds } = settings;
  return sendHoldTimeSeconds > 0 && negotiated.holdTimeSeconds > 0
    ? [{ type: "start-timer", timer: "SendHold", seconds: sendHoldTimeSeconds }]
    : [];
}

export function connectFailed(error: string | undefined): DownReason {
  return { type: "connect-failed", error: error ?? "closed by the router" };
}

export function closedIn(state: Connected, error: string | undefined): DownReason {
  return { type: "connection-closed", state: state.name, ...(error && { error }) };
}
