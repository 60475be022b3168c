import type { Address, AddressFamily } from "../../net/address.ts";
import type { LinkBandwidthForm } from "../export.ts";
import type { LocalInterface } from "../next-hop.ts";
import type { Clock, Logger } from "./ports.ts";
import type { SessionStatus } from "./status.ts";
import type { Transport } from "./transport.ts";

/** Who the peer is and what we are to it: plain values, equal when their members are. */
export interface SessionPeer {
  /** For logs and status. */
  readonly name: string;
  readonly localAsn: number;
  /** `external`: whatever the peer says if it is not `localAsn`; `internal`: only if it is. */
  readonly peerAsn: number | "external" | "internal";
  /** A link-local address has its zone. */
  readonly peerAddress: Address;
  readonly peerPort: number;
  /** Absent: the kernel's choice. */
  readonly sourceAddress?: Address;
  /** Offered in our OPEN: 0, or 3 to 65535. */
  readonly holdTimeSeconds: number;
  /** Absent: a third of the negotiated Hold Time. */
  readonly keepaliveTimeSeconds?: number;
  /** ConnectRetryTime, and the limit of one TCP attempt. */
  readonly connectTimeSeconds: number;
  /** A peer that takes nothing from us for this long is dropped (RFC 9687). */
  readonly sendHoldTimeSeconds: number;
  readonly families: readonly AddressFamily[];
  /** More routes than this from the peer end the session with Cease/1; 0: no limit. */
  readonly importLimit: number;
  readonly linkBandwidth: LinkBandwidthForm;
  /** Absent: not offered. */
  readonly gracefulRestart?: { readonly restartTimeSeconds: number };
  /** TCP MD5 key (RFC 2385). */
  readonly password?: string;
  /** GTSM (RFC 5082). */
  readonly ttlSecurityHops?: number;
  /** Our BGP Identifier, an IPv4 address; absent: derived, see `LocalNode`. */
  readonly routerId?: Address;
}

/**
 * The host that we speak for. Without `SessionPeer.routerId`, the BGP Identifier is the session's
 * local IPv4 address, else the first IPv4 one of `addresses`, else a hash of `name`; never 0.
 */
export interface LocalNode {
  /** Also sent as the hostname capability. */
  readonly name: string;
  /** Its addresses as Kubernetes knows them (InternalIP), in order. */
  readonly addresses: readonly Address[];
}

/** Everything outside of the session that it needs; in the process, made once in `main.ts`. */
export interface SessionPorts {
  readonly clock: Clock;
  /** From 0 to below 1, as Math.random. */
  readonly random: () => number;
  readonly transport: Transport;
  readonly logger: Logger;
  readonly interfaces: () => readonly LocalInterface[];
  /**
   * Seconds since the machine booted. An OPEN sent when it is less than restart-time + hold-time
   * says that forwarding state was lost (RFC 4724 §3, F bit).
   */
  readonly uptimeSeconds: () => number;
}

export interface SessionOptions extends SessionPorts {
  readonly peer: SessionPeer;
  readonly node: LocalNode;
  /** Called after each change that an observer may care about; may call back into the Session. */
  readonly onChange: (status: SessionStatus) => void;
}

/** Why a session is closed for good. */
export interface CloseReason {
  /** What the router's operator reads (RFC 9003); cut at 255 octets. */
  readonly text: string;
  /** Cease subcode; by default Administrative Shutdown (RFC 4486). */
  readonly cease?:
    | "administrative-shutdown"
    | "administrative-reset"
    | "peer-deconfigured"
    | "other-configuration-change";
}
