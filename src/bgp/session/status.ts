import type { Address, AddressFamily } from "../../net/address.ts";
import type { WithheldRoute } from "../attribute-sets.ts";
import type { FailureKind, StateName } from "../down-reason.ts";
import type { Negotiated } from "../negotiate.ts";

/**
 * What an Established session does not tell: BGP says nothing of the routes that a router's policy
 * leaves out, as all of them where FRR shows `(Policy)`.
 */
export const policyCaveat =
  "Established, but the router may filter: which routes it accepts is its own policy's decision";

/** What a session is and has done, as plain values for `/state`, metrics and logs. */
export interface SessionStatus {
  /** The peer's name. */
  readonly name: string;
  readonly state: StateName;
  /** When the session entered `state`. */
  readonly sinceWallTimeMs: number;
  /** Present while a TCP connection is up. */
  readonly localAddress?: Address;
  readonly remoteAddress?: Address;
  /** Our BGP Identifier, once it was derived for a connection. */
  readonly routerId?: Address;
  /** Present in OpenConfirm and Established. */
  readonly remoteRouterId?: Address;
  readonly negotiated?: Negotiated;
  /** Routes that the peer has from us. */
  readonly advertised: number;
  /** Routes that the peer has yet to be told of: advertisements and withdrawals. */
  readonly pending: number;
  /** Routes of the desired set that cannot be sent on this session, with the reason. */
  readonly withheld: readonly WithheldRoute[];
  /** Why the session last went down or could not come up; kept while it is up, too. */
  readonly lastError?: SessionError;
  readonly counters: SessionCounters;
  /** How often the session went down or could not come up, since the Session was made. */
  readonly failures: Readonly<Record<FailureKind, number>>;
  /** Families whose first End-of-RIB in the life of this Session has been handed to TCP. */
  readonly firstEndOfRibSent: readonly AddressFamily[];
  /** Every negotiated family got an End-of-RIB at least once. */
  readonly synced: boolean;
}

export interface SessionError {
  readonly atWallTimeMs: number;
  /**
   * Which kind of failure, for metrics and tests; for example `connect-timeout`,
   * `notification-received`, `hold-timer-expired`.
   */
  readonly kind: FailureKind;
  /** For humans: what happened and the likely cure. Never holds a secret. */
  readonly text: string;
}

/** Since the Session was made; they never go back. */
export interface SessionCounters {
  readonly opensSent: number;
  readonly opensReceived: number;
  readonly updatesSent: number;
  readonly updatesReceived: number;
  readonly keepalivesSent: number;
  readonly keepalivesReceived: number;
  readonly notificationsSent: number;
  readonly notificationsReceived: number;
  readonly routeRefreshesSent: number;
  readonly routeRefreshesReceived: number;
  /** All messages. */
  readonly messagesSent: number;
  readonly messagesReceived: number;
  readonly prefixesAdvertised: number;
  readonly prefixesWithdrawn: number;
  /** Routes in the peer's UPDATEs, each time it sends one; we drop them. */
  readonly prefixesReceived: number;
  readonly malformedAttributesReceived: number;
  readonly connectAttempts: number;
  /** How often the session left Established. */
  readonly sessionsLost: number;
}

export type MutableCounters = { -readonly [Name in keyof SessionCounters]: SessionCounters[Name] };

export function zeroCounters(): MutableCounters {
  return {
    opensSent: 0,
    opensReceived: 0,
    updatesSent: 0,
    updatesReceived: 0,
    keepalivesSent: 0,
    keepalivesReceived: 0,
    notificationsSent: 0,
    notificationsReceived: 0,
    routeRefreshesSent: 0,
    routeRefreshesReceived: 0,
    messagesSent: 0,
    messagesReceived: 0,
    prefixesAdvertised: 0,
    prefixesWithdrawn: 0,
    prefixesReceived: 0,
    malformedAttributesReceived: 0,
    connectAttempts: 0,
    sessionsLost: 0,
  };
}

export type MutableFailures = Record<FailureKind, number>;

export function zeroFailures(): MutableFailures {
  return {
    "connect-timeout": 0,
    "connect-failed": 0,
    "connection-closed": 0,
    "open-timeout": 0,
    "hold-timer-expired": 0,
    "send-hold-timer-expired": 0,
    "notification-received": 0,
    "notification-sent": 0,
    "unexpected-event": 0,
  };
}
