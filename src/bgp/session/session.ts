import { familyOf } from "../codec/family.ts";
import { CeaseError, RefreshSubtype } from "../codec/iana.ts";
import {
  ceaseNotification,
  type Notification,
  shutdownNotification,
} from "../codec/notification.ts";
import type { RouteRefresh } from "../codec/route-refresh.ts";
import type { ReceivedUpdate } from "../codec/update.ts";
import { type DownReason, describeDownReason } from "../down-reason.ts";
import type { State } from "../fsm-types.ts";
import { MessageRecord, type RecordedMessage } from "../message-record.ts";
import type { Route } from "../route.ts";
import { ConnectionPair } from "./connection-pair.ts";
import { openTerms } from "./open-terms.ts";
import type { CloseReason, SessionOptions, SessionPeer } from "./options.ts";
import { RouteReceiver } from "./route-receiver.ts";
import { RouteSender } from "./route-sender.ts";
import {
  policyCaveat,
  type SessionError,
  type SessionStatus,
  zeroCounters,
  zeroFailures,
} from "./status.ts";
import type { ConnectTarget, IncomingTcp } from "./transport.ts";

export type {
  CloseReason,
  LocalNode,
  SessionOptions,
  SessionPeer,
  SessionPorts,
} from "./options.ts";

/** OpenSent lasts at most this long. */
const openTimeSeconds = 30;
/** How long `close` waits for a slow peer to take the withdrawals. */
const withdrawLimitMs = 3_000;

/** One peer, through all its connections, from `start` to `close`. */
export class Session {
  readonly #options: SessionOptions;
  readonly #connection: ConnectionPair;
  readonly #sender: RouteSender;
  readonly #receiver: RouteReceiver;
  readonly #counters = zeroCounters();
  readonly #failures = zeroFailures();
  readonly #record = new MessageRecord();
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
      write: (output) => this.#connection.write(output),
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
    this.#connection = new ConnectionPair({
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
      record: this.#record,
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
    this.#connection.start();
  }

  /**
   * Takes a connection that the peer opened (RFC 4271 §6.8); the answer, if there is one, is why not.
   *
   * A peer with a password or ttl-security is not heard: the listening socket has neither.
   */
  accept(incoming: IncomingTcp): Notification | undefined {
    const { password, ttlSecurityHops } = this.#options.peer;
    return password === undefined && ttlSecurityHops === undefined
      ? this.#connection.accept(incoming)
      : ceaseNotification(CeaseError.ConnectionRejected);
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
      failures: { ...this.#failures },
      firstEndOfRibSent: [...endOfRibSent],
      synced: negotiated?.families.every((family) => endOfRibSent.has(family)) ?? false,
    };
  }

  /** The last messages, sent and received, over all connections; oldest first. */
  get recordedMessages(): readonly RecordedMessage[] {
    return this.#record.messages;
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
    this.#sender.end();
    this.#connection.stop({ type: "stop-for-restart" });
    return true;
  }

  /** BFD saw the peer go: Cease/BFD Down (RFC 9384), then the usual retry. Nothing if not up. */
  bfdDown(): void {
    if (this.#state.name === "Established") {
      this.#connection.dispatch({
        type: "automatic-stop",
        cease: ceaseNotification(CeaseError.BfdDown),
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
      const fields = { peer: peer.name, negotiated: router, caveat: policyCaveat };
      logger.info(fields, "session established");
    }
    this.#notify();
  }

  /** A failure is worth a line when it differs from the last one. */
  #failed(reason: DownReason): void {
    const { clock, logger, peer } = this.#options;
    if (reason.type === "stopped") {
      return;
    }
    this.#failures[reason.type] += 1;
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
