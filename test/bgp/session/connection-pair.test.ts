import assert from "node:assert/strict";
import { test } from "node:test";
import type { Notification } from "../../../src/bgp/codec/notification.ts";
import { makeAddress } from "../../../src/net/address.ts";
import { routerCapabilities, SessionUnderTest } from "../../support/bgp-router.ts";
import { MemoryConnection } from "../../support/memory-transport.ts";
import { routesOf } from "../../support/routes.ts";

/** Opens a connection to the session, as its peer; the answer is why it was not taken. */
function call(under: SessionUnderTest): Notification | undefined {
  const { target } = under.transport.last;
  return under.session.accept({
    local: makeAddress("ipv4", 0xac10_070bn),
    localPort: 179,
    remote: target.address,
    remotePort: 40_000,
    attach: (listener) => {
      const connection = new MemoryConnection(target, listener);
      connection.state = "open";
      under.transport.connections.push(connection);
      return connection;
    },
  });
}

/** Our connection is up in TCP, and so is the peer's; both sent OPEN. */
function collide(routerId: bigint) {
  const under = new SessionUnderTest({ routerId: makeAddress("ipv4", routerId) });
  under.session.setRoutes(routesOf({ count: 2 }));
  under.session.start();
  under.accept();
  const ours = under.transport.last;
  under.sendOpen();
  assert.equal(call(under), undefined);
  const theirs = under.transport.last;
  assert.deepEqual([ours.state, theirs.state], ["open", "open"]);
  under.sendOpen();
  return { under, ours, theirs };
}

function lastSent(connection: MemoryConnection): string {
  return Buffer.from(connection.take()).toString("hex").slice(-6);
}

const collisionResolution = "030607";

test("our BGP Identifier is higher: the connection that we opened lives", () => {
  const { under, ours, theirs } = collide(10n);
  assert.equal(theirs.state, "ended");
  assert.equal(lastSent(theirs), collisionResolution);
  ours.send(Buffer.from(`${"ff".repeat(16)}001304`, "hex"));
  assert.equal(under.state, "Established");
});

test("the peer's is higher: the connection that it opened lives, carries the routes, and ours waits", () => {
  const { under, ours, theirs } = collide(8n);
  assert.equal(ours.state, "ended");
  assert.equal(lastSent(ours), collisionResolution);
  theirs.take();
  under.sendKeepalive();
  assert.equal(under.state, "Established");
  under.sync();
  assert.equal(under.rib.routes.size, 2);
  under.clock.advance(60_000);
  assert.equal(under.transport.connections.length, 2, "no attempt of ours while it is up");

  under.transport.last.close();
  assert.equal(under.state, "Idle");
  under.clock.advance(1_000);
  assert.equal(under.transport.connections.length, 3, "then we dial again");
});

test("a connection of the peer is taken while our attempts fail, and stops them", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.transport.last.close("ECONNREFUSED");
  assert.equal(call(under), undefined);
  under.sendOpen();
  under.sendKeepalive();
  assert.equal(under.state, "Established");
  under.clock.advance(20_000);
  assert.equal(under.transport.connections.length, 2);
});

test("a connection of the peer that comes to nothing leaves ours alone", () => {
  const under = new SessionUnderTest();
  under.session.start();
  assert.equal(call(under), undefined);
  under.transport.last.close();
  assert.equal(under.state, "Connect");
  const [ours] = under.transport.connections;
  ours?.accept();
  assert.equal(under.state, "OpenSent");
});

test("an established session is not given up for a new connection", () => {
  const under = new SessionUnderTest();
  under.session.start();
  under.establish();
  const refusal = call(under);
  assert.deepEqual([refusal?.code, refusal?.subcode], [6, 7]);
  assert.equal(under.state, "Established");
});

test("a router that restarts gracefully and connects has lost the session: the new one lives", () => {
  for (const families of [[], [{ afi: 1, safi: 1, forwarding: true }]]) {
    const under = new SessionUnderTest({ gracefulRestart: { restartTimeSeconds: 120 } });
    under.session.setRoutes(routesOf({ count: 2 }));
    under.session.start();
    const restart = { restarted: false, notification: false, restartTimeSeconds: 120, families };
    under.establish([...routerCapabilities, { type: "graceful-restart", ...restart }]);
    const old = under.transport.last;
    old.take();
    const refusal = call(under);
    if (families.length === 0) {
      assert.equal(refusal?.subcode, 7, "it only helps others to restart");
      continue;
    }
    assert.equal(refusal, undefined);
    assert.equal(old.state, "destroyed");
    assert.equal(old.take().length, 0, "no NOTIFICATION: it would flush our routes");
    under.sendOpen();
    under.transport.last.take();
    under.sendKeepalive();
    assert.equal(under.state, "Established");
    under.sync();
    assert.equal(under.rib.routes.size, 2);
    under.clock.advance(20_000);
    assert.equal(under.transport.connections.length, 2, "and we do not dial beside it");
  }
});

test("a session that is closed, or has a password, takes no connection", async () => {
  const closed = new SessionUnderTest();
  closed.session.start();
  await closed.session.close({ text: "bye" });
  assert.equal(call(closed)?.subcode, 5);
  const secured = new SessionUnderTest({ password: "s3cret" });
  secured.session.start();
  assert.equal(call(secured)?.subcode, 5);
});

test("close ends both connections", async () => {
  const { under, ours, theirs } = collide(10n);
  await under.session.close({ text: "bye" });
  assert.deepEqual([ours.state, theirs.state], ["ended", "ended"]);
});
