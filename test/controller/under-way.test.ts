import assert from "node:assert/strict";
import { test } from "node:test";
import type { Service } from "../../src/cluster/service.ts";
import type { AddressWrite } from "../../src/cluster/snapshot.ts";
import { allocate } from "../../src/controller/allocate.ts";
import { parseAddress } from "../../src/net/address.ts";
import { ask, pool, service, snapshot, summaries, withStatus } from "./fixtures.ts";

const p = pool("p", ["10.0.0.0/32"]);
const q = pool("q", ["10.0.1.0/32"]);

function write(decidedAbout: Service, ip: string): AddressWrite {
  const address = parseAddress(ip);
  assert.ok(address !== undefined);
  return { service: decidedAbout, addresses: [address] };
}

test("an address that a write may still bring to a Service is nobody else's, wanted there or not", () => {
  const a = service("a1");
  const underWay = [write(a, "10.0.0.0")];
  const first = allocate(snapshot([p], [a]));
  assert.deepEqual(summaries(first), { a1: "10.0.0.0" });
  // Renumbering is allowed, p is gone, and before the write has ended p is back.
  const moved = allocate(snapshot([q], [a], { underWay }), first);
  assert.deepEqual(summaries(moved), { a1: "10.0.1.0" });
  const b = ask("b2", { "routelb.io/loadBalancerIPs": "10.0.0.0" });
  const back = allocate(snapshot([p, q], [a, b], { underWay }), moved);
  assert.deepEqual(summaries(back), { a1: "10.0.1.0", b2: "(address-in-use)" });
  const after = allocate(snapshot([p, q], [a, b]), back);
  assert.deepEqual(summaries(after), { a1: "10.0.1.0", b2: "10.0.0.0" });
});

test("also when the Service is gone, left to layer2 or has another class", () => {
  const a = service("a1");
  const b = service("b2");
  const underWay = [write(a, "10.0.0.0")];
  const ofOther = service("a1", { resourceVersion: "2", loadBalancerClass: "example.com/other" });
  for (const others of [[], [ofOther]]) {
    const decided = allocate(snapshot([p], [...others, b], { underWay }));
    assert.deepEqual(summaries(decided), { b2: "(pools-full)" });
  }
});

test("a Service is given what is on its way to it already", () => {
  const a = service("a2");
  const older = service("b1");
  const underWay = [write(a, "10.0.0.0")];
  const decided = allocate(snapshot([p, q], [a, older], { underWay }));
  assert.deepEqual(summaries(decided), { a2: "10.0.0.0", b1: "10.0.1.0" });
});

test("who stops sharing loses an address to the one whose write is under way", () => {
  const key = { "routelb.io/allow-shared-ip": "k" };
  const a = ask("a1", key);
  const b = ask("b2", key, { ports: ["TCP:443"] });
  const first = allocate(snapshot([p, q], [a, b]));
  assert.deepEqual(summaries(first), { a1: "10.0.0.0", b2: "10.0.0.0" });
  const unshared = service("a1", { resourceVersion: "2" });
  const underWay = [write(a, "10.0.0.0"), write(b, "10.0.0.0")];
  const decided = allocate(snapshot([p, q], [unshared, b], { underWay }), first);
  assert.deepEqual(summaries(decided), { a1: "10.0.1.0", b2: "10.0.0.0" });
});

test("an address that a status shows and may not keep is nobody else's before it is gone", () => {
  const key = { "routelb.io/allow-shared-ip": "k" };
  const holder = withStatus(ask("a1", key), "10.0.0.0");
  const intruder = withStatus(service("b2", { ports: ["TCP:443"] }), "10.0.0.0");
  const sharer = ask("c3", key, { ports: ["TCP:443"] });
  const decided = allocate(snapshot([p, q], [holder, intruder, sharer]));
  assert.deepEqual(summaries(decided), {
    a1: "10.0.0.0",
    b2: "10.0.1.0",
    c3: "(pools-full)",
  });
  const after = allocate(snapshot([p, q], [holder, withStatus(intruder, "10.0.1.0"), sharer]));
  assert.deepEqual(summaries(after), { a1: "10.0.0.0", b2: "10.0.1.0", c3: "10.0.0.0" });
});
