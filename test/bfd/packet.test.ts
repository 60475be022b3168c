import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  type BfdPacket,
  bfdStates,
  decodeBfdPacket,
  encodeBfdPacket,
} from "../../src/bfd/packet.ts";

const uint32 = fc.integer({ min: 0, max: 0xffffffff });
const anyPacket: fc.Arbitrary<BfdPacket> = fc.record(
  {
    diagnostic: fc.integer({ min: 0, max: 31 }),
    state: fc.constantFrom(...bfdStates),
    poll: fc.boolean(),
    final: fc.boolean(),
    controlPlaneIndependent: fc.boolean(),
    authenticationPresent: fc.constant(false),
    demand: fc.boolean(),
    multipoint: fc.constant(false),
    detectMultiplier: fc.integer({ min: 1, max: 255 }),
    myDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
    yourDiscriminator: fc.integer({ min: 1, max: 0xffffffff }),
    desiredMinTxIntervalUs: uint32,
    requiredMinRxIntervalUs: uint32,
    requiredMinEchoRxIntervalUs: uint32,
  },
  { noNullPrototype: true },
);

test("a packet survives the wire", () => {
  fc.assert(
    fc.property(anyPacket, (packet) => {
      assert.deepEqual(decodeBfdPacket(encodeBfdPacket(packet)), packet);
    }),
  );
});

test("any octets give a packet or a reason", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (octets) => {
      assert.notEqual(decodeBfdPacket(octets), undefined);
    }),
    { numRuns: 5_000 },
  );
});

const up = encodeBfdPacket({
  diagnostic: 0,
  state: "Up",
  poll: false,
  final: false,
  controlPlaneIndependent: false,
  authenticationPresent: false,
  demand: false,
  multipoint: false,
  detectMultiplier: 3,
  myDiscriminator: 1,
  yourDiscriminator: 2,
  desiredMinTxIntervalUs: 300_000,
  requiredMinRxIntervalUs: 300_000,
  requiredMinEchoRxIntervalUs: 0,
});

function changed(changes: Readonly<Record<number, number>>, length = up.length): Uint8Array {
  const octets = new Uint8Array(length);
  octets.set(up.subarray(0, length));
  for (const [index, value] of Object.entries(changes)) {
    octets[Number(index)] = value;
  }
  return octets;
}

for (const [name, octets, reason] of [
  ["version 0", changed({ 0: 0 }), "wrong-version"],
  ["a Length below 24", changed({ 3: 23 }), "wrong-length"],
  ["a Length beyond the datagram", changed({ 3: 25 }), "wrong-length"],
  ["23 octets", changed({}, 23), "wrong-length"],
  ["no octets", new Uint8Array(0), "wrong-length"],
  ["A set and a Length below 26", changed({ 1: 0xc4 }), "wrong-length"],
  ["authentication, which we do not use", changed({ 1: 0xc4, 3: 26 }, 26), "authentication"],
  ["a Detect Mult of 0", changed({ 2: 0 }), "zero-detect-multiplier"],
  ["the M bit", changed({ 1: 0xc1 }), "multipoint"],
  ["My Discriminator 0", changed({ 7: 0 }), "zero-my-discriminator"],
  ["Up with Your Discriminator 0", changed({ 11: 0 }), "zero-your-discriminator"],
  ["Init with Your Discriminator 0", changed({ 1: 0x80, 11: 0 }), "zero-your-discriminator"],
] as const) {
  test(`${name} is discarded (RFC 5880 §6.8.6)`, () => {
    assert.equal(decodeBfdPacket(octets), reason);
  });
}

test("Down with Your Discriminator 0 is a first hello", () => {
  const packet = decodeBfdPacket(changed({ 1: 0x40, 11: 0 }));
  assert.equal(typeof packet === "string" ? packet : packet.state, "Down");
});
