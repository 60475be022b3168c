import { encodePcap } from "../../bgp/pcap.ts";
import type { Acceptor } from "../../bgp/session/listener.ts";
import type { SessionPorts } from "../../bgp/session/session.ts";
import type { SessionStatus } from "../../bgp/session/status.ts";
import type { Node } from "../../cluster/node.ts";
import type { Address } from "../../net/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import { coalesce } from "../../runtime/coalesce.ts";
import type { Logger } from "../../runtime/logger.ts";
import { needsDefaultGateways, secretNames } from "../peers.ts";
import { type StateQuery, speakerState } from "../state.ts";
import { type BfdOptions, BfdSessions } from "./bfd.ts";
import { ChangeLog } from "./change-log.ts";
import { ConfigSource } from "./config-source.ts";
import { Decider, type DeciderPorts, type DeciderSettings } from "./decider.ts";
import { Readiness } from "./readiness.ts";
import { SecretWatches, type SecretWatchesOptions } from "./secret-watches.ts";
import { SessionEvents } from "./session-events.ts";
import { Sessions } from "./sessions.ts";
import { SpeakerStores } from "./stores.ts";

export interface SpeakerSettings extends DeciderSettings {
  readonly podName?: string;
  readonly version: string;
}

export interface SpeakerPorts extends SessionPorts, DeciderPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly followSecret: SecretWatchesOptions["follow"];
  readonly bfdMonitor: BfdOptions["monitor"];
  readonly localPrefixes: BfdOptions["localPrefixes"];
}

/**
 * The speaker between its Stores, which Reflectors fill, and its sessions.
 *
 * Each change of a Store leads to a pass over the whole snapshot. Until every Store has synced, no
 * session is given routes, and so none sends End-of-RIB. What the API server once said stays in
 * force while it is away.
 */
export class Speaker {
  readonly stores = new SpeakerStores();
  readonly #settings: SpeakerSettings;
  readonly #ports: SpeakerPorts;
  readonly #readiness: Readiness;
  readonly #config: ConfigSource;
  readonly #sessions: Sessions;
  readonly #events: SessionEvents;
  readonly #secrets: SecretWatches;
  readonly #bfd: BfdSessions;
  readonly #decider: Decider;
  readonly #changes: ChangeLog;
  readonly #requestPass: () => void;
  readonly #showSessions: () => void;
  #node: Node | undefined;
  #isClosing = false;

