import type { NotificationError } from "./error.ts";
import { CeaseError, ErrorCode, headerOctets, maxMessageOctets } from "./iana.ts";
import { Reader } from "./reader.ts";
import type { Writer } from "./writer.ts";

/** RFC 4271 §4.5: the sender saw an error, or ceases, and closes the connection. */
export interface Notification {
  readonly type: "NOTIFICATION";
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;
}

/** Behind the header, code and subcode. */
const maxDataOctets = maxMessageOctets - headerOctets - 2;
const maxShutdownOctets = 255;
const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The NOTIFICATION that answers `error`. Its data is cut to what fits in 4,096 octets, since the peer
 * may take no longer message, whatever it sent itself (RFC 8654 §4).
 */
export function notificationOf(error: NotificationError): Notification {
  const { code, subcode, data } = error;
  return { type: "NOTIFICATION", code, subcode, data: data.subarray(0, maxDataOctets) };
}

/** Decodes the body of a NOTIFICATION, which the framer saw to be two octets or more. */
export function decodeNotification(body: Uint8Array): Notification {
  const reader = new Reader(body, () => new RangeError("a NOTIFICATION without a code"));
  const code = reader.uint8();
  return {
    type: "NOTIFICATION",
    code,
    subcode: reader.uint8(),
    data: new Uint8Array(reader.rest()),
  };
}

export function encodeNotification(notification: Notification, writer: Writer): void {
  writer.uint8(notification.code);
  writer.uint8(notification.subcode);
  writer.bytes(notification.data);
}

/** A Cease with `data`, or with none. */
export function ceaseNotification(
  subcode: (typeof CeaseError)[keyof typeof CeaseError],
  data: Uint8Array = new Uint8Array(),
): Notification {
  return { type: "NOTIFICATION", code: ErrorCode.Cease, subcode, data };
}

/**
 * A Cease that carries `text` for the peer's operator (RFC 9003 §2); the text is cut after the last
 * whole character within 255 octets.
 */
export function shutdownNotification(
  subcode: (typeof CeaseError)[keyof typeof CeaseError],
  text: string,
): Notification {
  const octets = new Uint8Array(maxShutdownOctets);
  const { written } = utf8Encoder.encodeInto(text, octets);
  const mayHaveText =
    subcode === CeaseError.AdministrativeShutdown || subcode === CeaseError.AdministrativeReset;
  return mayHaveText && written > 0
    ? ceaseNotification(subcode, Uint8Array.of(written, ...octets.subarray(0, written)))
    : ceaseNotification(subcode);
}

/**
 * The text that came with an Administrative Shutdown or Reset, on one line; undefined if there is
 * none, or if it is not what RFC 9003 §2 allows.
 */
export function shutdownText(notification: Notification): string | undefined {
  const [length = 0] = notification.data;
  const mayHaveText =
    notification.code === ErrorCode.Cease &&
    (notification.subcode === CeaseError.AdministrativeShutdown ||
      notification.subcode === CeaseError.AdministrativeReset);
  if (!mayHaveText || length === 0 || notification.data.length < 1 + length) {
    return undefined;
  }
  try {
    const text = utf8Decoder.decode(notification.data.subarray(1, 1 + length));
    return text.replaceAll(/\p{Cc}+/gu, " ").trim();
  } catch {
    return undefined;
  }
}

const codeNames: Readonly<Record<number, string>> = {
  1: "Message Header Error",
  2: "OPEN Message Error",
  3: "UPDATE Message Error",
  4: "Hold Timer Expired",
  5: "Finite State Machine Error",
  6: "Cease",
  7: "ROUTE-REFRESH Message Error",
  8: "Send Hold Timer Expired",
};

const subcodeNames: Readonly<Record<string, string>> = {
  "1/1": "Connection Not Synchronized",
  "1/2": "Bad Message Length",
  "1/3": "Bad Message Type",
  "2/1": "Unsupported Version Number",
  "2/2": "Bad Peer AS",
  "2/3": "Bad BGP Identifier",
  "2/4": "Unsupported Optional Parameter",
  "2/5": "Authentication Failure",
  "2/6": "Unacceptable Hold Time",
  "2/7": "Unsupported Capability",
  "2/11": "Role Mismatch",
  "3/1": "Malformed Attribute List",
  "3/2": "Unrecognized Well-known Attribute",
  "3/3": "Missing Well-known Attribute",
  "3/4": "Attribute Flags Error",
  "3/5": "Attribute Length Error",
  "3/6": "Invalid ORIGIN Attribute",
  "3/8": "Invalid NEXT_HOP Attribute",
  "3/9": "Optional Attribute Error",
  "3/10": "Invalid Network Field",
  "3/11": "Malformed AS_PATH",
  "5/1": "Unexpected Message in OpenSent",
  "5/2": "Unexpected Message in OpenConfirm",
  "5/3": "Unexpected Message in Established",
  "6/1": "Maximum Number of Prefixes Reached",
  "6/2": "Administrative Shutdown",
  "6/3": "Peer De-configured",
  "6/4": "Administrative Reset",
  "6/5": "Connection Rejected",
  "6/6": "Other Configuration Change",
  "6/7": "Connection Collision Resolution",
  "6/8": "Out of Resources",
  "6/9": "Hard Reset",
  "6/10": "BFD Down",
  "7/1": "Invalid Message Length",
};

/** `6/2 Cease, Administrative Shutdown`: the numbers, then their names as far as they have one. */
export function notificationName(notification: {
  readonly code: number;
  readonly subcode: number;
}): string {
  const numbers = `${notification.code}/${notification.subcode}`;
  const names = [codeNames[notification.code], subcodeNames[numbers]].filter(
    (name) => name !== undefined,
  );
  return names.length === 0 ? numbers : `${numbers} ${names.join(", ")}`;
}
