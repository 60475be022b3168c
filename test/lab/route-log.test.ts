import assert from "node:assert/strict";
import { test } from "node:test";
import { parseKernelRoutes, parseRouterLog, tellsOfSession } from "../../lab/route-log.ts";

test("FRR's log is read with its microseconds, as UTC", () => {
  const entries = parseRouterLog(
    "2026/11/22 11:50:26.596922 BGP: [HZN6M-XRM1G] %NOTIFICATION: received from neighbor 172.16.7.11 6/2\n" +
      "a line without a time\n",
  );
  assert.deepEqual(entries, [
    {
      atMs: Date.UTC(2026, 10, 22, 11, 50, 26) + 596.922,
      text: "BGP: [HZN6M-XRM1G] %NOTIFICATION: received from neighbor 172.16.7.11 6/2",
    },
  ]);
});

test("the kernel's route is read with one next hop, with several, and when it is deleted", () => {
  const routes = parseKernelRoutes(
    "[2026-11-22T11:50:24.615689] 172.16.7.192 nhid 13 proto bgp metric 20 \\\tnexthop via 172.16.7.11 dev eth7 weight 1 \\\tnexthop via 172.16.7.12 dev eth7 weight 1 \n" +
      "[2026-11-22T11:50:25.000000] 172.16.7.193 nhid 15 via 172.16.7.12 dev eth7 proto bgp metric 20 \n" +
      "[2026-11-22T11:50:35.703193] 172.16.7.192 nhid 15 via 172.16.7.12 dev eth7 proto bgp metric 20 \n" +
      "[2026-11-22T11:50:36.000001] Deleted 172.16.7.192 nhid 15 via 172.16.7.12 dev eth7 proto bgp metric 20 \n",
    "172.16.7.192",
  );
  assert.deepEqual(
    routes.map((route) => route.gateways),
    [["172.16.7.11", "172.16.7.12"], ["172.16.7.12"], []],
  );
  assert.equal(routes[1]?.atMs, Date.UTC(2026, 10, 22, 11, 50, 35) + 703.193);
});

test("a session's change is told of one neighbour and of one kind", () => {
  const log = parseRouterLog(
    "2026/11/22 11:50:26.596922 BGP: [M59KS-A3ZXZ] bgp_update_receive: rcvd End-of-RIB for IPv4 Unicast from 172.16.7.12\n" +
      "2026/11/22 11:50:27.000001 BGP: [PXVXG-TFNNT] %ADJCHANGE: neighbor 172.16.7.11(node1) in vrf default Down BGP Notification send\n" +
      "2026/11/22 11:50:28.000001 BGP: [PXVXG-TFNNT] %ADJCHANGE: neighbor fd00:7::12(node2) in vrf default Up\n",
  );
  assert.equal(tellsOfSession(log, "172.16.7.11", "Down"), true);
  assert.equal(tellsOfSession(log, "172.16.7.11", "Up"), false);
  assert.equal(tellsOfSession(log, "172.16.7.1", "Down"), false);
  assert.equal(tellsOfSession(log, "fd00:7::12", "Up"), true);
});
