import type { AddressFamily } from "../../net/address.ts";
import type { Prefix } from "../../net/prefix.ts";
import type {
  AttributeContext,
  KnownAttributes,
  MalformedAction,
  PathAttributes,
  UnknownAttribute,
} from "./attribute.ts";
import { encodeAttributes } from "./attribute-encoder.ts";
import { attributeNames, attributeSpecs } from "./attribute-table.ts";
import { NotificationError, updateError } from "./error.ts";
import { AttributeFlag, UpdateError } from "./iana.ts";
import { decodePrefixes, encodePrefix, type PrefixList } from "./nlri.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** RFC 4271 §4.3, as it is on the wire. */
export interface Update {
  readonly type: "UPDATE";
  /** The Withdrawn Routes field: IPv4 only. */
  readonly withdrawn: PrefixList;
  readonly attributes: PathAttributes;
  /** The NLRI field: IPv4 only. */
  readonly nlri: PrefixList;
}

/** An UPDATE with what RFC 7606 made of its errors: attributes that were discarded are not there. */
export interface ReceivedUpdate extends Update {
  readonly malformed: readonly MalformedAttribute[];
  /** Its reachable prefixes are to be treated as withdrawn (RFC 7606 §2). */
  readonly treatAsWithdraw: boolean;
}

export interface MalformedAttribute {
  readonly action: Exclude<MalformedAction, "session-reset">;
  /** What is wrong, and the section that gives the action. */
  readonly text: string;
}

interface WireAttribute {
  readonly code: number;
  readonly flags: number;
  readonly octets: Uint8Array;
  /** With flags, type and length: what a NOTIFICATION about it holds (RFC 4271 §6.3). */
  readonly whole: Uint8Array;
}

type AttributeName = keyof KnownAttributes;

const namesByCode = new Map<number, AttributeName>(
  attributeNames.map((name) => [attributeSpecs[name].code, name]),
);
const maySeeTwice: readonly AttributeName[] = ["mpReach", "mpUnreach"];
const kindFlags = AttributeFlag.Optional | AttributeFlag.Transitive;

/**
 * Decodes the body of an UPDATE and applies RFC 7606 to it.
 *
 *     +-----------------------------------------------------+
 *     |   Withdrawn Routes Length (2 octets)                |
 *     |   Withdrawn Routes (variable)                       |
 *     |   Total Path Attribute Length (2 octets)            |
 *     |   Path Attributes (variable)                        |
 *     |   Network Layer Reachability Information (variable) |
 *     +-----------------------------------------------------+
 *
 * @throws NotificationError UPDATE Message Error, where RFC 7606 leaves only the session reset
 */
export function decodeUpdate(body: Uint8Array, context: AttributeContext): ReceivedUpdate {
  const reader = new Reader(body, () =>
    updateError(UpdateError.MalformedAttributeList, "a length field overruns the UPDATE"),
  );
  const networkError = () =>
    updateError(UpdateError.InvalidNetworkField, "a prefix overruns its field");
  const withdrawn = decodePrefixes(reader.field(reader.uint16(), networkError), "ipv4");
  const attributeField = reader.bytes(reader.uint16());
  const nlri = decodePrefixes(reader.field(reader.remaining, networkError), "ipv4");
  const decoder = new AttributeDecoder(attributeField, context);
  decoder.checkMandatory(nlri.length > 0);
  return decoder.finish(withdrawn, nlri);
}

/**
 * Decodes one UPDATE's path attributes, collecting errors until it is known what they lead to.
 *
 * Deviation: RFC 4271 §6.3 judges what NEXT_HOP and AS_PATH mean, and RFC 6793 §4.2.3 merges
 * AS4_PATH into AS_PATH. We do neither, because received routes are counted and dropped.
 */
class AttributeDecoder {
  readonly #known: { -readonly [Name in AttributeName]?: KnownAttributes[Name] } = {};
  readonly #seen = new Set<number>();
  readonly #unknown: UnknownAttribute[] = [];
  readonly #malformed: MalformedAttribute[] = [];
  readonly #context: AttributeContext;

