import { ErrorCode, type HeaderError, type OpenError, type UpdateError } from "./iana.ts";

const none = new Uint8Array();

/**
 * The peer broke the protocol. All that the codec and the negotiation ever throw; it says what the
 * NOTIFICATION that answers it holds (RFC 4271 §6). `message` is for our log only.
 */
export class NotificationError extends Error {
  readonly code: number;
  readonly subcode: number;
  readonly data: Uint8Array;

  constructor(code: number, subcode: number, message: string, data: Uint8Array = none) {
    super(message);
    this.name = "NotificationError";
    this.code = code;
    this.subcode = subcode;
    this.data = data;
  }
}

/** RFC 4271 §6.1. */
export function headerError(
  subcode: (typeof HeaderError)[keyof typeof HeaderError],
  message: string,
  data?: Uint8Array,
): NotificationError {
  return new NotificationError(ErrorCode.MessageHeader, subcode, message, data);
}

/** RFC 4271 §6.2. */
export function openError(
  subcode: (typeof OpenError)[keyof typeof OpenError],
  message: string,
  data?: Uint8Array,
): NotificationError {
  return new NotificationError(ErrorCode.OpenMessage, subcode, message, data);
}

/** RFC 4271 §6.3. */
export function updateError(
  subcode: (typeof UpdateError)[keyof typeof UpdateError],
  message: string,
  data?: Uint8Array,
): NotificationError {
  return new NotificationError(ErrorCode.UpdateMessage, subcode, message, data);
}
