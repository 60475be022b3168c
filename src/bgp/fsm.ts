import { NotificationError } from "./codec/error.ts";
import { ErrorCode, FsmError } from "./codec/iana.ts";
import { keepalive } from "./codec/message.ts";
import { type Notification, notificationOf } from "./codec/notification.ts";
import type { Open } from "./codec/open.ts";
import type { DownReason, StateName } from "./down-reason.ts";
import type { Action, Event, FsmSettings, State, TimerName, Transition } from "./fsm-types.ts";
import type { Negotiated } from "./negotiate.ts";

/**
 * One step of the finite state machine of one connection (RFC 4271 §8.2.2), with the error subcodes
 * of RFC 6608 and the SendHoldTimer of RFC 9687. ConnectRetryCounter is not here: the shell's retry
 * history is what it was for.
 */
export function transition(settings: FsmSettings, state: State, event: Event): Transition {
  switch (state.name) {
    case "Idle":
      return inIdle(settings, state, event);
    case "Connect":
      return inConnect(settings, state, event);
    case "Active":
      return inActive(settings, state, event);
    case "OpenSent":
      return inOpenSent(state, event);
    case "OpenConfirm":
      return inOpenConfirm(settings, state, event);
    case "Established":
      return inEstablished(settings, state, event);
  }
}

type In<Name extends StateName> = Extract<State, { name: Name }>;

function inIdle(settings: FsmSettings, state: In<"Idle">, event: Event): Transition {
  if (event.type === "start") {
    return {
      state: { name: "Connect" },
      actions: [startConnectRetry(settings), { type: "connect" }],
    };
  }
  if (event.type === "start-passively") {
    return { state: { name: "Active" }, actions: [startConnectRetry(settings)] };
  }
  return stay(state);
}

function inConnect(settings: FsmSettings, state: In<"Connect">, event: Event): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
    case "updates-sent":
    case "output-drained":
      return stay(state);
    case "stop":
    case "stop-for-restart":
      return toIdle(state, { type: "stopped" }, { retry: "none" });
    case "timer-expired": {
      if (event.timer !== "ConnectRetry") {
        return unexpected(state, event);
      }
      return stay(state, [
        { type: "disconnect", flush: false },
        { type: "failed", reason: { type: "connect-timeout" }, retry: "none" },
        startConnectRetry(settings),
        { type: "connect" },
      ]);
    }
    case "tcp-connected":
      return toOpenSent(settings, event.open);
    case "tcp-closed":
      return toIdle(state, connectFailed(event.error));
    case "automatic-stop":
    case "open-received":
    case "protocol-error":
    case "collision-lost":
    case "notification-received":
    case "keepalive-received":
    case "update-received":
    case "route-refresh-received":
      return unexpected(state, event);
  }
}

function inActive(settings: FsmSettings, state: In<"Active">, event: Event): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
    case "updates-sent":
    case "output-drained":
      return stay(state);
    case "stop":
    case "stop-for-restart":
      return toIdle(state, { type: "stopped" }, { retry: "none" });
    case "timer-expired":
      return event.timer === "ConnectRetry"
        ? {
            state: { name: "Connect" },
            actions: [startConnectRetry(settings), { type: "connect" }],
          }
        : unexpected(state, event);
    case "tcp-connected":
      return toOpenSent(settings, event.open);
    case "tcp-closed":
      return toIdle(state, connectFailed(event.error));
    case "automatic-stop":
    case "open-received":
    case "protocol-error":
    case "collision-lost":
    case "notification-received":
    case "keepalive-received":
    case "update-received":
    case "route-refresh-received":
      return unexpected(state, event);
  }
}

function inOpenSent(state: In<"OpenSent">, event: Event): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
    case "updates-sent":
    case "output-drained":
      return stay(state);
    case "tcp-closed":
      // The peer may still call us, so the next attempt is ConnectRetry's, in Active.
      return {
        state: { name: "Active" },
        actions: [
          { type: "stop-timer", timer: "Hold" },
          { type: "disconnect", flush: false },
          { type: "failed", reason: closedIn(state, event.error), retry: "ConnectRetry" },
        ],
      };
    case "open-received": {
      const { negotiated } = event;
      return {
        state: { name: "OpenConfirm", negotiated },
        actions: [
          { type: "send", message: keepalive },
          ...startKeepalive(negotiated),
          ...(negotiated.holdTimeSeconds > 0
            ? startHold(negotiated)
            : ([{ type: "stop-timer", timer: "Hold" }] as const)),
        ],
      };
    }
    case "timer-expired":
      return event.timer === "Hold" ? holdExpired(state) : unexpected(state, event);
    case "tcp-connected":
    case "keepalive-received":
    case "update-received":
    case "route-refresh-received":
      return unexpected(state, event);
    case "stop":
    case "stop-for-restart":
    case "automatic-stop":
    case "protocol-error":
    case "collision-lost":
    case "notification-received":
      return ended(state, event);
  }
}

