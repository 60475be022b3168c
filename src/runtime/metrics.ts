import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from "prom-client";

import { pendingTimers } from "./clock.ts";
import { LoopTurns, type TurnFigures } from "./loop-turns.ts";
import { type Labels, type MetricOptions, Presence } from "./presence.ts";

export type { Labels, MetricOptions, Presence } from "./presence.ts";

export interface Counter<L extends string> {
  add(labels: Labels<L>, amount?: number): void;
  /**
   * Takes over a count that is kept elsewhere and only grows; where it is smaller than before, its
   * keeper began anew.
   */
  follow(labels: Labels<L>, count: number): void;
  /** The series goes. */
  remove(labels: Labels<L>): void;
}

export interface Gauge<L extends string> {
  set(labels: Labels<L>, value: number): void;
  /** The series goes. */
  remove(labels: Labels<L>): void;
  /** All series are replaced by `values`, in one step. */
  replaceAll(values: Iterable<readonly [labels: Labels<L>, value: number]>): void;
}

export interface Histogram<L extends string> {
  observe(labels: Labels<L>, value: number): void;
  remove(labels: Labels<L>): void;
}

/** The most that a timer takes, 24 days. */
const longestTimerMs = 2 ** 31 - 1;

const turnHelp: readonly (readonly [keyof TurnFigures, string])[] = [
  ["min", "The shortest turn of the event loop since the last scrape, waiting left out"],
  ["max", "The longest turn of the event loop since the last scrape, waiting left out"],
  ["mean", "The mean turn of the event loop since the last scrape, waiting left out"],
  ["stddev", "The standard deviation of the turns of the event loop since the last scrape"],
  ["p50", "Half of the turns of the event loop since the last scrape were no longer"],
  ["p90", "90 % of the turns of the event loop since the last scrape were no longer"],
  ["p99", "99 % of the turns of the event loop since the last scrape were no longer"],
];

/**
 * The metrics of one process. A daemon declares each of its own once, and keeps the typed handle:
 *
 *     const sessionUp = registry.gauge({ name: "routelb_bgp_session_up", help: "...", labels: ["peer"] });
 *     sessionUp.set({ peer: "10.0.0.1:179" }, 1);
 *
 * A series without labels exists, at 0, from its declaration on.
 */
export class MetricsRegistry {
  readonly #registry = new Registry();
  readonly #presences = new Map<string, { text(): string }>();

  /** The media type of `text`. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** In the text format of Prometheus. */
  async text(): Promise<string> {
    const texts = Array.from(this.#presences.values(), (presence) => `\n${presence.text()}\n`);
    return [await this.#registry.metrics(), ...texts].join("");
  }

  /** Memory, CPU, event-loop delay, garbage collection, file descriptors, timers of the process. */
  addProcessMetrics(): void {
    // Its own monitor of the event loop wakes the process for as long as it measures: as good as never.
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: longestTimerMs,
    });
    this.#addLoopTurns();
    const timers = new PromGauge({
      name: "process_pending_timers",
      help: "Timers that run in the process; more and more of them are a leak",
      registers: [],
      collect() {
        this.set(pendingTimers());
      },
    });
    this.#registry.registerMetric(timers);
  }

  /** Under the names that prom-client has for what `monitorEventLoopDelay` says. */
  #addLoopTurns(): void {
    const turns = new LoopTurns();
    turns.start();
    let figures = turns.take();
    for (const [figure, help] of turnHelp) {
      const name = `nodejs_eventloop_lag_${figure}_seconds`;
      const gauge = new PromGauge({
        name,
        help,
        registers: [],
        collect() {
          // The first in a scrape looks for all of them.
          figures = figure === "min" ? turns.take() : figures;
          this.set(figures[figure]);
        },
      });
      this.#registry.removeSingleMetric(name);
      this.#registry.registerMetric(gauge);
    }
  }

  counter<const L extends string>(options: MetricOptions<L>): Counter<L> {
    const counter = new PromCounter<L>(this.#declaration(options));
    const followed = new Map<string, number>();
    const keyOf = (labels: Labels<L>) => JSON.stringify(options.labels.map((name) => labels[name]));
    return {
      add: (labels, amount = 1) => counter.inc({ ...labels }, amount),
      follow: (labels, count) => {
        const before = followed.get(keyOf(labels)) ?? 0;
        followed.set(keyOf(labels), count);
        counter.inc({ ...labels }, count >= before ? count - before : count);
      },
      remove: (labels) => {
        followed.delete(keyOf(labels));
        counter.remove({ ...labels });
      },
    };
  }

  gauge<const L extends string>(options: MetricOptions<L>): Gauge<L> {
    const gauge = new PromGauge<L>(this.#declaration(options));
    return {
      set: (labels, value) => gauge.set({ ...labels }, value),
      remove: (labels) => gauge.remove({ ...labels }),
      replaceAll: (values) => {
        gauge.reset();
        for (const [labels, value] of values) {
          gauge.set({ ...labels }, value);
        }
      },
    };
  }

  /** @throws Error if the name is taken, as all others do */
  presence<const L extends string>(options: MetricOptions<L>): Presence<L> {
    const { name } = options;
    if (this.#presences.has(name) || this.#registry.getSingleMetric(name) !== undefined) {
      throw new Error(`a metric of the name ${name} has been declared already`);
    }
    const presence = new Presence(options);
    this.#presences.set(name, presence);
    return presence;
  }

  histogram<const L extends string>(
    options: MetricOptions<L> & { readonly buckets: readonly number[] },
  ): Histogram<L> {
    const histogram = new PromHistogram<L>({
      ...this.#declaration(options),
      buckets: [...options.buckets],
    });
    return {
      observe: (labels, value) => histogram.observe({ ...labels }, value),
      remove: (labels) => histogram.remove({ ...labels }),
    };
  }

  #declaration<L extends string>(options: MetricOptions<L>) {
    const { name, help, labels } = options;
    return { name, help, labelNames: [...labels], registers: [this.#registry] };
  }
}
