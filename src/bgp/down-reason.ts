import { CeaseError, ErrorCode, OpenError } from "./codec/iana.ts";
import { type Notification, notificationName, shutdownText } from "./codec/notification.ts";

export type StateName = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

/** Why a connection ended or never came to be. */
export type DownReason =
  /** By our own will. */
  | { readonly type: "stopped" }
  | { readonly type: "connect-timeout" }
  | { readonly type: "connect-failed"; readonly error: string }
  /** TCP ended without a NOTIFICATION; `error` is absent when the peer closed in order. */
  | { readonly type: "connection-closed"; readonly state: StateName; readonly error?: string }
  /** The Hold timer expired before the session was up. */
  | { readonly type: "open-timeout"; readonly state: StateName }
  | { readonly type: "hold-timer-expired" }
  | { readonly type: "send-hold-timer-expired" }
  | {
      readonly type: "notification-received";
      readonly state: StateName;
      readonly notification: Notification;
    }
  | {
      readonly type: "notification-sent";
      readonly notification: Notification;
      /** What the peer did. */
      readonly text: string;
    }
  /** Events that the state machine does not expect; none is known to happen. */
  | { readonly type: "unexpected-event"; readonly state: StateName; readonly event: string };

/** What an operator may want to know of: not that we closed by our own will. */
export type SessionFailure = Exclude<DownReason, { readonly type: "stopped" }>;

export type FailureKind = SessionFailure["type"];

/** Whether the next attempt will likely fail the same way, so that it should wait longer. */
export function isProtocolError(reason: DownReason): boolean {
  switch (reason.type) {
    case "notification-received":
    case "notification-sent":
      return (
        reason.notification.code !== ErrorCode.Cease &&
        reason.notification.code !== ErrorCode.HoldTimerExpired &&
        reason.notification.code !== ErrorCode.SendHoldTimerExpired
      );
    case "unexpected-event":
      return true;
    case "stopped":
    case "connect-timeout":
    case "connect-failed":
    case "connection-closed":
    case "open-timeout":
    case "hold-timer-expired":
    case "send-hold-timer-expired":
      return false;
  }
}

/** What happened, and the likely cure, in a sentence for the operator of the cluster. */
export function describeDownReason(reason: DownReason): string {
  switch (reason.type) {
    case "stopped":
      return "closed by this speaker";
    case "connect-timeout":
      return "no answer to the TCP connection (is the router up and reachable, is a firewall between, does the password match?)";
    case "connect-failed":
      return `cannot connect: ${describeSocketError(reason.error)}`;
    case "connection-closed":
      return describeClosed(reason.state, reason.error);
    case "open-timeout":
      return `the router did not go on in ${reason.state} (does it filter by TTL, ttl-security on one side only?)`;
    case "hold-timer-expired":
      return "the router was silent for the whole Hold Time";
    case "send-hold-timer-expired":
      return "the router took nothing from us for the whole send-hold time (RFC 9687)";
    case "notification-received":
      return describeReceived(reason.notification);
    case "notification-sent":
      return `closed by this speaker with NOTIFICATION ${notificationName(reason.notification)}: ${reason.text}`;
    case "unexpected-event":
      return `${reason.event} in ${reason.state}`;
  }
}

function describeSocketError(error: string): string {
  const hints: Readonly<Record<string, string>> = {
    ECONNREFUSED: "connection refused (does the router run BGP on this address and port?)",
    EHOSTUNREACH: "no route to the router, or it does not answer on the link",
    ENETUNREACH: "this node has no route to the router",
    EADDRNOTAVAIL: "source-address is not an address of this node",
    ECONNRESET: "connection reset by the router",
    ETIMEDOUT: "no answer from the router",
  };
  return hints[error] ?? error;
}

function describeClosed(state: StateName, error: string | undefined): string {
  const how = error === undefined ? "closed by the router" : describeSocketError(error);
  switch (state) {
    case "OpenSent":
      return `${how} in OpenSent (is this speaker configured as a neighbour there?)`;
    case "Established":
      return `${how} without a NOTIFICATION`;
    case "Idle":
    case "Connect":
    case "Active":
    case "OpenConfirm":
      return `${how} in ${state}`;
  }
}

function describeReceived(notification: Notification): string {
  const text = shutdownText(notification);
  const cure = cureFor(notification);
  const said = text === undefined ? "" : `: "${text}"`;
  return `the router sent NOTIFICATION ${notificationName(notification)}${said}${cure}`;
}

function cureFor({ code, subcode, data }: Notification): string {
  if (code === ErrorCode.OpenMessage) {
    switch (subcode) {
      case OpenError.BadPeerAs:
        return ` (it expects another AS than my-asn${formatAsn(data)})`;
      case OpenError.BadBgpIdentifier:
        return " (router-id is not unique)";
      case OpenError.UnacceptableHoldTime:
        return " (hold-time is below its minimum)";
      case OpenError.UnsupportedCapability:
        return " (no address family in common: see families, and the neighbour's address families)";
      default:
        return "";
    }
  }
  if (code === ErrorCode.Cease) {
    switch (subcode) {
      case CeaseError.ConnectionCollisionResolution:
        return " (another speaker on this node holds the session?)";
      case CeaseError.ConnectionRejected:
        return " (is this speaker configured as a neighbour there?)";
      case CeaseError.MaximumNumberOfPrefixesReached:
        return " (its maximum-prefix is below what we advertise)";
      default:
        return "";
    }
  }
  return "";
}

/** Some routers send the AS number that they got as data (2 or 4 octets). */
function formatAsn(data: Uint8Array): string {
  if (data.length !== 2 && data.length !== 4) {
    return "";
  }
  const asn = data.reduce((value, octet) => value * 256 + octet, 0);
  return `; it saw ${asn}`;
}
