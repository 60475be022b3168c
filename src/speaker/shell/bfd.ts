import type { BfdStateChange, BfdStatus } from "../../bfd/engine.ts";
import type { BfdMonitor } from "../../bfd/monitor.ts";
import type { SessionStatus } from "../../bgp/session/status.ts";
import type { Prefix } from "../../net/prefix.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type ConnectedPeer, planBfd } from "../bfd-peer.ts";
import type { PlannedSession } from "../peers.ts";
import type { BfdSource } from "../state.ts";

/** What of the monitor is used; tests hand in their own. */
export type BfdPort = Pick<BfdMonitor, "setPeers" | "adminDown" | "report" | "close">;

export interface BfdOptions {
  readonly monitor: (
    onChange: (change: BfdStateChange) => void,
    onFailure: (key: string, message: string) => void,
  ) => BfdPort;
  /** The networks of this host's interfaces, as they are now. */
  readonly localPrefixes: () => readonly Prefix[];
  readonly logger: Logger;
  /** A session went from Up to Down for another reason than the peer's AdminDown. */
  readonly onDown: (sessionName: string) => void;
  readonly wallTime: () => number;
}

/**
 * The BFD sessions of this speaker: one for each BGP session whose peer has a `bfd-profile`, from
 * the first time that BGP is up, which tells the addresses (RFC 5882 §10.1).
 *
 * Only Up -> Down ends the BGP session. A session that was never up, as with a router that has no
 * BFD configured, and the peer's AdminDown leave it alone (RFC 5882 §4.2).
 */
export class BfdSessions {
  readonly #options: BfdOptions;
  readonly #monitor: BfdPort;
  readonly #connected = new Map<string, ConnectedPeer>();
  readonly #states = new Map<string, BfdSource>();
  #planned: readonly PlannedSession[] = [];

  constructor(options: BfdOptions) {
    this.#options = options;
    this.#monitor = options.monitor(
      (change) => this.#changed(change),
      (key, message) => this.#failed(key, message),
    );
  }

  /** The BGP sessions that shall exist. A profile that changed is told to the peer; nothing resets. */
  apply(planned: readonly PlannedSession[]): void {
    this.#planned = planned;
    this.#setPeers();
  }

  /** Learns a session's addresses, which may differ from one connection to the next. */
  takeStatus({ name, state, localAddress, remoteAddress, negotiated }: SessionStatus): void {
    const isKnown =
      state === "Established" &&
      localAddress !== undefined &&
      remoteAddress !== undefined &&
      negotiated !== undefined;
    if (!isKnown) {
      return;
    }
    const before = this.#connected.get(name);
    if (
      before?.localAddress.text !== localAddress.text ||
      before.remoteAddress.text !== remoteAddress.text ||
      before.isInternal !== negotiated.internal
    ) {
      const isInternal = negotiated.internal;
      this.#connected.set(name, { localAddress, remoteAddress, isInternal });
      this.#setPeers();
    }
  }

  states(): ReadonlyMap<string, BfdSource> {
    return this.#states;
  }

  /** With counts, as they are in this moment. */
  report(): Promise<readonly BfdStatus[]> {
    return this.#monitor.report();
  }

  /**
   * Ends all sessions. Their peers are told that it is on purpose, which must come after BGP's Cease;
   * but with those of `silent` nothing is heard from this turn on, so that the router sees nothing
   * but a lost TCP connection (a restart).
   */
  async close(silent: ReadonlySet<string>): Promise<void> {
    for (const name of this.#states.keys()) {
      if (!silent.has(name)) {
        this.#monitor.adminDown(name);
      }
    }
    await this.#monitor.close();
  }

  #setPeers(): void {
    const { localPrefixes } = this.#options;
    const plans = this.#planned.flatMap((session) => {
      const connected = this.#connected.get(session.peer.name);
      const plan = connected === undefined ? undefined : planBfd(session, connected, localPrefixes);
      return plan === undefined ? [] : [plan];
    });
    const names = new Set(plans.map(({ key }) => key));
    for (const name of this.#states.keys()) {
      if (!names.has(name)) {
        this.#monitor.adminDown(name);
        this.#states.delete(name);
        this.#connected.delete(name);
      }
    }
    for (const plan of plans) {
      const { state = "Down", sinceWallTimeMs } = this.#states.get(plan.key) ?? {};
      this.#states.set(plan.key, {
        state,
        sinceWallTimeMs: sinceWallTimeMs ?? this.#options.wallTime(),
        plan,
      });
    }
    this.#monitor.setPeers(plans);
  }

  #changed({ key, from, to, diagnostic, remoteState, remoteDiagnostic }: BfdStateChange): void {
    const known = this.#states.get(key);
    if (known === undefined) {
      return;
    }
    const { plan } = known;
    this.#states.set(key, { state: to, sinceWallTimeMs: this.#options.wallTime(), plan });
    const fields = { peer: key, from, to, diagnostic, remoteState, remoteDiagnostic };
    this.#options.logger.info(fields, "BFD state changed");
    if (from === "Up" && to === "Down" && remoteState !== "AdminDown") {
      this.#options.onDown(key);
    }
  }

  #failed(key: string, message: string): void {
    this.#options.logger.warn({ peer: key, cause: message }, "BFD cannot run for this peer");
    const known = this.#states.get(key);
    if (known !== undefined) {
      this.#states.set(key, { ...known, failure: message });
    }
  }
}
