import type { Corpus } from "./corpus.ts";
import { readUint16 } from "./octets.ts";
import type { Random } from "./random.ts";

/** An UPDATE cut into its fields, none of them checked (RFC 4271 §4.3). */
interface CutUpdate {
  readonly header: Uint8Array;
  readonly withdrawn: Uint8Array;
  readonly attributes: readonly CutAttribute[];
  readonly nlri: Uint8Array;
}

interface CutAttribute {
  readonly flags: number;
  readonly code: number;
  readonly value: Uint8Array;
}

const extendedLength = 0x10;
const knownCodes = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 14, 15, 16, 17, 18, 32, 128, 255];
const oddBits = [0, 1, 31, 32, 33, 127, 128, 129, 255];

/** Changes one attribute or one prefix of an UPDATE and keeps all lengths true; others stay. */
export function mutateAttributes(
  message: Uint8Array,
  random: Random,
  { updates }: Corpus,
): Uint8Array {
  const update = cut(message);
  if (update === undefined) {
    return message;
  }
  switch (random.below(4)) {
    case 0:
      return join({ ...update, nlri: changePrefixes(update.nlri, random) });
    case 1:
      return join({ ...update, withdrawn: changePrefixes(update.withdrawn, random) });
    default: {
      const donor = cut(random.pick(updates))?.attributes ?? [];
      return join({ ...update, attributes: changeAttributes(update.attributes, donor, random) });
    }
  }
}

function cut(message: Uint8Array): CutUpdate | undefined {
  if (message.length < 23 || message[18] !== 2) {
    return undefined;
  }
  const attributesAt = 21 + readUint16(message, 19) + 2;
  const end = attributesAt + readUint16(message, attributesAt - 2);
  if (end > message.length) {
    return undefined;
  }
  return {
    header: message.slice(0, 19),
    withdrawn: message.slice(21, attributesAt - 2),
    attributes: cutAttributes(message.subarray(attributesAt, end)),
    nlri: message.slice(end),
  };
}

function cutAttributes(field: Uint8Array): CutAttribute[] {
  const attributes: CutAttribute[] = [];
  let rest = field;
  while (rest.length > 2) {
    const [flags = 0, code = 0, octet = 0] = rest;
    const isLong = (flags & extendedLength) !== 0;
    const start = isLong ? 4 : 3;
    const end = start + (isLong ? readUint16(rest, 2) : octet);
    attributes.push({ flags, code, value: rest.slice(start, end) });
    rest = rest.subarray(end);
  }
  return attributes;
}

function join({ header, withdrawn, attributes, nlri }: CutUpdate): Uint8Array {
  const field = Buffer.concat(attributes.map(joinAttribute));
  const parts = [header, uint16(withdrawn.length), withdrawn, uint16(field.length), field, nlri];
  const message = Buffer.concat(parts);
  message.writeUInt16BE(message.length & 0xffff, 16);
  return message;
}

function joinAttribute({ flags, code, value }: CutAttribute): Uint8Array {
  const isLong = value.length > 0xff || (flags & extendedLength) !== 0;
  const head = isLong
    ? [flags | extendedLength, code, value.length >>> 8, value.length]
    : [flags, code, value.length];
  return Buffer.concat([Uint8Array.from(head), value]);
}

function changeAttributes(
  attributes: readonly CutAttribute[],
  donor: readonly CutAttribute[],
  random: Random,
): readonly CutAttribute[] {
  const at = random.below(attributes.length + 1);
  const chosen = attributes[at];
  if (chosen === undefined) {
    return donor.length === 0 ? attributes : [...attributes, random.pick(donor)];
  }
  const replaced = (...others: readonly CutAttribute[]) => attributes.toSpliced(at, 1, ...others);
  switch (random.below(8)) {
    case 0:
      return replaced();
    case 1:
      return replaced(chosen, chosen);
    case 2:
      return replaced({ ...chosen, flags: random.below(256) });
    case 3:
      return replaced({ ...chosen, code: random.pick(knownCodes) });
    case 4:
      return replaced({ ...chosen, value: random.octets(random.below(40)) });
    case 5:
      return replaced({ ...chosen, value: chosen.value.slice(0, -random.between(1, 5)) });
    case 6:
      return replaced({ ...chosen, value: Buffer.concat([chosen.value, random.octets(3)]) });
    default:
      return replaced({ ...chosen, value: changeOctet(chosen.value, random) });
  }
}

function changeOctet(value: Uint8Array, random: Random): Uint8Array {
  const changed = value.slice();
  changed[random.below(value.length)] = random.below(256);
  return changed;
}

/** Adds a prefix of an odd length, or cuts the field short. */
function changePrefixes(field: Uint8Array, random: Random): Uint8Array {
  if (random.chance(0.3)) {
    return field.slice(0, random.below(field.length + 1));
  }
  const bits = random.pick(oddBits);
  const octets = random.octets(Math.ceil(bits / 8) - (random.chance(0.2) ? 1 : 0) + 1);
  octets[0] = bits;
  return Buffer.concat([field, octets]);
}

function uint16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}
