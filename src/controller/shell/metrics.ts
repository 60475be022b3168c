import { type ReflectorMetrics, reflectorMetrics } from "../../kube/reflector-metrics.ts";
import type { AddressFamily } from "../../net/address.ts";
import type { Gauge, Histogram, MetricsRegistry } from "../../runtime/metrics.ts";
import { type Allocation, freeAddresses, type PoolUse } from "../outcome.ts";
import { shortfallReasons } from "../shortfall.ts";

/**
 * A controller's metrics. Where MetalLB has one, ours has its name and labels with `routelb_` for
 * `metallb_`. The series of a pool go with it.
 */
export class ControllerMetrics {
  readonly configLoaded: Gauge<never>;
  readonly configStale: Gauge<never>;
  readonly leadership: Gauge<never>;
  readonly reflector: ReflectorMetrics;
  readonly #pools: readonly {
    readonly total: Gauge<"pool">;
    readonly used: Gauge<"pool">;
    readonly free: Gauge<"pool">;
    readonly families: readonly AddressFamily[];
  }[];
  readonly #pending: Gauge<"reason">;
  readonly #allocateSeconds: Gauge<never>;
  readonly #assignSeconds: Histogram<never>;

  constructor(registry: MetricsRegistry) {
    const plain = (name: string, help: string) =>
      registry.gauge({ name: `routelb_${name}`, help, labels: [] });
    const ofPool = (name: string, help: string) =>
      registry.gauge({ name: `routelb_allocator_${name}`, help, labels: ["pool"] });
    this.configLoaded = plain("k8s_client_config_loaded_bool", "1 if a configuration is in force");
    this.configStale = plain(
      "k8s_client_config_stale_bool",
      "1 if another configuration than the one in force was written",
    );
    this.leadership = plain("k8s_client_leadership_bool", "1 if this controller leads");
    this.reflector = reflectorMetrics(registry);
    this.#pools = [
      {
        total: ofPool("addresses_total", "Addresses that the pool may give out"),
        used: ofPool("addresses_in_use_total", "Addresses of the pool that Services have"),
        free: ofPool("addresses_free", "Addresses of the pool that nobody has"),
        families: ["ipv4", "ipv6"],
      },
      {
        total: ofPool("ipv4_addresses_total", "IPv4 addresses that the pool may give out"),
        used: ofPool("ipv4_addresses_in_use_total", "IPv4 addresses that Services have"),
        free: ofPool("ipv4_addresses_free", "IPv4 addresses of the pool that nobody has"),
        families: ["ipv4"],
      },
      {
        total: ofPool("ipv6_addresses_total", "IPv6 addresses that the pool may give out"),
        used: ofPool("ipv6_addresses_in_use_total", "IPv6 addresses that Services have"),
        free: ofPool("ipv6_addresses_free", "IPv6 addresses of the pool that nobody has"),
        families: ["ipv6"],
      },
    ];
    this.#pending = registry.gauge({
      name: "routelb_controller_pending_services",
      help: "Services without an address, by reason",
      labels: ["reason"],
    });
    this.#allocateSeconds = plain(
      "controller_allocate_seconds",
      "How long the last pass over all Services took",
    );
    this.#assignSeconds = registry.histogram({
      name: "routelb_controller_assign_seconds",
      help: "From the change that it was decided for to the address in the status of the Service",
      labels: [],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    });
  }

  /** @param waiting keys of those that have no address, whoever else is among them */
  showAllocation(
    { outcomes, pools }: Allocation,
    waiting: Iterable<string>,
    seconds: number,
  ): void {
    this.#allocateSeconds.set({}, seconds);
    for (const { total, used, free, families } of this.#pools) {
      const show = (
        gauge: Gauge<"pool">,
        count: (pool: PoolUse, family: AddressFamily) => bigint,
      ) =>
        gauge.replaceAll(
          pools.map((pool) => [
            { pool: pool.name },
            Number(families.reduce((sum, family) => sum + count(pool, family), 0n)),
          ]),
        );
      show(total, (pool, family) => pool.total[family]);
      show(used, (pool, family) => BigInt(pool.used[family]));
      show(free, freeAddresses);
    }
    const counts = new Map<string, number>(shortfallReasons.map((reason) => [reason, 0]));
    for (const key of waiting) {
      const outcome = outcomes.get(key);
      if (outcome?.type === "unassigned") {
        const { reason } = outcome.shortfall;
        counts.set(reason, (counts.get(reason) ?? 0) + 1);
      }
    }
    this.#pending.replaceAll([...counts].map(([reason, count]) => [{ reason }, count]));
  }

  showAssigned(seconds: number): void {
    this.#assignSeconds.observe({}, seconds);
  }
}
