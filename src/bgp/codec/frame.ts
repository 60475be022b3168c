import { headerError } from "./error.ts";
import {
  HeaderError,
  headerOctets,
  MessageType,
  maxExtendedMessageOctets,
  maxMessageOctets,
} from "./iana.ts";

export type MessageTypeCode = (typeof MessageType)[keyof typeof MessageType];

/** One message. */
export interface Frame {
  readonly type: MessageTypeCode;
  /** With its header. */
  readonly octets: Uint8Array;
  /** What follows the header, of the same memory. */
  readonly body: Uint8Array;
}

interface LengthLimits {
  readonly min: number;
  readonly max: number;
}

/** Octets of a whole message by type: RFC 4271 §6.1, RFC 2918 §3, RFC 8654 §4. */
const lengthLimits: Readonly<Record<MessageTypeCode, LengthLimits>> = {
  [MessageType.Open]: { min: 29, max: maxMessageOctets },
  [MessageType.Update]: { min: 23, max: maxExtendedMessageOctets },
  [MessageType.Notification]: { min: 21, max: maxExtendedMessageOctets },
  [MessageType.Keepalive]: { min: 19, max: 19 },
  [MessageType.RouteRefresh]: { min: 23, max: maxExtendedMessageOctets },
};

const messageTypes = new Map<number, MessageTypeCode>(
  Object.values(MessageType).map((type) => [type, type]),
);

/**
 * Cuts a TCP stream into messages, however TCP split it.
 *
 *     +-----------------------------+
 *     |   Marker (16 octets)        |   all ones
 *     |   Length (2 octets)         |   of the whole message
 *     |   Type (1 octet)            |
 *     +-----------------------------+
 *
 * It holds at most one incomplete message beside what the last `push` brought. Messages up to 65,535
 * octets are taken from the start: we always advertise that we do (RFC 8654 §4).
 */
export class Framer {
  #octets = new Uint8Array(maxMessageOctets);
  #start = 0;
  #end = 0;

  /** Adds what TCP brought; the octets are copied. */
  push(octets: Uint8Array): void {
    const held = this.#end - this.#start;
    if (this.#end + octets.length > this.#octets.length) {
      const needed = held + octets.length;
      const target =
        needed > this.#octets.length ? new Uint8Array(Math.max(needed, 2 * held)) : this.#octets;
      target.set(this.#octets.subarray(this.#start, this.#end));
      this.#octets = target;
      this.#start = 0;
      this.#end = held;
    }
    this.#octets.set(octets, this.#end);
    this.#end += octets.length;
  }

  /**
   * Takes the next whole message, or undefined if there is none yet. A header is judged as soon as
   * its 19 octets are there, so a bad length is not waited for.
   *
   * @throws NotificationError Message Header Error (RFC 4271 §6.1); the stream is then of no use
   */
  next(): Frame | undefined {
    const header = this.#octets.subarray(this.#start, Math.min(this.#end, this.#start + 19));
    checkMarker(header.subarray(0, 16));
    if (header.length < headerOctets) {
      return undefined;
    }
    const { type, length } = checkHeader(header);
    if (this.#end - this.#start < length) {
      return undefined;
    }
    const octets = this.#octets.slice(this.#start, this.#start + length);
    this.#start += length;
    return { type, octets, body: octets.subarray(headerOctets) };
  }

  /** A copy of what was taken as no message yet; after an error, of what is none. */
  rest(): Uint8Array {
    return this.#octets.slice(this.#start, this.#end);
  }
}

/** Judges the marker octets that are there. */
function checkMarker(marker: Uint8Array): void {
  if (!marker.every((octet) => octet === 0xff)) {
    throw headerError(HeaderError.ConnectionNotSynchronized, "the marker is not all ones");
  }
}

function checkHeader(header: Uint8Array): { type: MessageTypeCode; length: number } {
  const [high = 0, low = 0, typeOctet = 0] = header.subarray(16);
  const length = (high << 8) | low;
  const badLength = (message: string) =>
    headerError(HeaderError.BadMessageLength, message, Uint8Array.of(high, low));
  if (length < headerOctets) {
    throw badLength(`a message of ${length} octets`);
  }
  const type = messageTypes.get(typeOctet);
  if (type === undefined) {
    throw headerError(
      HeaderError.BadMessageType,
      `a message of type ${typeOctet}`,
      Uint8Array.of(typeOctet),
    );
  }
  const limits = lengthLimits[type];
  if (length < limits.min || length > limits.max) {
    throw badLength(`a message of type ${type} with ${length} octets`);
  }
  return { type, length };
}
