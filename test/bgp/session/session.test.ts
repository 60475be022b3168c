import assert from "node:assert/strict";
import { test } from "node:test";
import type { RouteAttributes } from "../../../src/bgp/route.ts";
import { zeroFailures } from "../../../src/bgp/session/status.ts";
import { makeAddress } from "../../../src/net/address.ts";
import { routerCapabilities, SessionUnderTest } from "../../support/bgp-router.ts";
import { route, routesOf } from "../../support/routes.ts";

const gracefulCapability = {
  type: "graceful-restart",
  restarted: false,
  notification: false,
  restartTimeSeconds: 120,
  families: [],
} as const;

test("a session comes up by OPEN and KEEPALIVE, and advertises once it has routes", () => {
  const under = new SessionUnderTest();
  under.session.start();
  assert.equal(under.state, "Connect");
  under.accept();
  assert.deepEqual(under.receivedTypes(), ["OPEN"]);
  under.sendOpen();
  assert.deepEqual(under.receivedTypes(), ["KEEPALIVE"]);
  assert.equal(under.state, "OpenConfirm");
  under.sendKeepalive();
  assert.equal(under.state, "Established");
  assert.deepEqual(under.receivedTypes(), [], "no End-of-RIB before the first decision");
  assert.equal(under.session.status().synced, false);

  under.session.setRoutes(routesOf({ count: 3 }));
  under.sync();
  assert.equal(under.rib.routes.size, 3);
  assert.deepEqual(under.rib.endOfRib, ["ipv4", "ipv6"]);
  assert.equal(under.session.status().synced, true);
  assert.equal(under.session.status().advertised, 3);
});

test("routes that were handed over before the session is up are sent when it is", () => {
  const under = new SessionUnderTest();
  under.session.setRoutes(routesOf({ count: 2 }));
  under.session.start();
  under.establish();
  under.sync();
  assert.equal(under.rib.routes.size, 2);
});

test("our OPEN offers what we are", () => {
  const under = new SessionUnderTest(
    { localAsn: 4_200_000_001, gracefulRestart: { restartTimeSeconds: 60 } },
    { uptimeSeconds: () => 149 },
  );
  under.session.start();
  under.accept();
  const [open] = under.received();
  assert.ok(open?.type === "OPEN");
  assert.deepEqual(
    [open.asn, open.holdTimeSeconds, open.routerId.text],
    [23456, 90, "172.16.7.11"],
  );
  assert.deepEqual(open.capabilities, [
    { type: "multiprotocol", afi: 1, safi: 1 },
    { type: "multiprotocol", afi: 2, safi: 1 },
    { type: "route-refresh" },
    { type: "enhanced-route-refresh" },
    { type: "extended-message" },
    { type: "four-octet-asn", asn: 4_200_000_001 },
    { type: "hostname", hostname: "node1", domain: "" },
    {
      type: "graceful-restart",
      restarted: true,
      notification: false,
      restartTimeSeconds: 60,
      families: [
        { afi: 1, safi: 1, forwarding: false },
        { afi: 2, safi: 1, forwarding: false },
      ],
    },
  ]);
});

test("the forwarding bit is set once the boot is long ago, the restart bit only at first", () => {
  const under = new SessionUnderTest({ gracefulRestart: { restartTimeSeconds: 60 } });
  const offered = () => {
    const [open] = under.received();
    const graceful =
      open?.type === "OPEN" && open.capabilities.find((one) => one.type === "graceful-restart");
    assert.ok(graceful);
    return [graceful.restarted, graceful.families[0]?.forwarding];
  };
  under.session.start();
  under.accept();
  assert.deepEqual(offered(), [true, true]);
  under.sendOpen();
  under.sendKeepalive();
  under.transport.last.close();
  under.clock.advance(1_000);
  under.accept();
  assert.deepEqual(offered(), [false, true]);
});

