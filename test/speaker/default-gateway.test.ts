import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDefaultGateways } from "../../src/speaker/default-gateway.ts";

const head =
  "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n";
const onLink = "eth0\t0007100A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n";
const viaOne = "eth0\t00000000\t010710AC\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
const viaTwo = "eth1\t00000000\t020710AC\t0003\t0\t0\t100\t00000000\t0\t0\t0\n";
const farAway = "eth2\t00000000\t030710AC\t0003\t0\t0\t200\t00000000\t0\t0\t0\n";
const zeros = "0".repeat(32);
const viaLinkLocal = `${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     eth0\n`;
const viaGlobal = `${zeros} 00 ${zeros} 00 20010db8000000000000000000000001 00000100 00000001 00000000 00000003     eth1\n`;
const rejecting = `${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo\n`;

function gateways(ipv4: string, ipv6: string): string[] {
  return parseDefaultGateways(ipv4, ipv6).map(({ text }) => text);
}

test("IPv4 gateways of the lowest metric win over IPv6 ones", () => {
  assert.deepEqual(gateways(head + onLink + farAway + viaTwo + viaOne, viaGlobal), [
    "172.16.7.2",
    "172.16.7.1",
  ]);
});

test("without an IPv4 default route, the IPv6 gateway has its interface as zone if link-local", () => {
  assert.deepEqual(gateways(head + onLink, viaLinkLocal + rejecting), ["fe80::1%eth0"]);
  assert.deepEqual(gateways(head, viaLinkLocal + viaGlobal), ["2001:db8::1"]);
});

test("no default route gives no gateway", () => {
  assert.deepEqual(gateways(head + onLink, rejecting), []);
  assert.deepEqual(gateways("", ""), []);
});
