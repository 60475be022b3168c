import type { AttributeContext, KnownAttributes, PathAttributes } from "./attribute.ts";
import { attributeNames, attributeSpecs } from "./attribute-table.ts";
import { AttributeFlag } from "./iana.ts";
import { Writer } from "./writer.ts";

/**
 * Encodes path attributes, MP_REACH_NLRI first (RFC 7606 §5.1), then by type.
 *
 *     +-----------------------+
 *     | Flags (1 octet)       |
 *     | Type (1 octet)        |
 *     | Length (1 or 2)       |   2 if Extended Length is set
 *     | Value (variable)      |
 *     +-----------------------+
 */
export function encodeAttributes(
  attributes: Partial<PathAttributes>,
  writer: Writer,
  context: AttributeContext,
): void {
  for (const name of attributeNames) {
    encodeKnown(name, attributes[name], writer, context);
  }
  for (const { code, flags, octets } of attributes.unknown ?? []) {
    encodeAttribute(code, flags, octets, writer);
  }
}

function encodeKnown<Name extends keyof KnownAttributes>(
  name: Name,
  value: KnownAttributes[Name] | undefined,
  writer: Writer,
  context: AttributeContext,
): void {
  if (value === undefined) {
    return;
  }
  const spec = attributeSpecs[name];
  const field = new Writer();
  spec.encode(value, field, context);
  encodeAttribute(spec.code, spec.flags, field.toBytes(), writer);
}

function encodeAttribute(code: number, flags: number, octets: Uint8Array, writer: Writer): void {
  const isLong = octets.length > 0xff;
  writer.uint8(isLong ? flags | AttributeFlag.ExtendedLength : flags);
  writer.uint8(code);
  if (isLong) {
    writer.uint16(octets.length);
  } else {
    writer.uint8(octets.length);
  }
  writer.bytes(octets);
}
