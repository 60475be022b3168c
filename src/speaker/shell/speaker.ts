import type { SessionPorts } from "../../bgp/session/session.ts";
import type { SessionStatus } from "../../bgp/session/status.ts";
import type { EndpointSlice } from "../../cluster/endpoint.ts";
import type { Node } from "../../cluster/node.ts";
import type { LoadBalancerClass, Service } from "../../cluster/service.ts";
import type { EventNote } from "../../kube/event-note.ts";
import type { ConfigMap } from "../../kube/project.ts";
import { Store } from "../../kube/store.ts";
import type { Address } from "../../net/address.ts";
import type { Clock } from "../../runtime/clock.ts";
import { coalesce } from "../../runtime/coalesce.ts";
import type { Logger } from "../../runtime/logger.ts";
import { type AdvertisedDiff, diffAdvertised, type ServiceAddress } from "../changes.ts";
import { type Decision, decideRoutes } from "../decide.ts";
import { type NotDialled, needsDefaultGateways, planSessions, secretNames } from "../peers.ts";
import { SliceIndex } from "../slice-index.ts";
import { speakerState } from "../state.ts";
import { type BfdOptions, BfdSessions } from "./bfd.ts";
import { ConfigSource } from "./config-source.ts";
import type { SpeakerMetrics } from "./metrics.ts";
import { Readiness } from "./readiness.ts";
import { SecretWatches, type SecretWatchesOptions } from "./secret-watches.ts";
import { SessionEvents } from "./session-events.ts";
import { Sessions } from "./sessions.ts";

export interface SpeakerSettings {
  readonly nodeName: string;
  readonly podName?: string;
  readonly version: string;
  readonly loadBalancerClass: LoadBalancerClass;
  readonly ignoreExcludeLabel: boolean;
}

export interface SpeakerPorts extends SessionPorts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SpeakerMetrics;
  readonly recordEvent: (note: EventNote) => void;
  /** Of this host's routing table, as it is now. */
  readonly defaultGateways: () => readonly Address[];
  readonly followSecret: SecretWatchesOptions["follow"];
  readonly bfdMonitor: BfdOptions["monitor"];
  readonly localPrefixes: BfdOptions["localPrefixes"];
}

/** So many addresses of a change are named in the log. */
const shownAddresses = 10;

/**
 * The speaker between its Stores, which Reflectors fill, and its sessions.
 *
 * Each change of a Store leads to a pass over the whole snapshot. Until every Store has synced, no
 * session is given routes, and so none sends End-of-RIB. What the API server once said stays in
 * force while it is away.
 */
export class Speaker {
  readonly services = new Store<Service>();
  readonly slices = new Store<EndpointSlice>();
  readonly nodes = new Store<Node>();
  readonly userConfig = new Store<ConfigMap>();
  readonly inForceConfig = new Store<ConfigMap>();
  readonly #settings: SpeakerSettings;
  readonly #ports: SpeakerPorts;
  readonly #readiness: Readiness;
  readonly #sliceIndex = new SliceIndex();
  readonly #config: ConfigSource;
  readonly #sessions: Sessions;
  readonly #events: SessionEvents;
  readonly #secrets: SecretWatches;
  readonly #bfd: BfdSessions;
  readonly #requestPass: () => void;
  readonly #showSessions: () => void;
  #node: Node | undefined;
  #notDialled: readonly NotDialled[] = [];
  #decision: Decision | undefined;
  #isClosing = false;

