import { NotificationError } from "../codec/error.ts";
import { ErrorCode, FsmError } from "../codec/iana.ts";
import type { ReceivedMessage } from "../codec/message.ts";
import type { Open } from "../codec/open.ts";
import type { Event } from "../fsm-types.ts";
import { type Negotiated, negotiate, type OpenTerms } from "../negotiate.ts";

/**
 * What a message, or the error of one that could not be read, is to the state machine. An OPEN is
 * judged here against `terms`, those of our own.
 */
export function eventOf(
  message: ReceivedMessage | NotificationError,
  terms: OpenTerms | undefined,
): Event {
  if (message instanceof NotificationError) {
    return { type: "protocol-error", error: message };
  }
  switch (message.type) {
    case "OPEN":
      return openReceived(message, terms);
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

function openReceived(open: Open, terms: OpenTerms | undefined): Event {
  const agreed = agreeOn(open, terms);
  return agreed instanceof NotificationError
    ? { type: "protocol-error", error: agreed }
    : { type: "open-received", negotiated: agreed };
}

function agreeOn(open: Open, terms: OpenTerms | undefined): Negotiated | NotificationError {
  if (terms === undefined) {
    const text = "OPEN on a connection that is not up";
    return new NotificationError(ErrorCode.FiniteStateMachine, FsmError.Unspecific, text);
  }
  try {
    return negotiate(terms, open);
  } catch (error) {
    if (error instanceof NotificationError) {
      return error;
    }
    throw error;
  }
}