  constructor(octets: Uint8Array, context: AttributeContext) {
    this.#context = context;
    for (const attribute of this.#split(octets)) {
      this.#take(attribute);
    }
  }

  /** An attribute that overruns the field ends the list; the NLRI field is still found (§4). */
  *#split(octets: Uint8Array): Generator<WireAttribute> {
    let rest = octets;
    while (rest.length > 0) {
      const [flags = 0, code = 0, first = 0, second = 0] = rest;
      const isLong = (flags & AttributeFlag.ExtendedLength) !== 0;
      const headOctets = isLong ? 4 : 3;
      const end = headOctets + (isLong ? (first << 8) | second : first);
      if (rest.length < headOctets || rest.length < end) {
        this.#note("treat-as-withdraw", "the attributes overrun their length (RFC 7606 §4)");
        return;
      }
      const octets = rest.subarray(headOctets, end);
      yield { code, flags, octets, whole: rest.subarray(0, end) };
      rest = rest.subarray(end);
    }
  }

  #take(attribute: WireAttribute): void {
    const name = namesByCode.get(attribute.code);
    if (this.#seen.has(attribute.code)) {
      // RFC 7606 §3(g): the first one counts.
      if (name !== undefined && maySeeTwice.includes(name)) {
        const text = `${attributeSpecs[name].name} twice in one UPDATE`;
        throw updateError(UpdateError.MalformedAttributeList, text);
      }
      this.#note("attribute-discard", `attribute ${attribute.code} again (RFC 7606 §3(g))`);
      return;
    }
    this.#seen.add(attribute.code);
    if (name === undefined) {
      this.#takeUnknown(attribute);
    } else if (attributeSpecs[name].ignored?.(this.#context) !== true) {
      this.#takeKnown(name, attribute);
    }
  }

  #takeUnknown({ code, flags, octets, whole }: WireAttribute): void {
    if ((flags & AttributeFlag.Optional) === 0) {
      const text = `attribute ${code} is said to be well-known`;
      throw updateError(UpdateError.UnrecognizedWellKnownAttribute, text, new Uint8Array(whole));
    }
    const kept = flags & ~AttributeFlag.ExtendedLength;
    this.#unknown.push({ code, flags: kept, octets: new Uint8Array(octets) });
  }

  #takeKnown(name: AttributeName, attribute: WireAttribute): void {
    const { name: title, flags } = attributeSpecs[name];
    try {
      // RFC 7606 §3(c): wrong flags are treat-as-withdraw even where a wrong value is not.
      if ((attribute.flags & kindFlags) !== flags) {
        this.#note("treat-as-withdraw", `${title}: flags ${attribute.flags} (RFC 7606 §3(c))`);
      }
      this.#keep(name, decodeKnown(name, attribute, this.#context));
    } catch (error) {
      if (!(error instanceof NotificationError)) {
        throw error;
      }
      this.#judge(name, attribute, error);
    }
  }

  #keep<Name extends AttributeName>(name: Name, value: KnownAttributes[Name]): void {
    this.#known[name] = value;
  }

  #judge(name: AttributeName, attribute: WireAttribute, error: NotificationError): void {
    const { name: title, malformed, section } = attributeSpecs[name];
    const text = `${title}: ${error.message} (${section})`;
    if (malformed === "session-reset") {
      const subcode =
        error.subcode === UpdateError.InvalidNetworkField
          ? UpdateError.InvalidNetworkField
          : UpdateError.OptionalAttributeError;
      throw updateError(subcode, text, new Uint8Array(attribute.whole));
    }
    this.#note(malformed, text);
  }

  #note(action: MalformedAttribute["action"], text: string): void {
    this.#malformed.push({ action, text });
  }

  /** RFC 7606 §3(d); NEXT_HOP is mandatory for the NLRI field only (RFC 4760 §3). */
  checkMandatory(hasNlri: boolean): void {
    if (!hasNlri && this.#known.mpReach === undefined) {
      return;
    }
    const mandatory: AttributeName[] = ["origin", "asPath"];
    if (hasNlri) {
      mandatory.push("nextHop");
    }
    for (const name of mandatory) {
      if (!this.#seen.has(attributeSpecs[name].code)) {
        this.#note("treat-as-withdraw", `no ${attributeSpecs[name].name} (RFC 7606 §3(d))`);
      }
    }
  }

  finish(withdrawn: PrefixList, nlri: PrefixList): ReceivedUpdate {
    const treatAsWithdraw = this.#malformed.some(({ action }) => action === "treat-as-withdraw");
    const onlyUnreach = [...this.#seen].every((code) => code === attributeSpecs.mpUnreach.code);
    const hasReachable = nlri.length > 0 || this.#known.mpReach !== undefined;
    if (treatAsWithdraw && !hasReachable && !onlyUnreach) {
      const text = this.#malformed.map(({ text }) => text).join("; ");
      throw updateError(
        UpdateError.MalformedAttributeList,
        `${text}; and no routes to withdraw (RFC 7606 §5.2)`,
      );
    }
    const attributes = { ...this.#known, unknown: this.#unknown };
    return {
      type: "UPDATE",
      withdrawn,
      attributes,
      nlri,
      malformed: this.#malformed,
      treatAsWithdraw,
    };
  }
}

/** @throws NotificationError if the attribute is malformed; what becomes of it is not said here */
function decodeKnown<Name extends AttributeName>(
  name: Name,
  { octets }: WireAttribute,
  context: AttributeContext,
): KnownAttributes[Name] {
  const spec = attributeSpecs[name];
  const lengthError = () =>
    updateError(UpdateError.AttributeLengthError, `${octets.length} octets`);
  if (octets.length === 0 && spec.mayBeEmpty !== true) {
    throw lengthError();
  }
  const reader = new Reader(octets, lengthError);
  const value = spec.decode(reader, context);
  if (reader.remaining > 0) {
    throw lengthError();
  }
  return value;
}

/** Encodes the body of an UPDATE. */
export function encodeUpdate(update: Update, writer: Writer, context: AttributeContext): void {
  writer.field16(() => {
    for (const prefix of update.withdrawn) {
      encodePrefix(prefix, writer);
    }
  });
  writer.field16(() => encodeAttributes(update.attributes, writer, context));
  for (const prefix of update.nlri) {
    encodePrefix(prefix, writer);
  }
}

/** The prefixes that the UPDATE makes reachable, of both fields that can hold them. */
export function* reachablePrefixes(update: ReceivedUpdate): Generator<Prefix> {
  if (!update.treatAsWithdraw) {
    yield* advertisedPrefixes(update);
  }
}

/** The prefixes that the UPDATE withdraws, by saying so or by RFC 7606. */
export function* withdrawnPrefixes(update: ReceivedUpdate): Generator<Prefix> {
  const { mpUnreach } = update.attributes;
  yield* update.withdrawn;
  if (mpUnreach?.type === "unicast") {
    yield* mpUnreach.prefixes;
  }
  if (update.treatAsWithdraw) {
    yield* advertisedPrefixes(update);
  }
}

function* advertisedPrefixes({ nlri, attributes: { mpReach } }: Update): Generator<Prefix> {
  yield* nlri;
  if (mpReach?.type === "unicast") {
    yield* mpReach.prefixes;
  }
}

/** The family whose End-of-RIB the UPDATE is (RFC 4724 §2), or undefined. */
export function endOfRibFamily(update: ReceivedUpdate): AddressFamily | undefined {
  const { mpUnreach, unknown, ...others } = update.attributes;
  const hasMore = Object.keys(others).length > 0 || unknown.length > 0;
  if (hasMore || update.withdrawn.length + update.nlri.length + update.malformed.length > 0) {
    return undefined;
  }
  if (mpUnreach === undefined) {
    return "ipv4";
  }
  return mpUnreach.type === "unicast" && mpUnreach.prefixes.length === 0
    ? mpUnreach.family
    : undefined;
}