  constructor(settings: SpeakerSettings, ports: SpeakerPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#readiness = new Readiness(ports.clock.now());
    this.#config = new ConfigSource({
      userStore: this.stores.userConfig,
      inForceStore: this.stores.inForceConfig,
      logger: ports.logger,
    });
    const nodeAddresses = () => this.#node?.internalAddresses ?? [];
    this.#sessions = new Sessions({
      ...ports,
      node: {
        name: settings.nodeName,
        get addresses() {
          return nodeAddresses();
        },
      },
      onChange: (status) => this.#takeStatus(status),
      onRemoved: (name) => {
        ports.metrics.removeSession(name);
        this.#events.forget(name);
      },
    });
    this.#bfd = new BfdSessions({
      monitor: ports.bfdMonitor,
      localPrefixes: ports.localPrefixes,
      logger: ports.logger,
      onDown: (name) => this.#sessions.bfdDown(name),
      wallTime: () => ports.clock.wallTime(),
    });
    this.#events = new SessionEvents({
      clock: ports.clock,
      node: () => this.#node,
      record: ports.recordEvent,
    });
    this.#requestPass = coalesce(() => this.#pass());
    this.#secrets = new SecretWatches({
      follow: ports.followSecret,
      onChange: this.#requestPass,
      logger: ports.logger,
    });
    this.#changes = new ChangeLog(ports.logger);
    this.#decider = new Decider({
      settings,
      ports,
      stores: this.stores,
      changes: this.#changes,
      config: () => this.#config.config,
      node: () => this.#node,
      onChange: this.#requestPass,
    });
    this.#showSessions = coalesce(() => this.#showSessionsNow());
    this.stores.follow(this.#requestPass, () => this.#config.update());
  }

  /** Brings the metrics of all sessions, whose counts go on without a word, to this moment. */
  async showSessions(): Promise<void> {
    this.#showSessionsNow();
    this.#ports.metrics.showBfd(await this.#bfd.report());
  }

  /** Looks at the host's default gateways again, if the configuration asks for them. */
  lookAtGateways(): void {
    if (this.#config.config !== undefined && needsDefaultGateways(this.#config.config)) {
      this.#requestPass();
    }
  }

  /** What still has to happen before this node may count on its speaker; empty: nothing. */
  whyNotReady(): readonly string[] {
    if (this.#decider.leaving.isLeaving || this.#isClosing) {
      return ["the speaker is about to end"];
    }
    const waitingFor = this.#waitingFor();
    if (waitingFor.length === 0 && this.#decider.last === undefined) {
      return ["nothing was decided yet"];
    }
    return this.#readiness.whyNot(waitingFor, this.#sessions.statuses(), this.#ports.clock.now());
  }

  /** Asks kube-proxy, if it is to be asked, until `signal` aborts. */
  async watchDataplane(signal: AbortSignal): Promise<void> {
    await this.#decider.dataplane?.run(signal);
  }

  /** The session that takes a connection from `remote`; undefined: no peer has that address. */
  acceptorFor(remote: Address): Acceptor | undefined {
    return this.#sessions.acceptorFor(remote);
  }

  state(query: StateQuery = {}): object {
    const { nodeName, podName, version } = this.#settings;
    const decision = this.#decider.last;
    const drain = this.#decider.leaving.drainSource;
    const dataplane = this.#decider.dataplane?.source;
    return speakerState(
      {
        nodeName,
        ...(podName === undefined ? {} : { podName }),
        version,
        config: this.#config.state,
        waitingFor: this.#waitingFor(),
        planned: this.#sessions.planned(),
        statuses: this.#sessions.statuses(),
        notDialled: this.#changes.notDialled,
        ...(drain === undefined ? {} : { drain }),
        ...(decision === undefined ? {} : { decision }),
        ...(dataplane === undefined ? {} : { dataplane }),
        services: this.stores.services.entries,
        bfd: this.#bfd.states(),
      },
      (ms) => new Date(ms).toISOString(),
      query,
    );
  }

  /** The last messages of a session as a pcap file; undefined: there is no such peer. */
  capture(peer: string): Uint8Array | undefined {
    const messages = this.#sessions.recordedMessages(peer);
    return messages && encodePcap(messages);
  }

  statuses(): readonly SessionStatus[] {
    return this.#sessions.statuses();
  }

  /**
   * Advertises with GRACEFUL_SHUTDOWN from now on, over all sessions but those of `restarting`;
   * `close` is to follow.
   */
  startLeaving(restarting: ReadonlySet<string>): void {
    this.#decider.leaving.startLeaving(restarting);
  }

  /**
   * Withdraws every route and closes every session, with `text` for the routers' operators; then,
   * in one turn, those of `restarting` without a word and with their routes where they are.
   */
  async close(text: string, restarting: ReadonlySet<string> = new Set()): Promise<void> {
    this.#isClosing = true;
    await Promise.all([
      this.#sessions.closeAll({ text }, restarting),
      this.#secrets.close(),
      this.#decider.close(),
    ]);
    await Promise.all([this.#sessions.closeForRestart({ text }), this.#bfd.close(restarting)]);
  }

  #showSessionsNow(): void {
    for (const status of this.#sessions.statuses()) {
      this.#ports.metrics.showSession(status);
    }
  }

  #takeStatus(status: SessionStatus): void {
    this.#events.take(status);
    this.#bfd.takeStatus(status);
    this.#showSessions();
  }

  #waitingFor(): readonly string[] {
    const { nodeName } = this.#settings;
    const { nodes } = this.stores;
    const noNode = nodes.isSynced && this.#node === undefined;
    return [
      ...this.stores.unread(nodeName),
      ...(noNode ? [`there is no Node ${nodeName}`] : []),
      ...(this.#config.config === undefined
        ? [this.#config.state.reason ?? "no ConfigMap could be read yet"]
        : []),
    ];
  }

  #pass(): void {
    if (this.#isClosing) {
      return;
    }
    const { config } = this.#config;
    const { metrics } = this.#ports;
    metrics.configLoaded.set({}, config === undefined ? 0 : 1);
    metrics.configStale.set({}, this.#config.isStale ? 1 : 0);
    this.#node = this.stores.nodes.entries.get(this.#settings.nodeName) ?? this.#node;
    const node = this.#node;
    if (config === undefined || node === undefined) {
      return;
    }
    const isComplete = this.#waitingFor().length === 0;
    const chosen = isComplete ? this.#decider.chooseBasis(config, node) : undefined;
    const acting = chosen?.kept ?? chosen?.config ?? config;
    this.#secrets.apply(secretNames(acting));
    const plan = this.#decider.plan(acting, node, (key) => this.#secrets.value(key));
    this.#sessions.apply(plan.sessions);
    this.#bfd.apply(plan.sessions);
    this.#changes.showNotDialled(plan.notDialled);
    this.#showSessions();
    if (chosen !== undefined) {
      this.#decider.decide(chosen, node, plan, (routes) => this.#sessions.setRoutes(routes));
    }
  }
}
