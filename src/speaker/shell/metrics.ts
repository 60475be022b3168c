import type { BfdStatus } from "../../bfd/engine.ts";
import { type SessionStatus, zeroFailures } from "../../bgp/session/status.ts";
import type { DataplaneState } from "../../cluster/snapshot.ts";
import type { ReflectorMetrics } from "../../kube/reflector-metrics.ts";
import { reflectorMetrics } from "../../kube/reflector-metrics.ts";
import type { Counter, Gauge, MetricsRegistry, Presence } from "../../runtime/metrics.ts";
import type { AdvertisedDiff, ServiceAddress } from "../changes.ts";
import type { Decision } from "../decide.ts";

/** Series that are set or removed in one turn of the event loop: 2 ms. */
const changesInTurn = 1_000;

/** The counts of a session that are metrics: name, help, and where they come from. */
const sessionCounters = [
  ["updates_total", "UPDATE messages sent", "updatesSent"],
  ["updates_total_received", "UPDATE messages received", "updatesReceived"],
  ["opens_sent", "OPEN messages sent", "opensSent"],
  ["opens_received", "OPEN messages received", "opensReceived"],
  ["keepalives_sent", "KEEPALIVE messages sent", "keepalivesSent"],
  ["keepalives_received", "KEEPALIVE messages received", "keepalivesReceived"],
  ["notifications_sent", "NOTIFICATION messages sent", "notificationsSent"],
  ["notifications_received_total", "NOTIFICATION messages received", "notificationsReceived"],
  ["route_refresh_sent", "ROUTE-REFRESH messages sent", "routeRefreshesSent"],
  ["route_refreshes_received_total", "ROUTE-REFRESH messages received", "routeRefreshesReceived"],
  ["total_sent", "Messages sent", "messagesSent"],
  ["total_received", "Messages received", "messagesReceived"],
  ["prefixes_received_total", "Prefixes received, again and again too; unused", "prefixesReceived"],
  [
    "malformed_attributes_received_total",
    "Attributes against RFC 7606",
    "malformedAttributesReceived",
  ],
  ["connect_attempts_total", "TCP connections tried", "connectAttempts"],
  ["sessions_lost_total", "How often the session left Established", "sessionsLost"],
] as const satisfies readonly (readonly [string, string, keyof SessionStatus["counters"]])[];

/** Of BFD sessions, likewise. */
const bfdCounters = [
  ["control_packet_output", "Control packets sent", "packetsSent"],
  ["control_packet_input", "Control packets received", "packetsReceived"],
  ["session_up_events", "How often the session came up", "sessionUps"],
  ["session_down_events", "How often the session went down", "sessionDowns"],
] as const satisfies readonly (readonly [string, string, keyof BfdStatus])[];

/**
 * A speaker's metrics. Where MetalLB has one, ours has its name and labels with `routelb_` for
 * `metallb_`. The series of a peer start at 0 and go with it.
 */
