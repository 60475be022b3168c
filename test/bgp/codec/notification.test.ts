import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NotificationError } from "../../../src/bgp/codec/error.ts";
import { encodeMessage } from "../../../src/bgp/codec/message.ts";
import {
  decodeNotification,
  notificationName,
  notificationOf,
  shutdownNotification,
  shutdownText,
} from "../../../src/bgp/codec/notification.ts";

test("the data of a NOTIFICATION may have any length, also one octet", () => {
  const { data } = decodeNotification(Uint8Array.of(1, 3, 9));
  assert.deepEqual(data, Uint8Array.of(9));
});

test("a NOTIFICATION about an extended message fits in 4,096 octets", () => {
  const error = new NotificationError(3, 9, "too long", new Uint8Array(60_000).fill(7));
  const notification = notificationOf(error);
  assert.equal(encodeMessage(notification, { asnOctets: 4, internal: false }).length, 4_096);
  assert.ok(notification.data.every((octet) => octet === 7));
});

test("a shutdown text survives the wire", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((text) => {
    return text.trim() === text && !/\p{Cc}/u.test(text) && text.isWellFormed();
  });
  fc.assert(
    fc.property(text, (text) => {
      if (new TextEncoder().encode(text).length <= 255) {
        assert.equal(shutdownText(shutdownNotification(2, text)), text);
      }
    }),
  );
});

test("a long shutdown text is cut after a whole character (RFC 9003)", () => {
  const notification = shutdownNotification(2, "é".repeat(200));
  assert.equal(notification.data[0], 254);
  assert.equal(shutdownText(notification), "é".repeat(127));
});

test("a shutdown text that is no UTF-8, too short or of another subcode is none", () => {
  const cease = { type: "NOTIFICATION", code: 6 } as const;
  assert.equal(shutdownText({ ...cease, subcode: 2, data: Uint8Array.of(1, 0xff) }), undefined);
  assert.equal(shutdownText({ ...cease, subcode: 2, data: Uint8Array.of(5, 65) }), undefined);
  assert.equal(shutdownText({ ...cease, subcode: 2, data: Uint8Array.of() }), undefined);
  assert.equal(shutdownText({ ...cease, subcode: 1, data: Uint8Array.of(1, 65) }), undefined);
});

test("a shutdown text keeps to one line of a log", () => {
  const data = new TextEncoder().encode("\u000ba\nb\u001b[31m");
  data[0] = data.length - 1;
  const notification = { type: "NOTIFICATION", code: 6, subcode: 2, data } as const;
  assert.equal(shutdownText(notification), "a b [31m");
});

test("only subcodes that may have a text have one", () => {
  assert.deepEqual(shutdownNotification(6, "text").data, new Uint8Array());
});

test("names tell code and subcode, as far as they have one", () => {
  assert.equal(notificationName({ code: 6, subcode: 2 }), "6/2 Cease, Administrative Shutdown");
  assert.equal(notificationName({ code: 4, subcode: 0 }), "4/0 Hold Timer Expired");
  assert.equal(notificationName({ code: 6, subcode: 77 }), "6/77 Cease");
  assert.equal(notificationName({ code: 99, subcode: 1 }), "99/1");
});
