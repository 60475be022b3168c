import {
  AttributeCode,
  AttributeFlag,
  headerOctets,
  MessageType,
  maxMessageOctets,
} from "./codec/iana.ts";
import { writeHeader } from "./codec/message.ts";
import { Writer } from "./codec/writer.ts";

/** Prefixes of one field, as they are on the wire, and what must stand around them. */
interface PrefixField {
  /** May end in the middle of a prefix, if the message was cut. */
  readonly octets: Uint8Array;
  /** How many octets of prefixes one UPDATE has room for. */
  readonly room: number;
  /** Writes the body of an UPDATE. */
  readonly write: (prefixes: Uint8Array, writer: Writer) => void;
}

interface Attribute {
  readonly code: number;
  readonly value: Uint8Array;
  /** With flags, type and length. */
  readonly whole: Uint8Array;
}

/** Header, Withdrawn Routes Length, Total Path Attribute Length. */
const fixedOctets = headerOctets + 4;
/** Flags, type and a length of two octets. */
const attributeHeadOctets = 4;
/** What a length of 255 bits promises; no family has a longer prefix. */
const longestPrefixOctets = 33;
const none = new Uint8Array();

/**
 * An extended UPDATE (RFC 8654) as several of at most 4,096 octets that say the same, for readers
 * that know no longer ones. Every other message, and one whose attributes leave no room, is the only
 * part of itself.
 *
 * @param octets the message, or its first octets: then the parts hold the prefixes that are there
 */
export function splitUpdate(octets: Uint8Array): readonly Uint8Array[] {
  const isUpdate = octets[headerOctets - 1] === MessageType.Update;
  if (!isUpdate || uint16(octets, headerOctets - 3) <= maxMessageOctets) {
    return [octets];
  }
  const fields = prefixFields(octets.subarray(headerOctets));
  const hasRoom = fields.every(({ room }) => room >= longestPrefixOctets);
  return hasRoom && fields.length > 0 ? fields.flatMap(updatesOf) : [octets];
}

function uint16(octets: Uint8Array, at: number): number {
  return ((octets[at] ?? 0) << 8) | (octets[at + 1] ?? 0);
}

/** The fields of an UPDATE's body that hold prefixes (RFC 4271 §4.3, RFC 4760 §3, §4). */
function prefixFields(body: Uint8Array): PrefixField[] {
  const attributesAt = 2 + uint16(body, 0);
  const nlriAt = attributesAt + 2 + uint16(body, attributesAt);
  const attributes = [...splitAttributes(body.subarray(attributesAt + 2, nlriAt))];
  const withCode = (code: number) => attributes.filter((one) => one.code === code);
  const others = concatenate(
    attributes
      .filter(({ code }) => code !== AttributeCode.MpReach && code !== AttributeCode.MpUnreach)
      .map(({ whole }) => whole),
  );
  const fields = [
    withdrawnField(body.subarray(2, attributesAt)),
    ...withCode(AttributeCode.MpUnreach).map((attribute) => mpField(attribute, 3, none)),
    ...withCode(AttributeCode.MpReach).map((attribute) =>
      mpField(attribute, 5 + (attribute.value[3] ?? 0), others),
    ),
    nlriField(body.subarray(nlriAt), others),
  ];
  return fields.filter(({ octets }) => octets.length > 0);
}

function withdrawnField(octets: Uint8Array): PrefixField {
  return {
    octets,
    room: maxMessageOctets - fixedOctets,
    write: (prefixes, writer) => {
      writer.field16(() => writer.bytes(prefixes));
      writer.uint16(0);
    },
  };
}

function nlriField(octets: Uint8Array, others: Uint8Array): PrefixField {
  return {
    octets,
    room: maxMessageOctets - fixedOctets - others.length,
    write: (prefixes, writer) => {
      writer.uint16(0);
      writer.field16(() => writer.bytes(others));
      writer.bytes(prefixes);
    },
  };
}

/** MP_REACH_NLRI or MP_UNREACH_NLRI; the first octets of its value stand in each UPDATE. */
function mpField({ code, value }: Attribute, headOctets: number, others: Uint8Array): PrefixField {
  return {
    octets: value.subarray(headOctets),
    room: maxMessageOctets - fixedOctets - attributeHeadOctets - headOctets - others.length,
    write: (prefixes, writer) => {
      writer.uint16(0);
      writer.field16(() => {
        writer.uint8(AttributeFlag.Optional | AttributeFlag.ExtendedLength);
        writer.uint8(code);
        writer.field16(() => {
          writer.bytes(value.subarray(0, headOctets));
          writer.bytes(prefixes);
        });
        writer.bytes(others);
      });
    },
  };
}

function updatesOf({ octets, room, write }: PrefixField): Uint8Array[] {
  const updates: Uint8Array[] = [];
  let start = 0;
  let end = 0;
  while (end < octets.length) {
    const next = end + 1 + (((octets[end] ?? 0) + 7) >> 3);
    if (next > octets.length) {
      break;
    }
    if (next - start > room) {
      updates.push(writeUpdate(write, octets.subarray(start, end)));
      start = end;
    }
    end = next;
  }
  return [...updates, writeUpdate(write, octets.subarray(start, end))];
}

function writeUpdate(write: PrefixField["write"], prefixes: Uint8Array): Uint8Array {
  const writer = new Writer(maxMessageOctets);
  const lengthAt = writeHeader(writer, MessageType.Update);
  write(prefixes, writer);
  writer.patchUint16(lengthAt, writer.length);
  return writer.toBytes();
}

/** The last one ends where the field does, if the message was cut. */
function* splitAttributes(field: Uint8Array): Generator<Attribute> {
  for (let rest = field; rest.length > 2; ) {
    const [flags = 0, code = 0, shortLength = 0] = rest;
    const isLong = (flags & AttributeFlag.ExtendedLength) !== 0;
    const headOctets = isLong ? attributeHeadOctets : attributeHeadOctets - 1;
    const end = headOctets + (isLong ? uint16(rest, 2) : shortLength);
    yield { code, value: rest.subarray(headOctets, end), whole: rest.subarray(0, end) };
    rest = rest.subarray(end);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const writer = new Writer();
  for (const part of parts) {
    writer.bytes(part);
  }
  return writer.toBytes();
}
