import type { Address, AddressFamily } from "../../net/address.ts";
import { familyOf } from "../codec/family.ts";
import { CeaseError, ErrorCode, RefreshSubtype } from "../codec/iana.ts";
import { shutdownNotification } from "../codec/notification.ts";
import type { RouteRefresh } from "../codec/route-refresh.ts";
import type { ReceivedUpdate } from "../codec/update.ts";
import { type DownReason, describeDownReason } from "../down-reason.ts";
import type { State } from "../fsm-types.ts";
import type { LocalInterface } from "../next-hop.ts";
import type { Route } from "../route.ts";
import { Connection } from "./connection.ts";
import { openTerms } from "./open-terms.ts";
import type { Clock, Logger } from "./ports.ts";
import { RouteReceiver } from "./route-receiver.ts";
import { RouteSender } from "./route-sender.ts";
import { type SessionError, type SessionStatus, zeroCounters } from "./status.ts";
import type { ConnectTarget, Transport } from "./transport.ts";

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
  readonly linkBandwidth: "auto" | "transitive" | "non-transitive" | "off";
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

/** OpenSent lasts at most this long. */
const openTimeSeconds = 30;
/** How long `close` waits for a slow peer to take the withdrawals. */
const withdrawLimitMs = 3_000;

/** One peer, through all its connections, from `start` to `close`. */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: Connection;
  readonly #sender: RouteSender;
  readonly #receiver: RouteReceiver;
  readonly #counters = zeroCounters();
  #state: State = { name: "Idle" };
  #sinceWallTimeMs: number;
  #wasUp = false;
  #lastError: SessionError | undefined;

  constructor(options: SessionOptions) {
    const { peer, node, clock, random, transport, logger } = options;
    const counters = this.#counters;
    this.#options = options;
    this.#sinceWallTimeMs = clock.wallTime();
    this.#sender = new RouteSender({
      localAsn: peer.localAsn,
      linkBandwidth: peer.linkBandwidth,
      node,
      interfaces: options.interfaces,
      clock,
      counters,
      write: (octets) => this.#connection.write(octets),
      onProgress: () => this.#notify(),
    });
    this.#receiver = new RouteReceiver({
      peerName: peer.name,
      importLimit: peer.importLimit,
      logger,
      counters,
      onExceeded: (cease, text) =>
        this.#connection.dispatch({ type: "automatic-stop", cease, text }),
    });
    this.#connection = new Connection({
      settings: {
        connectTimeSeconds: peer.connectTimeSeconds,
        openTimeSeconds,
        sendHoldTimeSeconds: peer.sendHoldTimeSeconds,
      },
      target: connectTarget(peer),
      termsFor: (local) =>
        openTerms({
          peer,
          node,
          local,
          isFirstSession: !this.#wasUp,
          uptimeSeconds: options.uptimeSeconds(),
        }),
      clock,
      random,
      transport,
      logger,
      counters,
      observer: {
        changed: (state) => this.#changed(state),
        up: (negotiated, ends) => {
          this.#wasUp = true;
          this.#receiver.open();
          this.#sender.open(negotiated, ends.local);
        },
        down: () => this.#sender.close(),
        failed: (reason) => this.#failed(reason),
        received: (message) => this.#deliver(message),
        writable: () => this.#sender.writable(),
      },
    });
  }

  /** Begins to dial, and goes on until `close`. */
  start(): void {
    this.#connection.dispatch({ type: "start" });
  }

  /**
   * Hands over the whole set of routes that the peer is to have, at most one per prefix; the session
   * works out the difference. The first call is what permits End-of-RIB.
   */
  setRoutes(routes: readonly Route[]): void {
    this.#sender.setRoutes(routes);
  }

  status(): SessionStatus {
    const { ends, terms } = this.#connection;
    const state = this.#state;
    const negotiated = "negotiated" in state ? state.negotiated : undefined;
    const { advertised, pending, withheld, endOfRibSent } = this.#sender;
    return {
      name: this.#options.peer.name,
      state: state.name,
      sinceWallTimeMs: this.#sinceWallTimeMs,
      ...(ends && { localAddress: ends.local, remoteAddress: ends.remote }),
      ...(terms && { routerId: terms.routerId }),
      ...(negotiated && { remoteRouterId: negotiated.peerRouterId, negotiated }),
      advertised,
      pending,
      withheld,
      ...(this.#lastError && { lastError: this.#lastError }),
      counters: { ...this.#counters },
      firstEndOfRibSent: [...endOfRibSent],
      synced: negotiated?.families.every((family) => endOfRibSent.has(family)) ?? false,
    };
  }

  /** Withdraws everything, sends Cease with the text and closes; resolves when that is done. */
  async close(reason: CloseReason): Promise<void> {
    await this.#sender.withdrawAll(withdrawLimitMs);
    const subcode = ceaseCodes[reason.cease ?? "administrative-shutdown"];
    this.#connection.stop({ type: "stop", cease: shutdownNotification(subcode, reason.text) });
    await this.#connection.ended;
  }

  /**
   * Closes TCP without a NOTIFICATION, so that a peer with graceful restart keeps forwarding
   * (RFC 4724 §4.2). False if no session with graceful restart is up: nothing was done then, and
   * `close` is the way.
   */
  closeForRestart(): boolean {
    if (this.#state.name !== "Established" || !this.#state.negotiated.gracefulRestart) {
      return false;
    }
    this.#connection.stop({ type: "stop-for-restart" });
    return true;
  }

  /** BFD saw the peer go: Cease/BFD Down (RFC 9384), then the usual retry. Nothing if not up. */
  bfdDown(): void {
    if (this.#state.name === "Established") {
      const { BfdDown: subcode } = CeaseError;
      const data = new Uint8Array();
      this.#connection.dispatch({
        type: "automatic-stop",
        cease: { type: "NOTIFICATION", code: ErrorCode.Cease, subcode, data },
        text: "BFD says that the router is not reachable",
      });
    }
  }

  #changed(state: State): void {
    const { clock, logger, peer } = this.#options;
    const isNew = state.name !== this.#state.name;
    this.#state = state;
    if (isNew) {
      this.#sinceWallTimeMs = clock.wallTime();
    }
    if (isNew && state.name === "Established") {
      const { negotiated } = state;
      const router = { ...negotiated, peerRouterId: negotiated.peerRouterId.text };
      logger.info({ peer: peer.name, negotiated: router }, "session established");
    }
    this.#notify();
  }

  /** A failure is worth a line when it differs from the last one. */
  #failed(reason: DownReason): void {
    const { clock, logger, peer } = this.#options;
    if (reason.type === "stopped") {
      return;
    }
    const text = describeDownReason(reason);
    const fields = { peer: peer.name, kind: reason.type, reason: text };
    if (text === this.#lastError?.text) {
      logger.debug(fields, "session failed");
    } else {
      logger.warn(fields, "session failed");
    }
    this.#lastError = { atWallTimeMs: clock.wallTime(), kind: reason.type, text };
  }

  #deliver(message: ReceivedUpdate | RouteRefresh): void {
    if (message.type === "UPDATE") {
      this.#receiver.take(message);
      return;
    }
    // RFC 7313 §4: begin and end of the peer's own refresh mean nothing to one who keeps no routes.
    const family = familyOf(message);
    if (message.subtype === RefreshSubtype.Request && family !== undefined) {
      this.#sender.refresh(family);
    }
  }

  #notify(): void {
    this.#options.onChange(this.status());
  }
}

const ceaseCodes = {
  "administrative-shutdown": CeaseError.AdministrativeShutdown,
  "administrative-reset": CeaseError.AdministrativeReset,
  "peer-deconfigured": CeaseError.PeerDeconfigured,
  "other-configuration-change": CeaseError.OtherConfigurationChange,
} as const satisfies Record<NonNullable<CloseReason["cease"]>, number>;

function connectTarget(peer: SessionPeer): ConnectTarget {
  return {
    address: peer.peerAddress,
    port: peer.peerPort,
    ...(peer.sourceAddress && { sourceAddress: peer.sourceAddress }),
    ...(peer.password !== undefined && { password: peer.password }),
    ...(peer.ttlSecurityHops !== undefined && { ttlSecurityHops: peer.ttlSecurityHops }),
  };
}
