import type { Address, AddressFamily } from "../../net/address.ts";
import type { Prefix } from "../../net/prefix.ts";

export type StateName = "Idle" | "Connect" | "Active" | "OpenSent" | "OpenConfirm" | "Established";

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
  readonly negotiated?: NegotiatedSummary;
  /** Routes that the peer has from us. */
  readonly advertised: number;
  /** Routes that the peer has yet to be told of: advertisements and withdrawals. */
  readonly pending: number;
  /** Routes of the desired set that cannot be sent on this session, with the reason. */
  readonly withheld: readonly WithheldRoute[];
  /** Why the session last went down or could not come up; kept while it is up, too. */
  readonly lastError?: SessionError;
  readonly counters: SessionCounters;
  /** Families whose first End-of-RIB in the life of this Session has been handed to TCP. */
  readonly firstEndOfRibSent: readonly AddressFamily[];
  /** Every negotiated family got an End-of-RIB at least once. */
  readonly synced: boolean;
}

export interface NegotiatedSummary {
  readonly peerAsn: number;
  readonly internal: boolean;
  readonly holdTimeSeconds: number;
  readonly keepaliveTimeSeconds: number;
  /** Families that both sides offered. */
  readonly families: readonly AddressFamily[];
  readonly fourOctetAsn: boolean;
  readonly routeRefresh: boolean;
  readonly enhancedRouteRefresh: boolean;
  readonly extendedMessages: boolean;
  /** IPv4 routes may have an IPv6 next hop (RFC 8950). */
  readonly extendedNextHop: boolean;
  /** The peer keeps our routes over a restart of ours for this long (RFC 4724); absent: it does not. */
  readonly gracefulRestart?: { readonly peerRestartTimeSeconds: number };
  readonly peerHostname?: string;
}

export type WithheldReason =
  /** The peer did not offer the route's address family, or `families` leaves it out. */
  | "family-not-negotiated"
  /** No address of ours can be the next hop of this family on this session. */
  | "no-next-hop"
  /** The attributes alone fill a message. */
  | "attributes-too-long";

export interface WithheldRoute {
  readonly prefix: Prefix;
  readonly reason: WithheldReason;
}

export interface SessionError {
  readonly atWallTimeMs: number;
  /**
   * Which kind of failure, for metrics and tests; for example `connect-timeout`,
   * `notification-received`, `hold-timer-expired`.
   */
  readonly kind: string;
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
