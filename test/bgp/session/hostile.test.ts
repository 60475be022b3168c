import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeMessage } from "../../../src/bgp/codec/message.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";
import { SessionUnderTest } from "../../support/bgp-router.ts";
import { routesOf } from "../../support/routes.ts";

const context = { asnOctets: 4, internal: false } as const;

/** What a hostile router may do on a connection, and time that passes between. */
const deed = fc.oneof(
  fc.record({ type: fc.constant("octets" as const), octets: arbitrary.octets(60) }),
  fc.record({
    type: fc.constant("message" as const),
    message: arbitrary.message(context),
    changes: fc.array(fc.tuple(fc.nat(), arbitrary.uint8), { maxLength: 3 }),
  }),
  fc.record({
    type: fc.constant("close" as const),
    code: fc.constantFrom("ECONNRESET", undefined),
  }),
  fc.record({ type: fc.constant("stall" as const) }),
  fc.record({ type: fc.constant("take" as const) }),
  fc.record({
    type: fc.constant("wait" as const),
    seconds: fc.constantFrom(0.01, 1, 10, 40, 100, 500),
  }),
  fc.record({ type: fc.constant("routes" as const), count: fc.integer({ min: 0, max: 50 }) }),
);

type Deed = typeof deed extends fc.Arbitrary<infer Value> ? Value : never;

const preludes = {
  "TCP is not up": () => {},
  OpenSent: (under: SessionUnderTest) => under.accept(),
  OpenConfirm: (under: SessionUnderTest) => {
    under.accept();
    under.sendOpen();
  },
  Established: (under: SessionUnderTest) => under.establish(),
};

for (const [state, prelude] of Object.entries(preludes)) {
  test(`whatever a router does in ${state}, the session neither throws nor stops trying`, () => {
    fc.assert(
      fc.property(fc.array(deed, { maxLength: 12 }), (deeds) => {
        const under = new SessionUnderTest({ importLimit: 10 });
        under.session.setRoutes(routesOf({ count: 3 }));
        under.session.start();
        prelude(under);
        for (const deed of deeds) {
          perform(under, deed);
        }
        assert.deepEqual(
          under.logger.lines.filter(({ level }) => level === "error"),
          [],
        );
        recover(under);
      }),
      { numRuns: 400 },
    );
  });
}

function perform(under: SessionUnderTest, deed: Deed): void {
  const connection = under.transport.last;
  const isOpen = connection.state === "open";
  switch (deed.type) {
    case "octets":
      return isOpen ? connection.send(deed.octets) : undefined;
    case "message": {
      const octets = encodeMessage(deed.message, context);
      for (const [at, value] of deed.changes) {
        octets[at % octets.length] = value;
      }
      return isOpen ? connection.send(octets) : undefined;
    }
    case "close":
      return isOpen || connection.state === "connecting" ? connection.close(deed.code) : undefined;
    case "stall":
      return connection.stall();
    case "take":
      connection.take();
      return undefined;
    case "wait":
      return under.clock.advance(deed.seconds * 1000);
    case "routes":
      return under.session.setRoutes(routesOf({ count: deed.count }));
  }
}

/** However it went, a router that behaves gets a session, and all routes. */
function recover(under: SessionUnderTest): void {
  under.session.setRoutes(routesOf({ count: 5 }));
  if (["open", "connecting"].includes(under.transport.last.state)) {
    under.transport.last.close();
  }
  while (under.transport.last.state !== "connecting") {
    under.clock.advance(1_000);
  }
  under.establish();
  assert.equal(under.state, "Established");
  under.sync();
  assert.equal(under.rib.routes.size, 5);
}
