import type { SessionStatus } from "../../bgp/session/status.ts";
import type { ReflectorMetrics } from "../../kube/reflector.ts";
import type { Counter, Gauge, MetricsRegistry } from "../../runtime/metrics.ts";
import type { Decision } from "../decide.ts";

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
  ["received_prefixes_total", "Prefixes received; they are not used", "prefixesReceived"],
  [
    "malformed_attributes_received_total",
    "Attributes against RFC 7606",
    "malformedAttributesReceived",
  ],
  ["connect_attempts_total", "TCP connections tried", "connectAttempts"],
  ["sessions_lost_total", "How often the session left Established", "sessionsLost"],
] as const satisfies readonly (readonly [string, string, keyof SessionStatus["counters"]])[];

/**
 * A speaker's metrics. Where MetalLB has one, ours has its name and labels with `routelb_` for
 * `metallb_`. The series of a peer start at 0 and go with it.
 */
export class SpeakerMetrics {
  readonly configLoaded: Gauge<never>;
  readonly configStale: Gauge<never>;
  readonly reflector: ReflectorMetrics;
  readonly #sessionUp: Gauge<"peer">;
  readonly #announced: Gauge<"peer">;
  readonly #pending: Gauge<"peer">;
  readonly #counters: readonly {
    readonly counter: Counter<"peer">;
    readonly field: keyof SessionStatus["counters"];
  }[];
  readonly #services: Gauge<"service" | "protocol" | "node" | "ip">;
  readonly #withheldServices: Gauge<"reason">;
  readonly #decideSeconds: Gauge<never>;
  readonly #nodeName: string;
  #advertised: Decision["advertised"] = new Map();

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
    this.reflector = reflectorMetrics(registry);
    this.#sessionUp = ofPeer("session_up", "1 if the session is Established");
    this.#announced = ofPeer("announced_prefixes_total", "Prefixes that the peer has from us");
    this.#pending = ofPeer(
      "pending_prefixes_total",
      "Prefixes that the peer has yet to be told of",
    );
    this.#counters = sessionCounters.map(([name, help, field]) => ({
      counter: registry.counter({ name: `routelb_bgp_${name}`, help, labels: ["peer"] }),
      field,
    }));
    this.#services = registry.gauge({
      name: "routelb_speaker_announced",
      help: "1 for each address of a Service that goes to a peer from this node",
      labels: ["service", "protocol", "node", "ip"],
    });
    this.#withheldServices = registry.gauge({
      name: "routelb_speaker_withheld_addresses",
      help: "Addresses of Services that are not advertised from this node, by reason",
      labels: ["reason"],
    });
    this.#decideSeconds = gauge("speaker_decide_seconds", "How long the last decision took");
  }

  showSession({ name: peer, state, advertised, pending, counters }: SessionStatus): void {
    this.#sessionUp.set({ peer }, state === "Established" ? 1 : 0);
    this.#announced.set({ peer }, advertised);
    this.#pending.set({ peer }, pending);
    for (const { counter, field } of this.#counters) {
      counter.follow({ peer }, counters[field]);
    }
  }

  removeSession(peer: string): void {
    for (const metric of [this.#sessionUp, this.#announced, this.#pending]) {
      metric.remove({ peer });
    }
    for (const { counter } of this.#counters) {
      counter.remove({ peer });
    }
  }

  showDecision({ advertised, withheld }: Decision, seconds: number): void {
    this.#decideSeconds.set({}, seconds);
    this.#showAdvertised(advertised);
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

  /** Touches only the series that differ: there is one for each address of each Service. */
  #showAdvertised(advertised: Decision["advertised"]): void {
    const labels = (service: string, ip: string) => ({
      service,
      protocol: "bgp",
      node: this.#nodeName,
      ip,
    });
    for (const [service, addresses] of this.#advertised) {
      for (const ip of addresses) {
        if (advertised.get(service)?.includes(ip) !== true) {
          this.#services.remove(labels(service, ip));
        }
      }
    }
    for (const [service, addresses] of advertised) {
      for (const ip of addresses) {
        if (this.#advertised.get(service)?.includes(ip) !== true) {
          this.#services.set(labels(service, ip), 1);
        }
      }
    }
    this.#advertised = advertised;
  }
}

function reflectorMetrics(registry: MetricsRegistry): ReflectorMetrics {
  const updates = registry.counter({
    name: "routelb_k8s_client_updates_total",
    help: "Lists and watch events taken in",
    labels: [],
  });
  const errors = registry.counter({
    name: "routelb_k8s_client_update_errors_total",
    help: "Failures to follow the API server or to read an object",
    labels: [],
  });
  const failures = registry.counter({
    name: "routelb_k8s_client_failures_total",
    help: "The same by resource and reason",
    labels: ["resource", "reason"],
  });
  const following = registry.gauge({
    name: "routelb_k8s_client_following",
    help: "1 while the API server can be followed for the resource; routes stay when it is 0",
    labels: ["resource"],
  });
  return {
    setWatching: (resource, isWatching) => following.set({ resource }, isWatching ? 1 : 0),
    countList: () => updates.add({}),
    countEvent: () => updates.add({}),
    countFailure: (resource, reason) => {
      errors.add({});
      failures.add({ resource, reason });
    },
  };
}