function inOpenConfirm(settings: FsmSettings, state: In<"OpenConfirm">, event: Event): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
    case "updates-sent":
    case "output-drained":
      return stay(state);
    case "timer-expired":
      switch (event.timer) {
        case "Hold":
          return holdExpired(state);
        case "Keepalive":
          return stay(state, sendKeepalive(state.negotiated));
        case "ConnectRetry":
        case "SendHold":
          return unexpected(state, event);
      }
    case "tcp-closed":
      return toIdle(state, closedIn(state, event.error));
    case "keepalive-received":
      return {
        state: { name: "Established", negotiated: state.negotiated },
        actions: [
          ...startHold(state.negotiated),
          ...startSendHold(settings, state.negotiated),
          { type: "session-up", negotiated: state.negotiated },
        ],
      };
    // A second OPEN on one connection is no collision: each connection has its own state machine.
    case "tcp-connected":
    case "open-received":
    case "update-received":
    case "route-refresh-received":
      return unexpected(state, event);
    case "stop":
    case "stop-for-restart":
    case "automatic-stop":
    case "protocol-error":
    case "collision-lost":
    case "notification-received":
      return ended(state, event);
  }
}

function inEstablished(settings: FsmSettings, state: In<"Established">, event: Event): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
      return stay(state);
    case "timer-expired":
      switch (event.timer) {
        case "Hold":
          return holdExpired(state);
        case "Keepalive":
          return stay(state, sendKeepalive(state.negotiated));
        case "SendHold":
          // RFC 9687 §3.2: a NOTIFICATION could not leave, either.
          return toIdle(state, { type: "send-hold-timer-expired" });
        case "ConnectRetry":
          return unexpected(state, event);
      }
    case "tcp-closed":
      return toIdle(state, closedIn(state, event.error));
    case "keepalive-received":
      return stay(state, startHold(state.negotiated));
    case "update-received":
      return stay(state, [
        ...startHold(state.negotiated),
        { type: "deliver", message: event.update },
      ]);
    case "route-refresh-received":
      return stay(state, [{ type: "deliver", message: event.refresh }]);
    case "updates-sent":
      return stay(state, startKeepalive(state.negotiated));
    case "output-drained":
      return stay(state, startSendHold(settings, state.negotiated));
    case "tcp-connected":
    case "open-received":
      return unexpected(state, event);
    case "stop":
    case "stop-for-restart":
    case "automatic-stop":
    case "protocol-error":
    case "collision-lost":
    case "notification-received":
      return ended(state, event);
  }
}

/**
 * The events that end a connection from OpenSent on, in the same way in each state.
 *
 * Deviation: RFC 4271 §8.2.2 answers a header or OPEN error in Established, and a NOTIFICATION in
 * OpenSent, with a Finite State Machine Error. We send the error itself (§6.1, §6.2), because it
 * says what is wrong, and never answer a NOTIFICATION (§6.4).
 */
function ended(
  state: Connected,
  event: Extract<
    Event,
    {
      type:
        | "stop"
        | "stop-for-restart"
        | "automatic-stop"
        | "protocol-error"
        | "collision-lost"
        | "notification-received";
    }
  >,
): Transition {
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

type Connected = In<"OpenSent"> | In<"OpenConfirm"> | In<"Established">;

function stay(state: State, actions: readonly Action[] = []): Transition {
  return { state, actions };
}

function toOpenSent(settings: FsmSettings, open: Open): Transition {
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

function toIdle(
  state: State,
  reason: DownReason,
  how: { readonly retry?: "IdleHold" | "none"; readonly notification?: Notification } = {},
): Transition {
  const { retry = "IdleHold", notification } = how;
  return {
    state: { name: "Idle" },
    actions: [
      ...timersOf[state.name].map((timer) => ({ type: "stop-timer", timer }) as const),
      ...(notification ? [{ type: "send", message: notification } as const] : []),
      { type: "disconnect", flush: reason.type !== "send-hold-timer-expired" },
      ...(state.name === "Established" ? [{ type: "session-down", reason } as const] : []),
      { type: "failed", reason, retry },
    ],
  };
}

/** Ends the connection with a NOTIFICATION of ours. */
function notify(state: Connected, notification: Notification, text: string): Transition {
  return toIdle(state, { type: "notification-sent", notification, text }, { notification });
}

function holdExpired(state: Connected): Transition {
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
function unexpected(state: Exclude<State, { name: "Idle" }>, event: Event): Transition {
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

function startConnectRetry(settings: FsmSettings): Action {
  return { type: "start-timer", timer: "ConnectRetry", seconds: settings.connectTimeSeconds };
}

/** With Hold Time 0 neither timer runs (RFC 4271 §4.4). */
function startHold(negotiated: Negotiated): readonly Action[] {
  const { holdTimeSeconds } = negotiated;
  return holdTimeSeconds > 0
    ? [{ type: "start-timer", timer: "Hold", seconds: holdTimeSeconds }]
    : [];
}

function startKeepalive(negotiated: Negotiated): readonly Action[] {
  const { keepaliveTimeSeconds } = negotiated;
  return keepaliveTimeSeconds > 0
    ? [{ type: "start-timer", timer: "Keepalive", seconds: keepaliveTimeSeconds }]
    : [];
}

function sendKeepalive(negotiated: Negotiated): readonly Action[] {
  return [{ type: "send", message: keepalive }, ...startKeepalive(negotiated)];
}

function startSendHold(settings: FsmSettings, negotiated: Negotiated): readonly Action[] {
  const { sendHoldTimeSeconds } = settings;
  return sendHoldTimeSeconds > 0 && negotiated.holdTimeSeconds > 0
    ? [{ type: "start-timer", timer: "SendHold", seconds: sendHoldTimeSeconds }]
    : [];
}

function connectFailed(error: string | undefined): DownReason {
  return { type: "connect-failed", error: error ?? "closed by the router" };
}

function closedIn(state: Connected, error: string | undefined): DownReason {
  return { type: "connection-closed", state: state.name, ...(error && { error }) };
}