export class SpeakerMetrics {
  readonly configLoaded: Gauge<never>;
  readonly configStale: Gauge<never>;
  readonly heldWithdrawals: Gauge<never>;
  /** For the Reflector of a resource, which may be one object: `configmaps/config`. */
  readonly follow: (resource: string) => ReflectorMetrics;
  readonly #sessionUp: Gauge<"peer">;
  readonly #announced: Gauge<"peer">;
  readonly #desired: Gauge<"peer">;
  readonly #waiting: Gauge<"peer">;
  readonly #counters: readonly {
    readonly counter: Counter<"peer">;
    readonly field: keyof SessionStatus["counters"];
  }[];
  readonly #failures: Counter<"peer" | "kind">;
  readonly #bfdUp: Gauge<"peer">;
  readonly #bfdCounters: readonly {
    readonly counter: Counter<"peer">;
    readonly field: (typeof bfdCounters)[number][2];
  }[];
  #bfdPeers: ReadonlySet<string> = new Set();
  readonly #services: Presence<"service" | "protocol" | "node" | "ip">;
  readonly #withheldServices: Gauge<"reason">;
  readonly #dataplaneUnhealthy: Gauge<never>;
  readonly #unhealthyServices: Gauge<never>;
  readonly #decideSeconds: Gauge<never>;
  readonly #nodeName: string;
  readonly #peers = new Set<string>();
  readonly #waitingChanges: { readonly address: ServiceAddress; readonly isAdvertised: boolean }[] =
    [];
  #isShowing = false;

  constructor(registry: MetricsRegistry, nodeName: string) {
    this.#nodeName = nodeName;
    const gauge = (name: string, help: string) =>
      registry.gauge({ name: `routelb_${name}`, help, labels: [] });
    const ofPeer = (name: string, help: string) =>
      registry.gauge({ name: `routelb_bgp_${name}`, help, labels: ["peer"] });
    this.configLoaded = gauge("k8s_client_config_loaded_bool", "1 if a configuration is in force");
    this.configStale = gauge(
      "k8s_client_config_stale_bool",
      "1 if another configuration than the one in force was written",
    );
    this.heldWithdrawals = gauge(
      "speaker_held_withdrawals",
      "Routes that a doubtful change would withdraw and that are held for now",
    );
    this.follow = followMetrics(registry);
    this.#sessionUp = ofPeer(
      "session_up",
      "1 if the session is Established; the router may filter all the same",
    );
    this.#announced = ofPeer(
      "announced_prefixes_total",
      "Prefixes that the peer was sent; its policy may filter them",
    );
    this.#desired = ofPeer("pending_prefixes_total", "Prefixes that the peer is to have from us");
    this.#waiting = ofPeer("waiting_prefixes", "Prefixes that the peer has yet to be told of");
    this.#counters = sessionCounters.map(([name, help, field]) => ({
      counter: registry.counter({ name: `routelb_bgp_${name}`, help, labels: ["peer"] }),
      field,
    }));
    this.#failures = registry.counter({
      name: "routelb_bgp_session_failures_total",
      help: "How often the session went down or could not come up, by what happened",
      labels: ["peer", "kind"],
    });
    this.#bfdUp = registry.gauge({
      name: "routelb_bfd_session_up",
      help: "1 if the BFD session is Up",
      labels: ["peer"],
    });
    this.#bfdCounters = bfdCounters.map(([name, help, field]) => ({
      counter: registry.counter({ name: `routelb_bfd_${name}`, help, labels: ["peer"] }),
      field,
    }));
    this.#services = registry.presence({
      name: "routelb_speaker_announced",
      help: "1 for each address of a Service that goes to a peer from this node",
      labels: ["service", "protocol", "node", "ip"],
    });
    this.#withheldServices = registry.gauge({
      name: "routelb_speaker_withheld_addresses",
      help: "Addresses of Services that are not advertised from this node, by reason",
      labels: ["reason"],
    });
    this.#dataplaneUnhealthy = gauge(
      "speaker_dataplane_unhealthy_bool",
      "1 if kube-proxy on this node says that it does not deliver",
    );
    this.#unhealthyServices = gauge(
      "speaker_dataplane_unhealthy_services",
      "Services whose healthCheckNodePort kube-proxy on this node fails, though they have endpoints",
    );
    this.#decideSeconds = gauge("speaker_decide_seconds", "How long the last decision took");
  }

  showDataplane(found: DataplaneState | undefined): void {
    this.#dataplaneUnhealthy.set({}, found?.isNodeUnhealthy === true ? 1 : 0);
    this.#unhealthyServices.set({}, found?.unhealthyServices.size ?? 0);
  }

  showSession(status: SessionStatus): void {
    const { name: peer, state, advertised, pending, counters, failures } = status;
    if (!this.#peers.has(peer)) {
      this.#peers.add(peer);
      this.#desired.set({ peer }, 0);
    }
    this.#sessionUp.set({ peer }, state === "Established" ? 1 : 0);
    this.#announced.set({ peer }, advertised);
    this.#waiting.set({ peer }, pending);
    for (const { counter, field } of this.#counters) {
      counter.follow({ peer }, counters[field]);
    }
    for (const [kind, count] of Object.entries(failures)) {
      this.#failures.follow({ peer, kind }, count);
    }
  }

  removeSession(peer: string): void {
    this.#peers.delete(peer);
    for (const metric of [this.#sessionUp, this.#announced, this.#desired, this.#waiting]) {
      metric.remove({ peer });
    }
    for (const { counter } of this.#counters) {
      counter.remove({ peer });
    }
    for (const kind of Object.keys(zeroFailures())) {
      this.#failures.remove({ peer, kind });
    }
  }

  showBfd(statuses: readonly BfdStatus[]): void {
    const peers = new Set(statuses.map(({ key }) => key));
    for (const peer of this.#bfdPeers) {
      if (peers.has(peer)) {
        continue;
      }
      this.#bfdUp.remove({ peer });
      for (const { counter } of this.#bfdCounters) {
        counter.remove({ peer });
      }
    }
    this.#bfdPeers = peers;
    for (const status of statuses) {
      const peer = status.key;
      this.#bfdUp.set({ peer }, status.state === "Up" ? 1 : 0);
      for (const { counter, field } of this.#bfdCounters) {
        counter.follow({ peer }, status[field]);
      }
    }
  }

  /** `diff` is what changed since the decision before. */
  showDecision({ routes, withheld }: Decision, diff: AdvertisedDiff, seconds: number): void {
    this.#decideSeconds.set({}, seconds);
    for (const [peer, { length }] of routes) {
      this.#peers.add(peer);
      this.#desired.set({ peer }, length);
    }
    this.#showAdvertised(diff);
    const counts = new Map<string, number>();
    for (const reasons of withheld.values()) {
      for (const { reason, peer } of reasons) {
        if (peer === undefined && reason !== "not-load-balancer" && reason !== "class-not-ours") {
          counts.set(reason, (counts.get(reason) ?? 0) + 1);
        }
      }
    }
    this.#withheldServices.replaceAll([...counts].map(([reason, count]) => [{ reason }, count]));
  }

  /**
   * There is one series for each address of each Service, so only those that differ are touched, and
   * where they are thousands, some in each turn of the event loop.
   */
  #showAdvertised({ added, removed }: AdvertisedDiff): void {
    this.#waitingChanges.push(
      ...removed.map((address) => ({ address, isAdvertised: false })),
      ...added.map((address) => ({ address, isAdvertised: true })),
    );
    if (!this.#isShowing) {
      this.#showSome();
    }
  }

  #showSome(): void {
    for (const { address, isAdvertised } of this.#waitingChanges.splice(0, changesInTurn)) {
      const { service, ip } = address;
      const labels = { service, protocol: "bgp", node: this.#nodeName, ip };
      if (isAdvertised) {
        this.#services.add(labels);
      } else {
        this.#services.remove(labels);
      }
    }
    this.#isShowing = this.#waitingChanges.length > 0;
    if (this.#isShowing) {
      setImmediate(() => this.#showSome());
    }
  }
}

/** Of all Reflectors; each has the name of what it follows as its label `resource`. */
function followMetrics(registry: MetricsRegistry): (resource: string) => ReflectorMetrics {
  const metrics = reflectorMetrics(registry);
  return (resource) => ({
    ...metrics,
    setWatching: (_plural, isWatching) => metrics.setWatching(resource, isWatching),
    countFailure: (_plural, reason) => metrics.countFailure(resource, reason),
  });
}
