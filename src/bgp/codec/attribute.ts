import type { Address } from "../../net/address.ts";
import type { AsnOctets, AsPath } from "./as-path.ts";
import type { MpReach, MpUnreach } from "./mp-attribute.ts";
import type { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

export type Origin = "igp" | "egp" | "incomplete";

export interface Aggregator {
  readonly asn: number;
  readonly address: Address;
}

/** The path attributes that we know, by name; each RFC is in the table below. */
export interface KnownAttributes {
  readonly origin: Origin;
  readonly asPath: AsPath;
  readonly nextHop: Address;
  readonly multiExitDisc: number;
  readonly localPref: number;
  readonly atomicAggregate: true;
  readonly aggregator: Aggregator;
  /** Each as a 32-bit number. */
  readonly communities: readonly number[];
  readonly originatorId: Address;
  readonly clusterList: readonly Address[];
  readonly mpReach: MpReach;
  readonly mpUnreach: MpUnreach;
  /** Each as a 64-bit number. */
  readonly extendedCommunities: readonly bigint[];
  readonly as4Path: AsPath;
  readonly as4Aggregator: Aggregator;
  readonly largeCommunities: readonly (readonly [number, number, number])[];
}

export interface UnknownAttribute {
  readonly code: number;
  /** Without the Extended Length bit, which follows from the length. */
  readonly flags: number;
  readonly octets: Uint8Array;
}

/** The path attributes of one UPDATE (RFC 4271 §5). */
export interface PathAttributes extends Partial<KnownAttributes> {
  /** Optional ones that we do not know, in their order. */
  readonly unknown: readonly UnknownAttribute[];
}

/** What the octets mean depends on the session. */
export interface AttributeContext {
  readonly asnOctets: AsnOctets;
  /** The peer is of our own AS. */
  readonly internal: boolean;
}

/** What becomes of the UPDATE if the attribute is malformed (RFC 7606 §2), mildest first. */
export type MalformedAction = "attribute-discard" | "treat-as-withdraw" | "session-reset";

export interface AttributeSpec<T> {
  readonly code: number;
  readonly name: string;
  /** Optional and Transitive, as they must be (RFC 7606 §3(c)). */
  readonly flags: number;
  readonly malformed: MalformedAction;
  /** The section that says so. */
  readonly section: string;
  /** No octets at all are allowed; elsewhere they are malformed (RFC 7606 §4). */
  readonly mayBeEmpty?: true;
  /** Means nothing on this session, and is dropped whatever it holds. */
  readonly ignored?: (context: AttributeContext) => boolean;
  /** Must use up the reader. */
  readonly decode: (reader: Reader, context: AttributeContext) => T;
  readonly encode: (value: T, writer: Writer, context: AttributeContext) => void;
}
