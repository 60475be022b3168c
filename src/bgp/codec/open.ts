import { type Address, addressFromOctets, addressOctets } from "../../net/address.ts";
import { type Capability, decodeCapabilities, encodeCapability } from "./capability.ts";
import { openError } from "./error.ts";
import { bgpVersion, OpenError, OptionalParameterType } from "./iana.ts";
import { Reader } from "./reader.ts";
import { Writer } from "./writer.ts";

/** RFC 4271 §4.2. */
export interface Open {
  readonly type: "OPEN";
  /** The field of two octets; AS_TRANS if the number does not fit (RFC 6793 §4.1). */
  readonly asn: number;
  readonly holdTimeSeconds: number;
  /** The BGP Identifier, an IPv4 address in form only (RFC 6286 §2.1). */
  readonly routerId: Address;
  /** Of all Capabilities parameters, in their order. */
  readonly capabilities: readonly Capability[];
}

/**
 * Decodes the body of an OPEN.
 *
 *     +-----------------------------------+
 *     |   Version (1 octet)               |
 *     |   My Autonomous System (2 octets) |
 *     |   Hold Time (2 octets)            |
 *     |   BGP Identifier (4 octets)       |
 *     |   Opt Parm Len (1 octet)          |
 *     |   Optional Parameters (variable)  |
 *     +-----------------------------------+
 *
 * What depends on our own configuration (the AS number, capabilities) is judged in `negotiate`.
 *
 * @throws NotificationError OPEN Message Error (RFC 4271 §6.2)
 */
export function decodeOpen(body: Uint8Array): Open {
  const reader = new Reader(body, () => openError(OpenError.Unspecific, "OPEN is cut short"));
  const version = reader.uint8();
  if (version !== bgpVersion) {
    throw openError(
      OpenError.UnsupportedVersionNumber,
      `BGP version ${version}`,
      Uint8Array.of(0, bgpVersion),
    );
  }
  const asn = reader.uint16();
  const holdTimeSeconds = reader.uint16();
  if (holdTimeSeconds === 1 || holdTimeSeconds === 2) {
    throw openError(OpenError.UnacceptableHoldTime, `Hold Time ${holdTimeSeconds}`);
  }
  const routerId = addressFromOctets("ipv4", reader.bytes(4));
  if (routerId.value === 0n) {
    throw openError(OpenError.BadBgpIdentifier, "BGP Identifier 0 (RFC 6286 §2.1)");
  }
  return {
    type: "OPEN",
    asn,
    holdTimeSeconds,
    routerId,
    capabilities: decodeOptionalParameters(reader),
  };
}

/**
 * A first parameter of type 255 means that the lengths have two octets, whatever Opt Parm Len says
 * (RFC 9072 §2).
 */
function decodeOptionalParameters(reader: Reader): Capability[] {
  const length = reader.uint8();
  if (length === 0) {
    return expectEnd(reader, []);
  }
  const parameters = new Reader(reader.rest(), () =>
    openError(OpenError.Unspecific, "an optional parameter overruns the OPEN"),
  );
  const firstType = parameters.uint8();
  const isExtended = firstType === OptionalParameterType.ExtendedLength;
  const readLength = () => (isExtended ? parameters.uint16() : parameters.uint8());
  const wholeLength = isExtended ? parameters.uint16() : length - 1;
  if (wholeLength !== parameters.remaining) {
    throw openError(OpenError.Unspecific, "Opt Parm Len does not match the OPEN's length");
  }
  const capabilities: Capability[] = [];
  let type = isExtended ? undefined : firstType;
  while (type !== undefined || parameters.remaining > 0) {
    type ??= parameters.uint8();
    const parameter = parameters.field(readLength());
    if (type !== OptionalParameterType.Capabilities) {
      throw openError(OpenError.UnsupportedOptionalParameter, `optional parameter ${type}`);
    }
    capabilities.push(...decodeCapabilities(parameter));
    type = undefined;
  }
  return capabilities;
}

function expectEnd<T>(reader: Reader, value: T): T {
  if (reader.remaining > 0) {
    throw openError(OpenError.Unspecific, "Opt Parm Len does not match the OPEN's length");
  }
  return value;
}

/**
 * Encodes the body of an OPEN, with all capabilities in one parameter. Only if they take more than
 * 253 octets are the extended lengths used, which old routers do not know (RFC 9072 §2).
 *
 * @throws RangeError if the capabilities do not fit in 65,535 octets
 */
export function encodeOpen(open: Open, writer: Writer): void {
  writer.uint8(bgpVersion);
  writer.uint16(open.asn);
  writer.uint16(open.holdTimeSeconds);
  writer.bytes(addressOctets(open.routerId));
  const capabilities = new Writer();
  for (const capability of open.capabilities) {
    encodeCapability(capability, capabilities);
  }
  const octets = capabilities.toBytes();
  if (octets.length === 0) {
    writer.uint8(0);
  } else if (octets.length <= 0xff - 2) {
    writer.uint8(octets.length + 2);
    writer.uint8(OptionalParameterType.Capabilities);
    writer.uint8(octets.length);
    writer.bytes(octets);
  } else {
    writer.uint8(0xff);
    writer.uint8(OptionalParameterType.ExtendedLength);
    writer.field16(() => {
      writer.uint8(OptionalParameterType.Capabilities);
      writer.field16(() => writer.bytes(octets));
    });
  }
}
