import type { Address } from "../net/address.ts";
import { headerOctets, maxMessageOctets } from "./codec/iana.ts";

/** The two ends of one TCP connection. */
export interface ConnectionEnds {
  readonly local: Address;
  readonly localPort: number;
  readonly remote: Address;
  readonly remotePort: number;
}

/** One message, as it was on a connection. */
export interface RecordedMessage {
  /** One object for each connection. */
  readonly ends: ConnectionEnds;
  readonly direction: "sent" | "received";
  readonly atWallTimeMs: number;
  /** Of the whole message. */
  readonly length: number;
  /** The message from its header on; shorter than `length` if it was cut. */
  readonly octets: Uint8Array;
}

/** One connection, whose messages are noted as they come and go. */
export interface ConnectionRecord {
  /** Whole messages, one after the other; they must not be changed after. */
  sent(octets: Uint8Array, atWallTimeMs: number): void;
  /** One message, or what came instead of one; it must not be changed after. */
  received(octets: Uint8Array, atWallTimeMs: number): void;
}

const maxMessages = 200;
/** All 200 whole, unless they are extended messages (RFC 8654). */
const maxOctets = 1_048_576;

/**
 * The last 200 messages of a session, over all its connections. When they take more than 1 MiB, the
 * oldest extended messages are cut to 4,096 octets. Octets are held as they were handed over, not
 * copied, so to note a message costs next to nothing.
 */
export class MessageRecord {
  readonly #messages: RecordedMessage[] = [];
  #octets = 0;
  /** How many of the oldest are cut, or need not be. */
  #cut = 0;

  /** Oldest first. */
  get messages(): readonly RecordedMessage[] {
    return this.#messages;
  }

  /** What is noted from now on came and went on one connection between these ends. */
  open(ends: ConnectionEnds): ConnectionRecord {
    const add = (
      direction: RecordedMessage["direction"],
      octets: Uint8Array,
      atWallTimeMs: number,
    ) => this.#add({ ends, direction, atWallTimeMs, length: octets.length, octets });
    return {
      sent: (octets, atWallTimeMs) => {
        for (const message of splitMessages(octets)) {
          add("sent", message, atWallTimeMs);
        }
      },
      received: (octets, atWallTimeMs) => add("received", octets, atWallTimeMs),
    };
  }

  #add(message: RecordedMessage): void {
    this.#messages.push(message);
    this.#octets += message.octets.length;
    if (this.#messages.length > maxMessages) {
      this.#octets -= this.#messages.shift()?.octets.length ?? 0;
      this.#cut = Math.max(0, this.#cut - 1);
    }
    while (this.#octets > maxOctets) {
      this.#cutNext();
    }
  }

  #cutNext(): void {
    const message = this.#messages[this.#cut];
    if (message !== undefined && message.octets.length > maxMessageOctets) {
      this.#octets -= message.octets.length - maxMessageOctets;
      const octets = message.octets.slice(0, maxMessageOctets);
      this.#messages[this.#cut] = { ...message, octets };
    }
    this.#cut += 1;
  }
}

/** By their length fields (RFC 4271 §4.1). */
function* splitMessages(octets: Uint8Array): Generator<Uint8Array> {
  for (let rest = octets; rest.length > 0; ) {
    const [high = 0, low = 0] = rest.subarray(16, 18);
    const length = Math.max((high << 8) | low, headerOctets);
    yield rest.subarray(0, length);
    rest = rest.subarray(length);
  }
}
