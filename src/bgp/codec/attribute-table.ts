import { type Address, addressFromOctets, addressOctets } from "../../net/address.ts";
import { type AsnOctets, decodeAsn, decodeAsPath, encodeAsn, encodeAsPath } from "./as-path.ts";
import type {
  Aggregator,
  AttributeContext,
  AttributeSpec,
  KnownAttributes,
  Origin,
} from "./attribute.ts";
import { updateError } from "./error.ts";
import { AttributeCode, AttributeFlag, OriginCode, UpdateError } from "./iana.ts";
import { decodeMpReach, decodeMpUnreach, encodeMpReach, encodeMpUnreach } from "./mp-attribute.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

const wellKnown = AttributeFlag.Transitive;
const optionalTransitive = AttributeFlag.Optional | AttributeFlag.Transitive;
const optionalNonTransitive = AttributeFlag.Optional;
const fromExternal = ({ internal }: AttributeContext) => !internal;
const fromFourOctetSpeaker = ({ asnOctets }: AttributeContext) => asnOctets === 4;

const uint32Codec = {
  decode: (reader: Reader) => reader.uint32(),
  encode: (value: number, writer: Writer) => writer.uint32(value),
};

const addressCodec = {
  decode: (reader: Reader) => addressFromOctets("ipv4", reader.bytes(4)),
  encode: (value: Address, writer: Writer) => writer.bytes(addressOctets(value)),
};

const as4PathContext: AsnOctets = 4;

function decodeOrigin(reader: Reader): Origin {
  const code = reader.uint8();
  switch (code) {
    case OriginCode.Igp:
      return "igp";
    case OriginCode.Egp:
      return "egp";
    case OriginCode.Incomplete:
      return "incomplete";
    default:
      throw updateError(UpdateError.InvalidOriginAttribute, `ORIGIN ${code}`);
  }
}

const originCodes = {
  igp: OriginCode.Igp,
  egp: OriginCode.Egp,
  incomplete: OriginCode.Incomplete,
} as const satisfies Record<Origin, number>;

function decodeAggregator(reader: Reader, asnOctets: AsnOctets): Aggregator {
  return { asn: decodeAsn(reader, asnOctets), address: addressFromOctets("ipv4", reader.bytes(4)) };
}

function encodeAggregator(value: Aggregator, writer: Writer, asnOctets: AsnOctets): void {
  encodeAsn(value.asn, asnOctets, writer);
  writer.bytes(addressOctets(value.address));
}

function listCodec<T>(decodeOne: (reader: Reader) => T, encodeOne: (one: T, w: Writer) => void) {
  return {
    decode(reader: Reader): readonly T[] {
      const values: T[] = [];
      while (reader.remaining > 0) {
        values.push(decodeOne(reader));
      }
      return values;
    },
    encode(values: readonly T[], writer: Writer): void {
      for (const value of values) {
        encodeOne(value, writer);
      }
    },
  };
}

