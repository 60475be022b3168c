import { unsupportedMediaType } from "../api-error.ts";
import { isList, type Json, type JsonObject } from "../json.ts";
import { formatTime } from "../time.ts";
import { type FieldKind, fieldsOf, type MessageName, messageOf } from "./messages.ts";

export const protobufMediaType = "application/vnd.kubernetes.protobuf";

const magic = "k8s\0";

/**
 * The object that a client sent as `application/vnd.kubernetes.protobuf`: kubectl's `create`
 * commands do, from 1.32 on.
 *
 * @throws ApiError 415 for a kind or a field that is not known here, or octets that are no protobuf
 */
export function decodeKubernetesObject(body: Buffer): JsonObject {
  if (body.toString("latin1", 0, magic.length) !== magic) {
    throw unsupportedMediaType("the body does not begin as Kubernetes' protobuf does");
  }
  let apiVersion = "";
  let kind = "";
  let raw = Buffer.alloc(0);
  for (const field of wireFields(body.subarray(magic.length))) {
    if (field.number === 1) {
      for (const part of wireFields(field.bytes)) {
        apiVersion = part.number === 1 ? part.bytes.toString("utf8") : apiVersion;
        kind = part.number === 2 ? part.bytes.toString("utf8") : kind;
      }
    } else if (field.number === 2) {
      raw = field.bytes;
    }
  }
  const message = messageOf(apiVersion, kind);
  if (message === undefined) {
    throw unsupportedMediaType(`a ${kind} is taken as application/json only`);
  }
  return { kind, apiVersion, ...decodeMessage(raw, message) };
}

/** A field as it is on the wire: `value` of a varint, `bytes` of what has a length. */
interface WireField {
  readonly number: number;
  readonly value: bigint;
  readonly bytes: Buffer<ArrayBuffer>;
}

const empty = Buffer.alloc(0);

function* wireFields(bytes: Buffer): Generator<WireField> {
  let offset = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const octet = bytes[offset];
      if (octet === undefined) {
        break;
      }
      offset += 1;
      value |= BigInt(octet & 127) << shift;
      if (octet < 128) {
        return value;
      }
    }
    throw unsupportedMediaType("the protobuf body ends within a number");
  };
  while (offset < bytes.length) {
    const tag = varint();
    const number = Number(tag >> 3n);
    if ((tag & 7n) === 0n) {
      yield { number, value: varint(), bytes: empty };
    } else if ((tag & 7n) === 2n) {
      const length = Number(varint());
      if (offset + length > bytes.length) {
        throw unsupportedMediaType("the protobuf body ends within a field");
      }
      yield { number, value: 0n, bytes: Buffer.from(bytes.subarray(offset, offset + length)) };
      offset += length;
    } else {
      throw unsupportedMediaType(`wire type ${tag & 7n} is not known`);
    }
  }
}

function decodeMessage(bytes: Buffer, message: MessageName): JsonObject {
  const fields = fieldsOf(message);
  const object: Record<string, Json | undefined> = {};
  for (const field of wireFields(bytes)) {
    const known = fields[field.number];
    if (known !== undefined && known[1] !== "any") {
      const [name, kind] = known;
      object[name] = decodeField(field, kind, object[name]);
    } else if (field.bytes.length > 0 || field.value !== 0n) {
      throw unsupportedMediaType(
        `field ${field.number} of ${message} is taken as application/json only`,
      );
    }
  }
  return object;
}

/** The field's value, joined to what the same field brought before; undefined if it means nothing. */
function decodeField(
  field: WireField,
  kind: FieldKind,
  before: Json | undefined,
): Json | undefined {
  const { value, bytes } = field;
  if (typeof kind === "object") {
    const message = "message" in kind ? kind.message : kind.list;
    const decoded = decodeMessage(bytes, message);
    if ("list" in kind) {
      return [...(isList(before) ? before : []), decoded];
    }
    return decoded;
  }
  switch (kind) {
    case "any":
      return undefined;
    case "text":
      return bytes.length === 0 ? undefined : bytes.toString("utf8");
    case "texts":
      return [...(isList(before) ? before : []), bytes.toString("utf8")];
    case "int":
      return value === 0n ? undefined : signed(value);
    case "int?":
      return signed(value);
    case "bool":
      return value === 0n ? undefined : true;
    case "bool?":
      return value !== 0n;
    case "text-map":
    case "bytes-map":
      return withEntry(before, bytes, kind === "text-map" ? "utf8" : "base64");
    case "int-or-string":
      return decodeIntOrString(bytes);
    case "time":
      return decodeTime(bytes);
  }
}

function signed(value: bigint): number {
  return Number(BigInt.asIntN(64, value));
}

function withEntry(
  before: Json | undefined,
  bytes: Buffer,
  encoding: "utf8" | "base64",
): JsonObject {
  let key = "";
  let text = "";
  for (const part of wireFields(bytes)) {
    key = part.number === 1 ? part.bytes.toString("utf8") : key;
    text = part.number === 2 ? part.bytes.toString(encoding) : text;
  }
  return { ...(typeof before === "object" && !isList(before) ? before : {}), [key]: text };
}

/** A number, or a text if its first field says so; the zero of a field that was not set is none. */
function decodeIntOrString(bytes: Buffer): Json | undefined {
  let isText = false;
  let number = 0;
  let text = "";
  for (const part of wireFields(bytes)) {
    isText = part.number === 1 ? part.value === 1n : isText;
    number = part.number === 2 ? signed(part.value) : number;
    text = part.number === 3 ? part.bytes.toString("utf8") : text;
  }
  return isText ? text : number === 0 ? undefined : number;
}

function decodeTime(bytes: Buffer): Json | undefined {
  const seconds = [...wireFields(bytes)].find(({ number }) => number === 1)?.value;
  return seconds === undefined ? undefined : formatTime(signed(seconds) * 1000);
}
