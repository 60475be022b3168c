import type { Address, AddressFamily } from "../../net/address.ts";
import { AdjRibOut, type Output } from "../adj-rib-out.ts";
import { familyOf, wireFamily } from "../codec/family.ts";
import { CeaseError, ErrorCode, RefreshSubtype } from "../codec/iana.ts";
import { shutdownNotification } from "../codec/notification.ts";
import type { RouteRefresh } from "../codec/route-refresh.ts";
import type { ReceivedUpdate } from "../codec/update.ts";
import { type DownReason, describeDownReason } from "../down-reason.ts";
import type { State } from "../fsm-types.ts";
import { maxOctetsToPeer, type Negotiated, type OpenTerms } from "../negotiate.ts";
import { chooseNextHops, type LocalInterface } from "../next-hop.ts";
import { ReceivedPrefixes, reachableCount } from "../received-prefixes.ts";
import type { Route } from "../route.ts";
import { deriveRouterId } from "../router-id.ts";
import { Connection, type Ends } from "./connection.ts";
import type { Clock, Logger, Timer } from "./ports.ts";
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
/** One write; what is beyond it waits as a difference. */
const writeOctets = 65_536;
/** How long packing may keep the event loop to itself. */
const sliceMs = 10;

/** One peer, through all its connections, from `start` to `close`. */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: Connection;
  readonly #counters = zeroCounters();
  readonly #endOfRibSent = new Set<AddressFamily>();
  #routes: readonly Route[] | undefined;
  #adjRibOut: AdjRibOut | undefined;
  #received: ReceivedPrefixes;
  #state: State = { name: "Idle" };
  #sinceWallTimeMs: number;
  #hasRoom = false;
  #continuation: Timer | undefined;
  #wasUp = false;
  #lastError: SessionError | undefined;
  #onDrained: (() => void) | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#received = new ReceivedPrefixes(options.peer.importLimit);
    this.#sinceWallTimeMs = options.clock.wallTime();
    this.#connection = new Connection({
      settings: {
        connectTimeSeconds: options.peer.connectTimeSeconds,
        openTimeSeconds,
        sendHoldTimeSeconds: options.peer.sendHoldTimeSeconds,
      },
      target: connectTarget(options.peer),
      termsFor: (local) => this.#openTerms(local),
      clock: options.clock,
      random: options.random,
      transport: options.transport,
      logger: options.logger,
      counters: this.#counters,
      observer: {
        changed: (state) => this.#changed(state),
        up: (negotiated, ends) => this.#up(negotiated, ends),
        down: () => this.#down(),
        failed: (reason) => this.#failed(reason),
        received: (message) => this.#deliver(message),
        writable: () => this.#writable(),
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
    this.#routes = routes;
    if (this.#adjRibOut !== undefined) {
      this.#adjRibOut.setRoutes(routes);
      this.#flush();
    }
  }

  status(): SessionStatus {
    const { ends, terms } = this.#connection;
    const state = this.#state;
    const negotiated = "negotiated" in state ? state.negotiated : undefined;
    const sent = [...this.#endOfRibSent];
    return {
      name: this.#options.peer.name,
      state: state.name,
      sinceWallTimeMs: this.#sinceWallTimeMs,
      ...(ends && { localAddress: ends.local, remoteAddress: ends.remote }),
      ...(terms && { routerId: terms.routerId }),
      ...(negotiated && { remoteRouterId: negotiated.peerRouterId, negotiated }),
      advertised: this.#adjRibOut?.advertised ?? 0,
      pending: this.#adjRibOut?.pending ?? 0,
      withheld: this.#adjRibOut?.withheld ?? [],
      ...(this.#lastError && { lastError: this.#lastError }),
      counters: { ...this.#counters },
      firstEndOfRibSent: sent,
      synced:
        negotiated !== undefined &&
        negotiated.families.every((family) => this.#endOfRibSent.has(family)),
    };
  }

  /** Withdraws everything, sends Cease with the text and closes; resolves when that is done. */
  async close(reason: CloseReason): Promise<void> {
    await this.#withdrawAll();
    const subcode = ceaseCodes[reason.cease ?? "administrative-shutdown"];
    const cease = shutdownNotification(subcode, reason.text);
    this.#connection.dispatch({ type: "stop", cease });
    this.#connection.cancelRetry();
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
    this.#connection.dispatch({ type: "stop-for-restart" });
    this.#connection.cancelRetry();
    return true;
  }

  /** BFD saw the peer go: Cease/BFD Down (RFC 9384), then the usual retry. Nothing if not up. */
  bfdDown(): void {
    if (this.#state.name === "Established") {
      this.#cease(CeaseError.BfdDown, "BFD says that the router is not reachable");
    }
  }

  #openTerms(local: Address): OpenTerms {
    const { peer, node, uptimeSeconds } = this.#options;
    const restart = peer.gracefulRestart;
    const restartTimeSeconds = Math.min(restart?.restartTimeSeconds ?? 0, 4095);
    const lostAtBootSeconds = restartTimeSeconds + peer.holdTimeSeconds;
    return {
      localAsn: peer.localAsn,
      peerAsn: peer.peerAsn,
      holdTimeSeconds: peer.holdTimeSeconds,
      ...(peer.keepaliveTimeSeconds !== undefined && {
        keepaliveTimeSeconds: peer.keepaliveTimeSeconds,
      }),
      routerId: peer.routerId ?? deriveRouterId(local, node),
      families: peer.families,
      offerExtendedNextHop: local.family === "ipv6",
      ...(restart && {
        gracefulRestart: {
          restartTimeSeconds,
          restarted: !this.#wasUp,
          forwarding: uptimeSeconds() >= lostAtBootSeconds,
        },
      }),
      hostname: node.name,
    };
  }

  #up(negotiated: Negotiated, ends: Ends): void {
    const { peer, node, interfaces } = this.#options;
    this.#wasUp = true;
    this.#received = new ReceivedPrefixes(peer.importLimit);
    this.#adjRibOut = new AdjRibOut({
      localAsn: peer.localAsn,
      internal: negotiated.internal,
      fourOctetAsn: negotiated.fourOctetAsn,
      families: negotiated.families,
      linkBandwidth: peer.linkBandwidth,
      maxMessageOctets: maxOctetsToPeer(negotiated),
      nextHops: chooseNextHops({
        localAddress: ends.local,
        nodeAddresses: node.addresses,
        interfaces: interfaces(),
        extendedNextHop: negotiated.extendedNextHop,
      }),
    });
    if (this.#routes !== undefined) {
      this.#adjRibOut.setRoutes(this.#routes);
    }
    this.#hasRoom = true;
  }

  #down(): void {
    this.#adjRibOut = undefined;
    this.#continuation?.cancel();
    this.#continuation = undefined;
    this.#settleDrained();
  }

  #changed(state: State): void {
    const { clock, logger, peer, onChange } = this.#options;
    const isNew = state.name !== this.#state.name;
    this.#state = state;
    if (isNew) {
      this.#sinceWallTimeMs = clock.wallTime();
    }
    if (isNew && state.name === "Established") {
      logger.info({ peer: peer.name, negotiated: state.negotiated }, "session established");
    }
    onChange(this.status());
    if (state.name === "Established") {
      this.#flush();
    }
  }

  /** Each failure is logged when it differs from the last one. */
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
    if (message.type === "ROUTE-REFRESH") {
      this.#refresh(message);
      return;
    }
    const { logger, peer } = this.#options;
    for (const malformed of message.malformed) {
      this.#counters.malformedAttributesReceived += 1;
      logger.debug({ peer: peer.name, ...malformed }, "malformed attribute");
    }
    const exceeded = this.#received.take(message);
    this.#counters.prefixesReceived += reachableCount(message);
    if (exceeded !== undefined) {
      const { afi, safi } = wireFamily(exceeded);
      const limit = peer.importLimit;
      const data = new Uint8Array(7);
      const view = new DataView(data.buffer);
      view.setUint16(0, afi);
      view.setUint8(2, safi);
      view.setUint32(3, limit);
      const text = `the router sent more routes than import-limit allows (${limit})`;
      this.#cease(CeaseError.MaximumNumberOfPrefixesReached, text, data);
    }
  }

  /** RFC 2918 §4; begin and end of the peer's own refresh mean nothing to one who keeps no routes. */
  #refresh(refresh: RouteRefresh): void {
    const family = familyOf(refresh);
    if (refresh.subtype !== RefreshSubtype.Request || family === undefined) {
      return;
    }
    const negotiated = "negotiated" in this.#state ? this.#state.negotiated : undefined;
    this.#adjRibOut?.refresh(family, negotiated?.enhancedRouteRefresh ?? false);
    this.#flush();
  }

  #cease(subcode: number, text: string, data = new Uint8Array()): void {
    this.#connection.dispatch({
      type: "automatic-stop",
      cease: { type: "NOTIFICATION", code: ErrorCode.Cease, subcode, data },
      text,
    });
  }

  #writable(): void {
    this.#hasRoom = true;
    this.#flush();
  }

  /** Writes what the peer lacks while it takes it, in slices that leave the event loop to others. */
  #flush(): void {
    const { clock, onChange } = this.#options;
    const deadline = clock.now() + sliceMs;
    let isChanged = false;
    while (this.#hasRoom && this.#continuation === undefined) {
      const output = this.#adjRibOut?.take(writeOctets);
      if (output === undefined) {
        this.#settleDrained();
        break;
      }
      isChanged = true;
      this.#count(output);
      this.#hasRoom = this.#connection.write(output.octets);
      if (clock.now() >= deadline) {
        this.#continuation = clock.after(0, () => {
          this.#continuation = undefined;
          this.#flush();
        });
      }
    }
    if (isChanged) {
      onChange(this.status());
    }
  }

  #count(output: Output): void {
    this.#counters.updatesSent += output.updates;
    this.#counters.routeRefreshesSent += output.refreshes;
    this.#counters.messagesSent += output.updates + output.refreshes;
    this.#counters.prefixesAdvertised += output.advertised;
    this.#counters.prefixesWithdrawn += output.withdrawn;
    for (const family of output.endOfRib) {
      this.#endOfRibSent.add(family);
    }
  }

  /** Resolves when the peer has taken the withdrawal of all routes, is gone, or is too slow. */
  #withdrawAll(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const limit = this.#options.clock.after(withdrawLimitMs, () => this.#settleDrained());
    this.#onDrained = () => {
      limit.cancel();
      resolve();
    };
    this.setRoutes([]);
    if (this.#adjRibOut === undefined) {
      this.#settleDrained();
    }
    return promise;
  }

  #settleDrained(): void {
    this.#onDrained?.();
    this.#onDrained = undefined;
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