  constructor(settings: SpeakerSettings, ports: SpeakerPorts) {
    this.#settings = settings;
    this.#ports = ports;
    this.#readiness = new Readiness(ports.clock.now());
    this.#config = new ConfigSource({
      userStore: this.userConfig,
      inForceStore: this.inForceConfig,
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
    this.#showSessions = coalesce(() => {
      for (const status of this.#sessions.statuses()) {
        ports.metrics.showSession(status);
      }
      ports.metrics.showBfd(this.#bfd.statuses());
    });
    this.#followStores();
  }

  /** Looks at the host's default gateways again, if the configuration asks for them. */
  lookAtGateways(): void {
    if (this.#config.config !== undefined && needsDefaultGateways(this.#config.config)) {
      this.#requestPass();
    }
  }

  /** What still has to happen before this node may count on its speaker; empty: nothing. */
  whyNotReady(): readonly string[] {
    const waitingFor = this.#waitingFor();
    if (waitingFor.length === 0 && this.#decision === undefined) {
      return ["nothing was decided yet"];
    }
    return this.#readiness.whyNot(waitingFor, this.#sessions.statuses(), this.#ports.clock.now());
  }

  state(): object {
    const { nodeName, podName, version } = this.#settings;
    return speakerState(
      {
        nodeName,
        ...(podName === undefined ? {} : { podName }),
        version,
        config: this.#config.state,
        waitingFor: this.#waitingFor(),
        planned: this.#sessions.planned(),
        statuses: this.#sessions.statuses(),
        notDialled: this.#notDialled,
        ...(this.#decision === undefined ? {} : { decision: this.#decision }),
        services: this.services.entries,
        bfd: this.#bfd.states(),
      },
      (ms) => new Date(ms).toISOString(),
    );
  }

  /** Withdraws every route and closes every session, with `text` for the routers' operators. */
  async close(text: string): Promise<void> {
    this.#isClosing = true;
    await Promise.all([this.#sessions.closeAll({ text }), this.#secrets.close()]);
    await this.#bfd.closeAdministratively();
  }

  #followStores(): void {
    for (const store of [this.services, this.nodes]) {
      store.onChange(this.#requestPass);
    }
    this.slices.onChange((change) => {
      if (change.source === "list") {
        this.#sliceIndex.replaceAll(this.slices.entries.values());
      } else {
        this.#sliceIndex.update(change.before, change.after);
      }
      this.#requestPass();
    });
    for (const store of [this.userConfig, this.inForceConfig]) {
      store.onChange(() => {
        this.#config.update();
        this.#requestPass();
      });
    }
  }

  #takeStatus(status: SessionStatus): void {
    this.#events.take(status);
    this.#bfd.takeStatus(status);
    this.#showSessions();
  }

  #waitingFor(): readonly string[] {
    const stores = {
      Services: this.services,
      EndpointSlices: this.slices,
      [`the Node ${this.#settings.nodeName}`]: this.nodes,
    };
    const unread = Object.entries(stores).flatMap(([name, store]) =>
      store.isSynced ? [] : [`${name} could not be read yet`],
    );
    const noNode = this.nodes.isSynced && this.#node === undefined;
    return [
      ...unread,
      ...(noNode ? [`there is no Node ${this.#settings.nodeName}`] : []),
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
    const { metrics, clock, defaultGateways } = this.#ports;
    metrics.configLoaded.set({}, config === undefined ? 0 : 1);
    metrics.configStale.set({}, this.#config.isStale ? 1 : 0);
    this.#node = this.nodes.entries.get(this.#settings.nodeName) ?? this.#node;
    const node = this.#node;
    if (config === undefined || node === undefined) {
      return;
    }
    this.#secrets.apply(secretNames(config));
    const plan = planSessions(config, node, {
      defaultGateways: needsDefaultGateways(config) ? defaultGateways() : [],
      secret: (key) => this.#secrets.value(key),
    });
    this.#sessions.apply(plan.sessions);
    this.#bfd.apply(plan.sessions);
    this.#takeNotDialled(plan.notDialled);
    this.#showSessions();
    if (this.#waitingFor().length > 0) {
      return;
    }
    const { loadBalancerClass, ignoreExcludeLabel } = this.#settings;
    const startedMs = clock.now();
    const decision = decideRoutes(
      {
        config,
        loadBalancerClass,
        services: this.services.entries,
        endpointSlices: this.#sliceIndex.byService,
        node,
        ignoreExcludeLabel,
      },
      plan.sessions.map(({ entryName, peer }) => ({ name: peer.name, entryName })),
    );
    const seconds = (clock.now() - startedMs) / 1000;
    this.#sessions.setRoutes(decision.routes);
    const diff = diffAdvertised(this.#decision?.advertised ?? new Map(), decision.advertised);
    this.#decision = decision;
    metrics.showDecision(decision, diff, seconds);
    this.#logChanges(diff);
  }

  #logChanges({ added, removed }: AdvertisedDiff): void {
    if (added.length + removed.length > 0) {
      const some = (addresses: readonly ServiceAddress[]) =>
        addresses.slice(0, shownAddresses).map(({ service, ip }) => `${service} ${ip}`);
      this.#ports.logger.info(
        {
          advertised: added.length,
          withdrawn: removed.length,
          ...(added.length === 0 ? {} : { advertise: some(added) }),
          ...(removed.length === 0 ? {} : { withdraw: some(removed) }),
        },
        "what this node advertises changed",
      );
    }
  }

  #takeNotDialled(notDialled: readonly NotDialled[]): void {
    const before = new Map(this.#notDialled.map((one) => [one.entryName, one.reason]));
    for (const { entryName, reason, text } of notDialled) {
      if (before.get(entryName) !== reason) {
        const fields = { peer: entryName, reason, cause: text };
        if (reason === "node-not-selected") {
          this.#ports.logger.info(fields, "peer is not for this node");
        } else {
          this.#ports.logger.warn(fields, "peer is not dialled");
        }
      }
    }
    this.#notDialled = notDialled;
  }
}