test("a KEEPALIVE leaves every third of the Hold Time, and the Hold timer ends a silent session", () => {
  const under = new SessionUnderTest();
  under.session.setRoutes([]);
  under.session.start();
  under.establish();
  under.received();
  under.clock.advance(30_000);
  assert.deepEqual(under.receivedTypes(), ["KEEPALIVE"]);
  under.sendKeepalive();
  under.clock.advance(89_000);
  assert.equal(under.state, "Established");
  under.received();
  under.clock.advance(1_000);
  assert.equal(under.receivedTypes().at(-1), "NOTIFICATION 4/0");
  assert.equal(under.state, "Idle");
  assert.equal(under.session.status().lastError?.kind, "hold-timer-expired");
  assert.deepEqual(under.session.status().failures, {
    ...zeroFailures(),
    "hold-timer-expired": 1,
  });
  const up = under.logger.lines.find(({ message }) => message === "session established");
  assert.match(JSON.stringify(up), /but the router may filter/);
});

test("a process that was stopped for longer than the Hold Time reads its socket first", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.establish();
  // Due in the same turn as the Hold timer, but later, as sockets are read after timers.
  under.clock.after(90_000, () => under.sendKeepalive());
  under.clock.advance(90_000);
  assert.equal(under.state, "Established");
});

test("with Hold Time 0 there is no timer at all in Established", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.accept();
  under.sendOpen(routerCapabilities, 0);
  under.received();
  under.sendKeepalive();
  assert.equal(under.state, "Established");
  assert.deepEqual(under.clock.delays, []);
});

test("a slow peer gets the state of the moment, and no more than a write waits for it", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.establish();
  under.transport.last.stall();
  for (let count = 16_000; count > 0; count -= 4_000) {
    under.session.setRoutes(routesOf({ count, attributes: { med: count } }));
  }
  assert.ok(under.transport.last.waitingOctets < 80_000);
  assert.equal(under.state, "Established");
});

test("a peer that takes nothing is dropped by the send-hold timer (RFC 9687)", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.establish();
  under.received();
  under.transport.last.stall();
  under.session.setRoutes(routesOf({ count: 1 }));
  for (let second = 0; second < 480; second += 30) {
    assert.equal(under.state, "Established");
    under.clock.advance(30_000);
    under.sendKeepalive();
  }
  assert.equal(under.state, "Idle");
  assert.equal(under.session.status().lastError?.kind, "send-hold-timer-expired");
  assert.equal(under.transport.last.state, "destroyed");
});

test("a route refresh sends everything again; one of an unknown family nothing", () => {
  const under = new SessionUnderTest();
  under.session.setRoutes(routesOf({ count: 3 }));
  under.session.start();
  under.establish();
  under.sync();
  const { updates } = under.rib;
  under.send({ type: "ROUTE-REFRESH", afi: 25, safi: 70, subtype: 0 });
  under.send({ type: "ROUTE-REFRESH", afi: 2, safi: 1, subtype: 0 });
  under.sync();
  assert.equal(under.rib.updates, updates);
  under.send({ type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: 0 });
  under.sync();
  assert.equal(under.rib.updates, updates + 1);
});

test("a refresh of no routes does not put off the KEEPALIVE: it is no UPDATE", () => {
  const under = new SessionUnderTest();
  under.session.setRoutes([]);
  under.session.start();
  under.establish([...routerCapabilities, { type: "enhanced-route-refresh" }]);
  under.received();
  const seen: string[] = [];
  for (let second = 10; second <= 40; second += 10) {
    under.clock.advance(10_000);
    under.send({ type: "ROUTE-REFRESH", afi: 1, safi: 1, subtype: 0 });
    seen.push(...under.receivedTypes());
  }
  assert.equal(seen.filter((type) => type === "ROUTE-REFRESH").length, 8);
  assert.equal(seen.filter((type) => type === "KEEPALIVE").length, 1);
});

