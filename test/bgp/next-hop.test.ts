import assert from "node:assert/strict";
import { test } from "node:test";
import { chooseNextHops, type NextHop, type NextHopOptions } from "../../src/bgp/next-hop.ts";
import { type Address, parseAddress } from "../../src/net/address.ts";

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed);
  return parsed;
}

interface Written {
  readonly local: string;
  readonly node?: readonly string[];
  readonly interfaces: Readonly<Record<string, readonly string[]>>;
  readonly extended?: boolean;
}

function chosen({ local, node = [], interfaces, extended = false }: Written) {
  const options: NextHopOptions = {
    localAddress: address(local),
    nodeAddresses: node.map(address),
    interfaces: Object.entries(interfaces).map(([name, texts]) => ({
      name,
      addresses: texts.map(address),
    })),
    extendedNextHop: extended,
  };
  const text = (next: NextHop | undefined) =>
    next && [next.address.text, ...(next.linkLocal ? [next.linkLocal.text] : [])].join(" ");
  const { ipv4, ipv6 } = chooseNextHops(options);
  return [text(ipv4), text(ipv6)];
}

const both = { eth0: ["172.16.7.11", "fd00:7::11"] };

test("the session's own address is the next hop of its family", () => {
  assert.deepEqual(chosen({ local: "172.16.7.11", interfaces: {} }), ["172.16.7.11", undefined]);
  assert.deepEqual(chosen({ local: "fd00:7::11", interfaces: {} }), [undefined, "fd00:7::11"]);
});

test("the other family has the Node's address if it is on this host", () => {
  const interfaces = { ...both, eth1: ["10.0.0.1", "fd00:8::11"] };
  const node = ["10.0.0.1", "fd00:8::11"];
  assert.deepEqual(chosen({ local: "172.16.7.11", node, interfaces }), [
    "172.16.7.11",
    "fd00:8::11",
  ]);
  assert.deepEqual(chosen({ local: "fd00:7::11", node, interfaces }), ["10.0.0.1", "fd00:7::11"]);
});

test("else the first global address of the session's interface", () => {
  const node = ["192.0.2.1", "2001:db8::1"];
  assert.deepEqual(chosen({ local: "172.16.7.11", node, interfaces: both }), [
    "172.16.7.11",
    "fd00:7::11",
  ]);
});

test("over loopback both are the Node's", () => {
  const node = ["172.16.7.11", "fd00:7::11"];
  for (const local of ["127.0.0.1", "::1"]) {
    assert.deepEqual(chosen({ local, node, interfaces: both }), node);
    assert.deepEqual(chosen({ local, interfaces: both }), [undefined, undefined]);
  }
});

test("a link-local session sends the global address with the link-local one", () => {
  const local = "fe80::1%eth0";
  assert.deepEqual(chosen({ local, node: ["fd00:7::11"], interfaces: both }), [
    "172.16.7.11",
    "fd00:7::11 fe80::1",
  ]);
  assert.deepEqual(chosen({ local, interfaces: { eth0: [] } }), [undefined, "fe80::1"]);
});

test("IPv4 has an IPv6 next hop only if that was negotiated and the Node has no IPv4", () => {
  const interfaces = { eth0: ["fd00:7::11"] };
  const local = "fd00:7::11";
  assert.deepEqual(chosen({ local, interfaces, extended: true }), ["fd00:7::11", "fd00:7::11"]);
  assert.deepEqual(chosen({ local, interfaces }), [undefined, "fd00:7::11"]);
  assert.deepEqual(chosen({ local, interfaces: both, extended: true }), [
    "172.16.7.11",
    "fd00:7::11",
  ]);
});

test("an address of kube-ipvs0 is never a next hop", () => {
  const interfaces = { "kube-ipvs0": ["fd00:7::99"], eth0: ["172.16.7.11"] };
  assert.deepEqual(chosen({ local: "172.16.7.11", node: ["fd00:7::99"], interfaces }), [
    "172.16.7.11",
    undefined,
  ]);
});
