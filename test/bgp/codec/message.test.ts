import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NotificationError } from "../../../src/bgp/codec/error.ts";
import { Framer } from "../../../src/bgp/codec/frame.ts";
import { decodeMessage, encodeMessage } from "../../../src/bgp/codec/message.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";
import { withArrays } from "../../support/updates.ts";

const contextAndMessage = arbitrary.context.chain((context) =>
  fc.tuple(fc.constant(context), arbitrary.message(context)),
);

test("what was encoded is decoded to the same message", () => {
  fc.assert(
    fc.property(contextAndMessage, ([context, message]) => {
      const framer = new Framer();
      framer.push(encodeMessage(message, context));
      const frame = framer.next();
      assert.ok(frame);
      const decoded = decodeMessage(frame, context);
      if (decoded.type === "UPDATE") {
        const { malformed, treatAsWithdraw, ...update } = decoded;
        assert.deepEqual(malformed, []);
        assert.equal(treatAsWithdraw, false);
        assert.deepEqual(withArrays(update), structuredClone(message));
      } else {
        assert.deepEqual(decoded, structuredClone(message));
      }
    }),
    { numRuns: 1000 },
  );
});

/** Takes every message out of the stream; an error of the peer's ends it and is returned. */
function drain(framer: Framer, asnOctets: 2 | 4): NotificationError | undefined {
  try {
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      decodeMessage(frame, { asnOctets, internal: false });
    }
  } catch (error) {
    assert.ok(error instanceof NotificationError, String(error));
    return error;
  }
  return undefined;
}

test("any octets, split anywhere, are messages or a NotificationError", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 20 }), (chunks) => {
      const framer = new Framer();
      for (const chunk of chunks) {
        framer.push(chunk);
        if (drain(framer, 4) !== undefined) {
          return;
        }
      }
    }),
  );
});

test("any body behind a good header is a message or a NotificationError", () => {
  const types = fc.constantFrom<1 | 2 | 3 | 5>(1, 2, 3, 5);
  fc.assert(
    fc.property(types, fc.uint8Array({ minLength: 10, maxLength: 200 }), (type, body) => {
      try {
        decodeMessage({ type, body }, { asnOctets: 4, internal: true });
      } catch (error) {
        assert.ok(error instanceof NotificationError, String(error));
      }
    }),
    { numRuns: 3000 },
  );
});

test("a message with any octets changed is a message or a NotificationError", () => {
  const changes = fc.array(fc.tuple(fc.nat(), arbitrary.uint8), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(contextAndMessage, changes, ([context, message], changed) => {
      const octets = encodeMessage(message, context);
      for (const [at, value] of changed) {
        octets[at % octets.length] = value;
      }
      const framer = new Framer();
      framer.push(octets);
      drain(framer, context.asnOctets);
    }),
    { numRuns: 3000 },
  );
});
