import assert from "node:assert/strict";
import { test } from "node:test";
import { NotificationError } from "../../../src/bgp/codec/error.ts";
import { decodeRouteRefresh } from "../../../src/bgp/codec/route-refresh.ts";

test("a request and the begin of an answer, captured from FRR 8.4.4", () => {
  assert.deepEqual(decodeRouteRefresh(Uint8Array.of(0, 1, 1, 1)), {
    type: "ROUTE-REFRESH",
    afi: 1,
    subtype: 1,
    safi: 1,
  });
});

test("a begin or end of a wrong length is answered with the whole message (RFC 7313 §5)", () => {
  assert.throws(
    () => decodeRouteRefresh(Uint8Array.of(0, 1, 2, 1, 0)),
    (error) => {
      assert.ok(error instanceof NotificationError);
      assert.deepEqual([error.code, error.subcode], [7, 1]);
      const hex = Buffer.from(error.data).toString("hex");
      assert.equal(hex, `${"ff".repeat(16)}0018050001020100`);
      return true;
    },
  );
});

test("a request of a wrong length is Bad Message Length", () => {
  assert.throws(
    () => decodeRouteRefresh(Uint8Array.of(0, 1, 0, 1, 0)),
    (error) =>
      error instanceof NotificationError &&
      [error.code, error.subcode, ...error.data].join() === "1,2,0,24",
  );
});
