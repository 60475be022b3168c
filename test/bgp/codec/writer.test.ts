import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Reader } from "../../../src/bgp/codec/reader.ts";
import { Writer } from "../../../src/bgp/codec/writer.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";

test("numbers of each size survive a writer and a reader", () => {
  const uint64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });
  const numbers = fc.tuple(arbitrary.uint8, arbitrary.uint16, arbitrary.uint32, uint64);
  fc.assert(
    fc.property(numbers, arbitrary.octets(100), ([a, b, c, d], octets) => {
      const writer = new Writer(1);
      writer.uint8(a);
      writer.uint16(b);
      writer.uint32(c);
      writer.uint64(d);
      writer.field8(() => writer.bytes(octets));
      const reader = new Reader(writer.toBytes(), () => new Error("short"));
      assert.deepEqual([reader.uint8(), reader.uint16(), reader.uint32()], [a, b, c]);
      assert.equal(reader.uint64(), d);
      assert.deepEqual(reader.bytes(reader.uint8()), new Uint8Array(octets));
      assert.equal(reader.remaining, 0);
    }),
  );
});

test("a field that is longer than its length prefix can say is refused", () => {
  const writer = new Writer();
  assert.throws(() => writer.field8(() => writer.bytes(new Uint8Array(256))), RangeError);
  assert.throws(() => writer.field16(() => writer.bytes(new Uint8Array(65_536))), RangeError);
});

test("a reader never leaves its field, and throws the error that it was given", () => {
  const whole = Uint8Array.of(1, 2, 3, 4);
  const reader = new Reader(whole.subarray(1, 3), () => new Error("short"));
  const field = reader.field(1, () => new TypeError("inner"));
  assert.throws(() => field.uint16(), TypeError);
  assert.equal(field.uint8(), 2);
  assert.throws(() => reader.uint32(), /short/);
  assert.equal(reader.uint8(), 3);
  assert.throws(() => reader.uint8(), /short/);
});
