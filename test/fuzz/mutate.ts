import type { Corpus } from "./corpus.ts";
import { insertAt, readUint16, withUint16 } from "./octets.ts";
import type { Random } from "./random.ts";
import { mutateAttributes } from "./update-mutation.ts";

/** What a length field must not be taken in by. */
const oddUint16 = [0, 1, 2, 18, 19, 20, 23, 29, 127, 255, 256, 4095, 4096, 4097, 32767, 65535];
const oddUint8 = [0, 1, 2, 3, 4, 8, 16, 32, 33, 64, 127, 128, 129, 254, 255];
const lengthAt = 16;
const headerOctets = 19;

type Mutation = (octets: Uint8Array, random: Random, corpus: Corpus) => Uint8Array;

const mutations: readonly Mutation[] = [
  mutateAttributes,
  mutateAttributes,
  mutateAttributes,
  flipBit,
  flipBit,
  setOctet,
  setOctet,
  setUint16,
  insertOctets,
  removeOctets,
  repeatOctets,
  truncate,
  splice,
  setHeader,
];

/** A message changed in one to four ways; mostly with a header that fits, so that it gets further. */
export function mutate(message: Uint8Array, random: Random, corpus: Corpus): Uint8Array {
  let octets = message;
  const rounds = random.chance(0.6) ? 1 : random.between(2, 4);
  for (let round = 0; round < rounds; round += 1) {
    octets = random.pick(mutations)(octets, random, corpus);
  }
  return random.chance(0.8) ? withTrueLength(octets) : octets;
}

/** Sets the header's Length to what the message has, if that can be said. */
function withTrueLength(octets: Uint8Array): Uint8Array {
  return octets.length < headerOctets || octets.length > 0xffff
    ? octets
    : withUint16(octets, lengthAt, octets.length);
}

/** Past the marker, where something else than 1/1 can go wrong. */
function position(octets: Uint8Array, random: Random): number {
  const from = random.chance(0.95) ? Math.min(lengthAt, octets.length) : 0;
  return from + random.below(Math.max(octets.length - from, 1));
}

function flipBit(octets: Uint8Array, random: Random): Uint8Array {
  const changed = octets.slice();
  const at = position(octets, random);
  changed[at] = (changed[at] ?? 0) ^ (1 << random.below(8));
  return changed;
}

function setOctet(octets: Uint8Array, random: Random): Uint8Array {
  const changed = octets.slice();
  changed[position(octets, random)] = random.chance(0.5)
    ? random.pick(oddUint8)
    : random.uint32() & 0xff;
  return changed;
}

function setUint16(octets: Uint8Array, random: Random): Uint8Array {
  const at = position(octets, random);
  const near = readUint16(octets, at) + random.between(-2, 2);
  return withUint16(octets, at, random.chance(0.5) ? near : random.pick(oddUint16));
}

function insertOctets(octets: Uint8Array, random: Random): Uint8Array {
  const count = random.chance(0.95) ? random.between(1, 16) : random.between(17, 5_000);
  return insertAt(octets, position(octets, random), random.octets(count));
}

function removeOctets(octets: Uint8Array, random: Random): Uint8Array {
  const at = position(octets, random);
  const count = random.between(1, 12);
  return Buffer.concat([octets.subarray(0, at), octets.subarray(at + count)]);
}

function repeatOctets(octets: Uint8Array, random: Random): Uint8Array {
  const at = position(octets, random);
  const part = octets.subarray(at, at + random.between(1, 24));
  const times = random.chance(0.95) ? random.between(1, 4) : random.between(100, 3_000);
  return insertAt(octets, at, Buffer.concat(Array.from({ length: times }, () => part)));
}

function truncate(octets: Uint8Array, random: Random): Uint8Array {
  return octets.slice(0, random.below(octets.length + 1));
}

/** The first part of this message and the last part of another one. */
function splice(octets: Uint8Array, random: Random, corpus: Corpus): Uint8Array {
  const other = random.pick(corpus.all);
  return Buffer.concat([
    octets.subarray(0, position(octets, random)),
    other.subarray(position(other, random)),
  ]);
}

function setHeader(octets: Uint8Array, random: Random): Uint8Array {
  if (octets.length < headerOctets) {
    return octets;
  }
  if (random.chance(0.5)) {
    return withUint16(octets, lengthAt, random.pick(oddUint16));
  }
  const changed = octets.slice();
  changed[random.chance(0.7) ? 18 : random.below(16)] = random.below(8);
  return changed;
}
