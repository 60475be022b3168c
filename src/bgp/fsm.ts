import { keepalive } from "./codec/message.ts";
import {
  closedIn,
  connectFailed,
  ended,
  holdExpired,
  type In,
  isEnding,
  type OtherEvent,
  sendKeepalive,
  startConnectRetry,
  startHold,
  startKeepalive,
  startSendHold,
  stay,
  toIdle,
  toOpenSent,
  unexpected,
} from "./fsm-steps.ts";
import type { Action, Event, FsmSettings, State, Transition } from "./fsm-types.ts";

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
    case "Active":
      return inConnectOrActive(settings, state, event);
    case "OpenSent":
      return isEnding(event) ? ended(state, event) : inOpenSent(state, event);
    case "OpenConfirm":
      return isEnding(event) ? ended(state, event) : inOpenConfirm(settings, state, event);
    case "Established":
      return isEnding(event) ? ended(state, event) : inEstablished(settings, state, event);
  }
}

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

/** Connect and Active differ in what the ConnectRetry timer's expiry does. */
function inConnectOrActive(
  settings: FsmSettings,
  state: In<"Connect"> | In<"Active">,
  event: Event,
): Transition {
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
        ? connectAgain(settings, state)
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

function connectAgain(settings: FsmSettings, state: In<"Connect"> | In<"Active">): Transition {
  const connect: readonly Action[] = [startConnectRetry(settings), { type: "connect" }];
  return state.name === "Active"
    ? { state: { name: "Connect" }, actions: connect }
    : stay(state, [
        { type: "disconnect", flush: false },
        { type: "failed", reason: { type: "connect-timeout" }, retry: "none" },
        ...connect,
      ]);
}

function inOpenSent(state: In<"OpenSent">, event: OtherEvent): Transition {
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
  }
}

function inOpenConfirm(
  settings: FsmSettings,
  state: In<"OpenConfirm">,
  event: OtherEvent,
): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
    case "updates-sent":
    case "output-drained":
      return stay(state);
    case "timer-expired":
      return timerExpired(state, event);
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
  }
}

function inEstablished(
  settings: FsmSettings,
  state: In<"Established">,
  event: OtherEvent,
): Transition {
  switch (event.type) {
    case "start":
    case "start-passively":
      return stay(state);
    case "timer-expired":
      return timerExpired(state, event);
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
  }
}

function timerExpired(
  state: In<"OpenConfirm"> | In<"Established">,
  event: Extract<Event, { type: "timer-expired" }>,
): Transition {
  switch (event.timer) {
    case "Hold":
      return holdExpired(state);
    case "Keepalive":
      return stay(state, sendKeepalive(state.negotiated));
    case "SendHold":
      // RFC 9687 §3.2: a NOTIFICATION could not leave, either.
      return state.name === "Established"
        ? toIdle(state, { type: "send-hold-timer-expired" })
        : unexpected(state, event);
    case "ConnectRetry":
      return unexpected(state, event);
  }
}