test("close withdraws, sends the text, and dials no more", async () => {
  const under = new SessionUnderTest();
  under.session.setRoutes(routesOf({ count: 3 }));
  under.session.start();
  under.establish();
  under.sync();
  const closed = under.session.close({ text: "node1 drains" });
  under.sync();
  assert.equal(under.rib.routes.size, 0, "withdrawn before the NOTIFICATION");
  await closed;
  assert.deepEqual(under.receivedTypes(), ["NOTIFICATION 6/2"]);
  assert.equal(under.transport.last.state, "ended");
  assert.deepEqual(under.clock.delays, [], "nothing is left to do");
  under.clock.advance(600_000);
  assert.equal(under.transport.connections.length, 1);
  assert.equal(under.state, "Idle");
});

test("close does not wait for ever for a peer that takes nothing", async () => {
  const under = new SessionUnderTest();
  under.session.setRoutes(routesOf({ count: 30_000 }));
  under.session.start();
  under.establish();
  under.transport.last.stall();
  const closed = under.session.close({ text: "bye" });
  under.clock.advance(3_000);
  await closed;
  assert.equal(under.state, "Idle");
  assert.deepEqual(under.clock.delays, [], "nothing is left to do");
});

test("close of a session that is not up is done at once", async () => {
  const under = new SessionUnderTest();
  await under.session.close({ text: "never started" });
  under.session.start();
  under.transport.last.close("ECONNREFUSED");
  await under.session.close({ text: "between attempts" });
  assert.deepEqual(under.clock.delays, [], "nothing is left to do");
  under.clock.advance(600_000);
  assert.equal(under.transport.connections.length, 1);
});

test("closeForRestart closes TCP without a NOTIFICATION, if graceful restart was negotiated", () => {
  const gracefulRestart = { restartTimeSeconds: 60 };
  const without = new SessionUnderTest({ gracefulRestart });
  without.session.start();
  without.establish();
  assert.equal(without.session.closeForRestart(), false);
  assert.equal(without.state, "Established");

  const under = new SessionUnderTest({ gracefulRestart });
  under.session.start();
  under.establish([...routerCapabilities, gracefulCapability]);
  assert.equal(under.session.closeForRestart(), true);
  assert.deepEqual(under.receivedTypes(), []);
  assert.equal(under.transport.last.state, "ended");
  assert.deepEqual(under.clock.delays, [], "nothing is left to do");
  under.clock.advance(600_000);
  assert.equal(under.transport.connections.length, 1);
});

test("BFD Down ends the session with Cease/10, and the session comes back", () => {
  const under = new SessionUnderTest();
  under.session.bfdDown();
  under.session.start();
  under.establish();
  under.session.bfdDown();
  assert.deepEqual(under.receivedTypes(), ["NOTIFICATION 6/10"]);
  under.clock.advance(1_000);
  assert.equal(under.state, "Connect");
});

test("more routes than import-limit end the session with Cease/1", () => {
  const under = new SessionUnderTest({ importLimit: 2 });
  under.session.start();
  under.establish();
  const attributes = {
    origin: "igp",
    asPath: [{ type: "sequence", asns: [64512] }],
    nextHop: makeAddress("ipv4", 1n),
    unknown: [],
  } as const;
  const advertise = (...texts: string[]) =>
    under.send({
      type: "UPDATE",
      withdrawn: [],
      attributes,
      nlri: texts.map((text) => route(text).prefix),
    });
  advertise("10.0.0.0/24", "10.0.1.0/24");
  advertise("10.0.0.0/24");
  assert.equal(under.state, "Established", "a route that comes twice counts once");
  under.received();
  advertise("10.0.2.0/24");
  const [notification] = under.received();
  assert.ok(notification?.type === "NOTIFICATION");
  assert.deepEqual([notification.code, notification.subcode], [6, 1]);
  assert.deepEqual([...notification.data], [0, 1, 1, 0, 0, 0, 2]);
  assert.equal(under.session.status().counters.prefixesReceived, 4);
});

