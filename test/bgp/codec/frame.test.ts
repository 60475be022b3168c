import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { NotificationError } from "../../../src/bgp/codec/error.ts";
import { type Frame, Framer } from "../../../src/bgp/codec/frame.ts";
import { encodeMessage } from "../../../src/bgp/codec/message.ts";
import * as arbitrary from "../../support/bgp-arbitraries.ts";

const context = { asnOctets: 4, internal: true } as const;
const marker = "ff".repeat(16);

function framesOf(chunks: readonly Uint8Array[]): Frame[] {
  const framer = new Framer();
  const frames: Frame[] = [];
  for (const chunk of chunks) {
    framer.push(chunk);
    for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
      frames.push(frame);
    }
  }
  return frames;
}

test("frames are the same however TCP splits them", () => {
  const messages = fc.array(arbitrary.message(context), { maxLength: 6 });
  const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 5000 }));
  fc.assert(
    fc.property(messages, sizes, (messages, sizes) => {
      const stream = Buffer.concat(messages.map((message) => encodeMessage(message, context)));
      const chunks: Uint8Array[] = [];
      for (let at = 0; at < stream.length; ) {
        const size = sizes.next().value ?? 1;
        chunks.push(stream.subarray(at, at + size));
        at += size;
      }
      const whole = framesOf([stream]);
      assert.deepEqual(framesOf(chunks), whole);
      assert.deepEqual(framesOf([...stream].map((octet) => Uint8Array.of(octet))), whole);
      assert.equal(whole.length, messages.length);
    }),
    { numRuns: 100 },
  );
});

function errorOf(hex: string): { code: number; subcode: number; data: string } {
  const framer = new Framer();
  framer.push(Buffer.from(hex, "hex"));
  try {
    framer.next();
  } catch (error) {
    assert.ok(error instanceof NotificationError);
    const { code, subcode, data } = error;
    return { code, subcode, data: Buffer.from(data).toString("hex") };
  }
  assert.fail("no error");
}

const headerErrors: readonly (readonly [string, string, number, string])[] = [
  ["a marker that is not all ones", `${"ff".repeat(15)}fe001304`, 1, ""],
  ["a marker that starts wrong, before the rest is there", "00", 1, ""],
  ["a length below 19", `${marker}001204`, 2, "0012"],
  ["a KEEPALIVE of 20 octets", `${marker}00140400`, 2, "0014"],
  ["an OPEN of 28 octets", `${marker}001c01`, 2, "001c"],
  ["an OPEN above 4,096 octets", `${marker}100101`, 2, "1001"],
  ["an UPDATE of 22 octets", `${marker}001602`, 2, "0016"],
  ["a NOTIFICATION of 20 octets", `${marker}001403`, 2, "0014"],
  ["a ROUTE-REFRESH of 22 octets", `${marker}001605`, 2, "0016"],
  ["type 0", `${marker}001300`, 3, "00"],
  ["type 6", `${marker}001306`, 3, "06"],
];

for (const [what, hex, subcode, data] of headerErrors) {
  test(`${what} is Message Header Error ${subcode} with data "${data}"`, () => {
    assert.deepEqual(errorOf(hex), { code: 1, subcode, data });
  });
}

test("an OPEN of 29 octets, the smallest, passes", () => {
  const [frame] = framesOf([Buffer.from(`${marker}001d01${"00".repeat(10)}`, "hex")]);
  assert.equal(frame?.type, 1);
});

test("an UPDATE of 65,535 octets passes", () => {
  const head = Buffer.from(`${marker}ffff02`, "hex");
  const [frame] = framesOf([head, new Uint8Array(65_535 - 19)]);
  assert.equal(frame?.body.length, 65_535 - 19);
});