/** One row per attribute: all that the codec knows of it, and what RFC 7606 makes of its errors. */
export const attributeSpecs: {
  readonly [Name in keyof KnownAttributes]: AttributeSpec<KnownAttributes[Name]>;
} = {
  mpReach: {
    code: AttributeCode.MpReach,
    name: "MP_REACH_NLRI",
    flags: optionalNonTransitive,
    malformed: "session-reset",
    section: "RFC 7606 §7.11",
    decode: decodeMpReach,
    encode: encodeMpReach,
  },
  origin: {
    code: AttributeCode.Origin,
    name: "ORIGIN",
    flags: wellKnown,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.1",
    decode: decodeOrigin,
    encode: (value, writer) => writer.uint8(originCodes[value]),
  },
  asPath: {
    code: AttributeCode.AsPath,
    name: "AS_PATH",
    flags: wellKnown,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.2",
    mayBeEmpty: true,
    decode: (reader, { asnOctets }) => decodeAsPath(reader, asnOctets),
    encode: (value, writer, { asnOctets }) => encodeAsPath(value, asnOctets, writer),
  },
  nextHop: {
    code: AttributeCode.NextHop,
    name: "NEXT_HOP",
    flags: wellKnown,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.3",
    ...addressCodec,
  },
  multiExitDisc: {
    code: AttributeCode.MultiExitDisc,
    name: "MULTI_EXIT_DISC",
    flags: optionalNonTransitive,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.4",
    ...uint32Codec,
  },
  localPref: {
    code: AttributeCode.LocalPref,
    name: "LOCAL_PREF",
    flags: wellKnown,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.5",
    ignored: fromExternal,
    ...uint32Codec,
  },
  atomicAggregate: {
    code: AttributeCode.AtomicAggregate,
    name: "ATOMIC_AGGREGATE",
    flags: wellKnown,
    malformed: "attribute-discard",
    section: "RFC 7606 §7.6",
    mayBeEmpty: true,
    decode: () => true,
    encode: () => {},
  },
  aggregator: {
    code: AttributeCode.Aggregator,
    name: "AGGREGATOR",
    flags: optionalTransitive,
    malformed: "attribute-discard",
    section: "RFC 7606 §7.7",
    decode: (reader, { asnOctets }) => decodeAggregator(reader, asnOctets),
    encode: (value, writer, { asnOctets }) => encodeAggregator(value, writer, asnOctets),
  },
  communities: {
    code: AttributeCode.Communities,
    name: "COMMUNITIES",
    flags: optionalTransitive,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.8",
    ...listCodec(
      (reader) => reader.uint32(),
      (community, writer) => writer.uint32(community),
    ),
  },
  originatorId: {
    code: AttributeCode.OriginatorId,
    name: "ORIGINATOR_ID",
    flags: optionalNonTransitive,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.9",
    ignored: fromExternal,
    ...addressCodec,
  },
  clusterList: {
    code: AttributeCode.ClusterList,
    name: "CLUSTER_LIST",
    flags: optionalNonTransitive,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.10",
    ignored: fromExternal,
    ...listCodec(addressCodec.decode, addressCodec.encode),
  },
  mpUnreach: {
    code: AttributeCode.MpUnreach,
    name: "MP_UNREACH_NLRI",
    flags: optionalNonTransitive,
    malformed: "session-reset",
    section: "RFC 7606 §7.12",
    decode: decodeMpUnreach,
    encode: encodeMpUnreach,
  },
  extendedCommunities: {
    code: AttributeCode.ExtendedCommunities,
    name: "EXTENDED_COMMUNITIES",
    flags: optionalTransitive,
    malformed: "treat-as-withdraw",
    section: "RFC 7606 §7.14",
    ...listCodec(
      (reader) => reader.uint64(),
      (community, writer) => writer.uint64(community),
    ),
  },
  as4Path: {
    code: AttributeCode.As4Path,
    name: "AS4_PATH",
    flags: optionalTransitive,
    malformed: "attribute-discard",
    section: "RFC 6793 §6",
    ignored: fromFourOctetSpeaker,
    decode: (reader) => decodeAsPath(reader, as4PathContext),
    encode: (value, writer) => encodeAsPath(value, as4PathContext, writer),
  },
  as4Aggregator: {
    code: AttributeCode.As4Aggregator,
    name: "AS4_AGGREGATOR",
    flags: optionalTransitive,
    malformed: "attribute-discard",
    section: "RFC 6793 §6",
    ignored: fromFourOctetSpeaker,
    decode: (reader) => decodeAggregator(reader, 4),
    encode: (value, writer) => encodeAggregator(value, writer, 4),
  },
  largeCommunities: {
    code: AttributeCode.LargeCommunities,
    name: "LARGE_COMMUNITIES",
    flags: optionalTransitive,
    malformed: "treat-as-withdraw",
    section: "RFC 8092 §6",
    ...listCodec(
      (reader) => [reader.uint32(), reader.uint32(), reader.uint32()] as const,
      (community, writer) => {
        for (const part of community) {
          writer.uint32(part);
        }
      },
    ),
  },
};

/** The order on the wire: MP_REACH_NLRI first (RFC 7606 §5.1), then by type. */
export const attributeNames = [
  "mpReach",
  "origin",
  "asPath",
  "nextHop",
  "multiExitDisc",
  "localPref",
  "atomicAggregate",
  "aggregator",
  "communities",
  "originatorId",
  "clusterList",
  "mpUnreach",
  "extendedCommunities",
  "as4Path",
  "as4Aggregator",
  "largeCommunities",
] as const satisfies readonly (keyof KnownAttributes)[];