test("a malformed attribute is counted, and the session stays", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.establish();
  const attributes = "40010103 4002060201 0000fc00 400304 0a000001".replaceAll(" ", "");
  const length = (attributes.length / 2).toString(16).padStart(4, "0");
  const malformed = Buffer.from(`0000${length}${attributes}180a0000`, "hex");
  const header = Buffer.from(
    `${"ff".repeat(16)}00${(19 + malformed.length).toString(16)}02`,
    "hex",
  );
  under.transport.last.send(Buffer.concat([header, malformed]));
  assert.equal(under.state, "Established");
  assert.equal(under.session.status().counters.malformedAttributesReceived, 1);
  assert.equal(under.session.status().counters.prefixesReceived, 0, "treated as withdrawn");
});

test("after a protocol error the next attempts come 1, 2, 4 ... 60 s later", () => {
  const under = new SessionUnderTest();
  under.session.start();
  const delays: number[] = [];
  for (let attempt = 0; attempt < 8; attempt += 1) {
    under.accept();
    under.send({ type: "NOTIFICATION", code: 2, subcode: 2, data: new Uint8Array() });
    assert.equal(under.state, "Idle");
    const [delay = 0] = under.clock.delays;
    delays.push(Math.round(delay / 1_000));
    under.clock.advance(delay);
  }
  assert.deepEqual(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
});

test("after a plain failure they come at most 10 s later, and at once after a good session", () => {
  const under = new SessionUnderTest();
  under.session.start();
  for (let attempt = 0; attempt < 6; attempt += 1) {
    under.transport.last.close("ECONNREFUSED");
    under.clock.advance(10_000);
  }
  assert.equal(under.transport.connections.length, 7);
  under.establish();
  for (let second = 0; second < 60; second += 30) {
    under.clock.advance(30_000);
    under.sendKeepalive();
  }
  under.transport.last.close();
  under.clock.advance(1_000);
  assert.equal(under.state, "Connect");
});

const failures: readonly (readonly [string, (under: SessionUnderTest) => void, RegExp])[] = [
  ["no answer", (under) => under.clock.advance(10_000), /^no answer to the TCP connection \(/],
  ["refused", (under) => under.transport.last.close("ECONNREFUSED"), /connection refused \(/],
  [
    "closed in OpenSent",
    (under) => {
      under.accept();
      under.transport.last.close();
    },
    /in OpenSent \(is this speaker configured as a neighbour there\?\)$/,
  ],
  [
    "silent in OpenSent",
    (under) => {
      under.accept();
      under.clock.advance(30_000);
    },
    /^the router did not go on in OpenSent/,
  ],
  [
    "garbage",
    (under) => {
      under.accept();
      under.transport.last.send(new TextEncoder().encode("SSH-2.0-OpenSSH_9.2"));
    },
    /NOTIFICATION 1\/1 Message Header Error, Connection Not Synchronized: the marker/,
  ],
  [
    "another AS",
    (under) => {
      under.accept();
      under.sendOpen([{ type: "four-octet-asn", asn: 64513 }]);
    },
    /Bad Peer AS: the peer is of AS 64513, expected 64512 \(we are AS 64522\)$/,
  ],
  [
    "an Administrative Shutdown with a text",
    (under) => {
      under.establish();
      const data = Uint8Array.of(3, 98, 121, 101);
      under.send({ type: "NOTIFICATION", code: 6, subcode: 2, data });
    },
    /^the router sent NOTIFICATION 6\/2 Cease, Administrative Shutdown: "bye"$/,
  ],
  [
    "a lost collision",
    (under) => {
      under.establish();
      under.send({ type: "NOTIFICATION", code: 6, subcode: 7, data: new Uint8Array() });
    },
    /\(another speaker on this node holds the session\?\)$/,
  ],
];

for (const [what, happen, text] of failures) {
  test(`${what}: the status says what happened, and one line is logged`, () => {
    const under = new SessionUnderTest();
    under.session.start();
    happen(under);
    assert.match(under.session.status().lastError?.text ?? "", text);
    const warnings = under.logger.lines.filter(({ level }) => level === "warn");
    assert.equal(warnings.length, 1);
    assert.equal(under.statuses.at(-1)?.lastError?.text, under.session.status().lastError?.text);
  });
}

test("a failure that repeats is logged once", () => {
  const under = new SessionUnderTest();
  under.session.start();
  for (let attempt = 0; attempt < 5; attempt += 1) {
    under.transport.last.close("ECONNREFUSED");
    under.clock.advance(10_000);
  }
  assert.equal(under.logger.lines.filter(({ level }) => level === "warn").length, 1);
});

test("the next hop of the other family comes late: the route waits with its reason, then goes", () => {
  let addresses = [makeAddress("ipv4", 0xac10_070bn)];
  const under = new SessionUnderTest(
    {},
    { interfaces: () => [{ name: "eth0", addresses }], node: { name: "node1", addresses: [] } },
  );
  under.session.setRoutes([route("2001:db8::1/128")]);
  under.session.start();
  under.establish();
  under.sync();
  assert.deepEqual(
    under.session.status().withheld.map(({ reason }) => reason),
    ["no-next-hop"],
  );
  addresses = [...addresses, makeAddress("ipv6", 0xfd00n << 112n)];
  under.clock.advance(2_000);
  under.sync();
  assert.deepEqual([...under.rib.routes.keys()], ["2001:db8::1/128"]);
  assert.deepEqual(under.session.status().withheld, []);
});

test("a next hop that is no longer listed stays, until another one takes its place", () => {
  const ipv4 = makeAddress("ipv4", 0xac10_070bn);
  let addresses = [ipv4, makeAddress("ipv6", 1n + (0xfd00n << 112n))];
  const under = new SessionUnderTest({}, { interfaces: () => [{ name: "eth0", addresses }] });
  under.session.setRoutes([route("2001:db8::1/128")]);
  under.session.start();
  under.establish();
  under.sync();
  const { updates } = under.rib;
  addresses = [];
  under.clock.advance(4_000);
  under.sync();
  assert.equal(under.rib.updates, updates);
  addresses = [ipv4, makeAddress("ipv6", 2n + (0xfd00n << 112n))];
  under.clock.advance(2_000);
  under.sync();
  assert.equal(under.rib.updates, updates + 1);
});

test("a set is compared by value: new objects with equal members send nothing", () => {
  const under = new SessionUnderTest();
  const attributes: RouteAttributes = {
    localPref: 1,
    prepend: 0,
    communities: [1],
    largeCommunities: [],
  };
  under.session.setRoutes([route("10.0.0.1/32", attributes)]);
  under.session.start();
  under.establish();
  under.sync();
  const { updates } = under.rib;
  under.session.setRoutes([route("10.0.0.1/32", structuredClone(attributes))]);
  under.sync();
  assert.equal(under.rib.updates, updates);
});

test("a flood of messages is read in slices, and the NOTIFICATION at its end still tells", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.establish();
  const keepalive = Buffer.from(`${"ff".repeat(16)}001304`, "hex");
  const notification = Buffer.from(`${"ff".repeat(16)}0015030602`, "hex");
  // Each look at the clock takes 4 ms, so a slice holds a few messages.
  const { clock } = under;
  const standing = clock.now();
  let looks = 0;
  Object.defineProperty(clock, "now", { value: () => standing + (looks += 1) * 4 });
  under.transport.last.send(Buffer.concat([...Array(50).fill(keepalive), notification]));
  assert.equal(under.transport.last.isPaused, true);
  const { keepalivesReceived } = under.session.status().counters;
  assert.ok(keepalivesReceived < 20, `${keepalivesReceived} in one slice`);
  assert.equal(under.state, "Established");
  under.transport.last.close("ECONNRESET");
  assert.equal(under.session.status().lastError?.kind, "notification-received");
});
