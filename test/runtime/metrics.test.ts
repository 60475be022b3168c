import assert from "node:assert/strict";
import { test } from "node:test";
import { MetricsRegistry } from "../../src/runtime/metrics.ts";

async function series(registry: MetricsRegistry): Promise<readonly string[]> {
  return (await registry.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
}

test("a series without labels is 0 from its declaration on", async () => {
  const registry = new MetricsRegistry();
  const passes = registry.counter({ name: "passes_total", help: "h", labels: [] });
  registry.gauge({ name: "stale_bool", help: "h", labels: [] });
  assert.deepEqual(await series(registry), ["passes_total 0", "stale_bool 0"]);
  passes.add({});
  passes.add({}, 2);
  assert.deepEqual(await series(registry), ["passes_total 3", "stale_bool 0"]);
  assert.match(registry.contentType, /^text\/plain/);
});

test("a labelled series begins when it is named and goes when it is removed", async () => {
  const registry = new MetricsRegistry();
  const up = registry.gauge({ name: "up", help: "h", labels: ["peer"] });
  up.set({ peer: "a" }, 1);
  up.set({ peer: "b" }, 0);
  assert.deepEqual(await series(registry), ['up{peer="a"} 1', 'up{peer="b"} 0']);
  up.remove({ peer: "a" });
  assert.deepEqual(await series(registry), ['up{peer="b"} 0']);
  up.replaceAll([[{ peer: "c" }, 4]]);
  assert.deepEqual(await series(registry), ['up{peer="c"} 4']);
});

test("a followed count never goes back", async () => {
  const registry = new MetricsRegistry();
  const updates = registry.counter({ name: "updates_total", help: "h", labels: ["peer"] });
  for (const count of [0, 3, 3, 5, 1, 2]) {
    updates.follow({ peer: "a" }, count);
  }
  assert.deepEqual(await series(registry), ['updates_total{peer="a"} 7']);
  updates.remove({ peer: "a" });
  updates.follow({ peer: "a" }, 2);
  assert.deepEqual(await series(registry), ['updates_total{peer="a"} 2']);
});

test("a presence prints its series as a gauge does, and those that are there only", async () => {
  const options = { name: "announced", help: "h", labels: ["service", "ip"] } as const;
  const labels = ["a/b", 'quo"te', "back\\slash", "line\nbreak"].map((service) => ({
    service,
    ip: "10.0.0.1",
  }));
  const plain = new MetricsRegistry();
  const gauge = plain.gauge(options);
  const registry = new MetricsRegistry();
  const announced = registry.presence(options);
  for (const each of labels) {
    gauge.set(each, 1);
    announced.add(each);
    announced.add(each);
  }
  assert.equal((await registry.text()).trim(), (await plain.text()).trim());
  for (const each of labels.slice(1)) {
    gauge.remove(each);
    announced.remove(each);
  }
  registry.gauge({ name: "other", help: "h", labels: [] });
  assert.deepEqual(await series(registry), ["other 0", 'announced{service="a/b",ip="10.0.0.1"} 1']);
  assert.match(await registry.text(), /\n\n# HELP announced h\n# TYPE announced gauge\n/);
});

test("the name of a presence is not given twice", () => {
  const registry = new MetricsRegistry();
  const options = { name: "announced", help: "h", labels: ["service"] } as const;
  registry.presence(options);
  assert.throws(() => registry.presence(options), /announced/);
  registry.gauge({ ...options, name: "other" });
  assert.throws(() => registry.presence({ ...options, name: "other" }), /other/);
});

test("a histogram counts into its buckets", async () => {
  const registry = new MetricsRegistry();
  const passes = registry.histogram({ name: "s", help: "h", labels: [], buckets: [0.1, 1] });
  passes.observe({}, 0.5);
  const lines = await series(registry);
  assert.deepEqual(lines, [
    's_bucket{le="0.1"} 0',
    's_bucket{le="1"} 1',
    's_bucket{le="+Inf"} 1',
    "s_sum 0.5",
    "s_count 1",
  ]);
});

test("two registries do not share anything", async () => {
  const options = { name: "same", help: "h", labels: [] } as const;
  const first = new MetricsRegistry();
  const second = new MetricsRegistry();
  first.gauge(options).set({}, 1);
  second.gauge(options);
  assert.deepEqual(await series(second), ["same 0"]);
});

test("the process's own metrics are there when asked for", async () => {
  const registry = new MetricsRegistry();
  registry.addProcessMetrics();
  const text = await registry.text();
  assert.match(text, /process_resident_memory_bytes \d/);
  assert.match(text, /nodejs_eventloop_lag_p99_seconds/);
});
