import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import type { PoolConfig } from "../../src/config/model.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { nothingAllocated } from "../../src/controller/outcome.ts";
import { findStranded, formatStranded } from "../../src/controller/stranded.ts";
import { config, pool, service, snapshot, withStatus } from "./fixtures.ts";

const now = [pool("p", ["10.0.0.0/29"]), pool("q", ["10.0.1.0/29"])];
const a = withStatus(service("a1"), "10.0.0.0");
const b = withStatus(service("b2"), "10.0.1.3");

function stranded(
  next: readonly PoolConfig[],
  services: readonly Service[] = [a, b],
  layer2Pools: readonly PoolConfig[] = [],
): readonly string[] {
  const found = findStranded(
    snapshot(now, services),
    nothingAllocated,
    config(next, { layer2Pools: layer2Pools.map(({ name, ranges }) => ({ name, ranges })) }),
  );
  return found.map(({ serviceKey, address, pool }) => `${serviceKey} ${address} ${pool}`);
}

test("adding, splitting, renaming and reordering pools strands nobody", () => {
  assert.deepEqual(stranded([...now, pool("r", ["10.0.2.0/29"])]), []);
  assert.deepEqual(stranded(now.toReversed()), []);
  assert.deepEqual(
    stranded([
      pool("other", ["10.0.0.0-10.0.0.1", "10.0.0.5/32"]),
      pool("p", ["10.0.1.3-10.0.1.4"], { autoAssign: false }),
    ]),
    [],
  );
});

test("removing, shrinking, avoid-buggy-ips and layer2 strand who has an address there", () => {
  assert.deepEqual(stranded([]), ["default/a1 10.0.0.0 p", "default/b2 10.0.1.3 q"]);
  assert.deepEqual(stranded([pool("p", ["10.0.0.0/29"]), pool("q", ["10.0.1.0/31"])]), [
    "default/b2 10.0.1.3 q",
  ]);
  assert.deepEqual(stranded(now.map((each) => ({ ...each, avoidBuggyIps: true }))), [
    "default/a1 10.0.0.0 p",
  ]);
  assert.deepEqual(stranded(now.slice(0, 1), [a, b], now.slice(1)), ["default/b2 10.0.1.3 q"]);
});

test("sharing that is no longer allowed strands the younger Service", () => {
  const share = { annotations: { "routelb.io/allow-shared-ip": "k" } };
  const one = withStatus(service("a1", { ...share, namespace: "x" }), "10.0.0.1");
  const two = withStatus(service("b2", { ...share, ports: ["TCP:443"] }), "10.0.0.1");
  const next = now.map((each) => ({ ...each, sharing: "namespace" as const }));
  assert.deepEqual(stranded(next, [one, two]), ["default/b2 10.0.0.1 p"]);
});

test("an address that is no longer in the status but was just given counts as well", () => {
  const fresh = service("c3");
  const given = allocate(snapshot(now, [fresh]));
  const found = findStranded(snapshot(now, [fresh]), given, config([]));
  assert.deepEqual(
    found.map(({ address }) => address),
    ["10.0.0.0"],
  );
});

test("what nobody gave, or what a Service itself asks to leave, is not stranded", () => {
  const foreign = withStatus(service("a1"), "192.0.2.1");
  assert.deepEqual(stranded([], [foreign]), []);
  const leaving = withStatus(
    service("a1", { annotations: { "routelb.io/address-pool": "new" } }),
    "10.0.0.0",
  );
  assert.deepEqual(stranded([...now, pool("new", ["10.0.9.0/30"])], [leaving]), []);
});

test("the text names some Services, how many more, and the way out", () => {
  const many = Array.from({ length: 10 }, (_, index) => ({
    serviceKey: `default/s${index}`,
    address: `10.0.0.${index}`,
    pool: "p",
  }));
  const text = formatStranded(many);
  assert.match(text, /default\/s0 \(10\.0\.0\.0 of pool p\), .* and 2 more/);
  assert.match(text, /routelb\.io\/allow-renumbering: "true"/);
});
