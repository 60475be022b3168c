import type { NotificationError } from "./codec/error.ts";
import type { Keepalive } from "./codec/message.ts";
import type { Notification } from "./codec/notification.ts";
import type { Open } from "./codec/open.ts";
import type { RouteRefresh } from "./codec/route-refresh.ts";
import type { ReceivedUpdate } from "./codec/update.ts";
import type { DownReason } from "./down-reason.ts";
import type { Negotiated } from "./negotiate.ts";

/** What stays the same for one connection. */
export interface FsmSettings {
  /** ConnectRetryTime. */
  readonly connectTimeSeconds: number;
  /**
   * The Hold timer's value in OpenSent. Deviation: RFC 4271 §8.2.2 suggests 4 minutes. We take 30 s
   * because a router that drops our OPEN (GTSM, a stale MD5 key) shows as silence in OpenSent.
   */
  readonly openTimeSeconds: number;
  /** RFC 9687. */
  readonly sendHoldTimeSeconds: number;
}

/** RFC 4271 §8.2.2, with what only that state has. */
export type State =
  | { readonly name: "Idle" }
  | { readonly name: "Connect" }
  | { readonly name: "Active" }
  | { readonly name: "OpenSent" }
  | { readonly name: "OpenConfirm"; readonly negotiated: Negotiated }
  | { readonly name: "Established"; readonly negotiated: Negotiated };

export type TimerName = "ConnectRetry" | "Hold" | "Keepalive" | "SendHold";

/**
 * RFC 4271 §8.1, by the numbers there.
 *
 * Deviation: RFC 4271 §8.1 has events 12 and 20 (DelayOpen) and 14 and 15 (TCP requests under way).
 * We have not, because both are optional, waiting before OPEN helps nobody here, and the socket API
 * shows no connection before it is complete.
 */
export type Event =
  /** Events 1, 3, 6 and 13. */
  | { readonly type: "start" }
  /** Events 4, 5 and 7: wait for the peer to connect. */
  | { readonly type: "start-passively" }
  /** Event 2. */
  | { readonly type: "stop"; readonly cease: Notification }
  /** Event 2, with the routes left to graceful restart: no NOTIFICATION (RFC 4724 §4). */
  | { readonly type: "stop-for-restart" }
  /** Event 8: we drop the session and will start again. */
  | { readonly type: "automatic-stop"; readonly cease: Notification; readonly text: string }
  /** Events 9, 10, 11; 29 is of RFC 9687 §3.1. */
  | { readonly type: "timer-expired"; readonly timer: TimerName }
  /** Events 16 and 17, with the OPEN to send. */
  | { readonly type: "tcp-connected"; readonly open: Open }
  /** Event 18; `error` is absent when the peer closed in order. */
  | { readonly type: "tcp-closed"; readonly error?: string }
  /** Event 19, after negotiation. */
  | { readonly type: "open-received"; readonly negotiated: Negotiated }
  /** Events 21, 22 and 28, and RFC 7313 §5: the peer broke the protocol. */
  | { readonly type: "protocol-error"; readonly error: NotificationError }
  /** Event 23. */
  | { readonly type: "collision-lost"; readonly cease: Notification }
  /** Events 24 and 25. */
  | { readonly type: "notification-received"; readonly notification: Notification }
  /** Event 26. */
  | { readonly type: "keepalive-received" }
  /** Event 27. */
  | { readonly type: "update-received"; readonly update: ReceivedUpdate }
  /** RFC 2918. */
  | { readonly type: "route-refresh-received"; readonly refresh: RouteRefresh }
  /** UPDATEs were handed to TCP; they count as Keepalives (RFC 4271 §4.4). */
  | { readonly type: "updates-sent" }
  /** TCP took all that we had written (RFC 9687 §3.2). */
  | { readonly type: "output-drained" };

export type Action =
  | { readonly type: "connect" }
  /** `flush`: what was sent still goes out; nothing is sent after this. */
  | { readonly type: "disconnect"; readonly flush: boolean }
  | { readonly type: "send"; readonly message: Open | Keepalive | Notification }
  | { readonly type: "start-timer"; readonly timer: TimerName; readonly seconds: number }
  | { readonly type: "stop-timer"; readonly timer: TimerName }
  | { readonly type: "session-up"; readonly negotiated: Negotiated }
  | { readonly type: "session-down"; readonly reason: DownReason }
  | { readonly type: "deliver"; readonly message: ReceivedUpdate | RouteRefresh }
  /**
   * An attempt or a session failed. `retry` names what starts the next one after a delay that the
   * shell chooses: the IdleHold timer, whose expiry is event 13, or the ConnectRetry timer.
   */
  | {
      readonly type: "failed";
      readonly reason: DownReason;
      readonly retry: "IdleHold" | "ConnectRetry" | "none";
    };

export interface Transition {
  readonly state: State;
  readonly actions: readonly Action[];
}
