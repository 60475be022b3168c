import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ControllerMetrics } from "../../src/controller/shell/metrics.ts";
import {
  type Counter,
  type Gauge,
  type Histogram,
  type MetricOptions,
  MetricsRegistry,
  type Presence,
} from "../../src/runtime/metrics.ts";
import { SpeakerMetrics } from "../../src/speaker/shell/metrics.ts";

/** A registry that notes what is declared in it: name, type, labels, help. */
class NotingRegistry extends MetricsRegistry {
  readonly declared: (readonly [string, string, string, string])[] = [];

  override gauge<const L extends string>(options: MetricOptions<L>): Gauge<L> {
    this.#note("gauge", options);
    return super.gauge(options);
  }

  override counter<const L extends string>(options: MetricOptions<L>): Counter<L> {
    this.#note("counter", options);
    return super.counter(options);
  }

  override histogram<const L extends string>(
    options: MetricOptions<L> & { readonly buckets: readonly number[] },
  ): Histogram<L> {
    this.#note("histogram", options);
    return super.histogram(options);
  }

  override presence<const L extends string>(options: MetricOptions<L>): Presence<L> {
    this.#note("gauge", options);
    return super.presence(options);
  }

  #note(type: string, { name, labels, help }: MetricOptions<string>): void {
    this.declared.push([name, type, labels.join(", "), help]);
  }
}

/** The rows that docs/metrics.md must have. */
function rowsOfTheCode(): readonly string[] {
  const [speaker, controller] = [new NotingRegistry(), new NotingRegistry()];
  const made = [new SpeakerMetrics(speaker, "node1"), new ControllerMetrics(controller)];
  assert.equal(made.length, 2);
  const rows = new Map<string, string>();
  for (const [name, type, labels, help] of [...speaker.declared, ...controller.declared]) {
    const of = [
      ...(speaker.declared.some(([other]) => other === name) ? ["speaker"] : []),
      ...(controller.declared.some(([other]) => other === name) ? ["controller"] : []),
    ];
    rows.set(name, `| \`${name}\` | ${type} | ${labels} | ${of.join(", ")} | ${help} |`);
  }
  return [...rows.values()].toSorted();
}

test("docs/metrics.md has every metric of the code, with its type, labels and help, and no other", () => {
  const lines = readFileSync("docs/metrics.md", "utf8").split("\n");
  const rows = lines.filter((line) => line.startsWith("| `routelb_"));
  assert.deepEqual(rows, rowsOfTheCode());
});

test("every metric that a page or an alert names exists", () => {
  const known = rowsOfTheCode().map((row) => /`(.*?)`/.exec(row)?.[1] ?? "");
  const files = [
    "README.md",
    ...globSync("docs/*.md"),
    "deploy/components/monitoring/routelb.rules.yaml",
  ];
  for (const file of files) {
    for (const [name] of readFileSync(file, "utf8").matchAll(/\broutelb_[a-z0-9_]+\b/g)) {
      assert.ok(known.includes(name), `${file}: ${name}`);
    }
  }
});
