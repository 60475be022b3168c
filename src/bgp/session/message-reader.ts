import type { AttributeContext } from "../codec/attribute.ts";
import { NotificationError } from "../codec/error.ts";
import { type Frame, Framer } from "../codec/frame.ts";
import { CeaseError, ErrorCode } from "../codec/iana.ts";
import { decodeMessage, type ReceivedMessage } from "../codec/message.ts";
import type { Logger } from "./ports.ts";
import type { MutableCounters } from "./status.ts";

export interface MessageReaderOptions {
  readonly logger: Logger;
  readonly counters: MutableCounters;
}

/** Called with each message's octets before they are looked at, and with those that are none. */
export type OnOctets = (octets: Uint8Array) => void;

const counterOf = {
  OPEN: "opensReceived",
  UPDATE: "updatesReceived",
  NOTIFICATION: "notificationsReceived",
  KEEPALIVE: "keepalivesReceived",
  "ROUTE-REFRESH": "routeRefreshesReceived",
} as const satisfies Record<ReceivedMessage["type"], keyof MutableCounters>;

/** Makes messages of what TCP brings, and counts them. */
export class MessageReader {
  readonly #options: MessageReaderOptions;
  readonly #onOctets: OnOctets;
  readonly #framer = new Framer();

  constructor(options: MessageReaderOptions, onOctets: OnOctets) {
    this.#options = options;
    this.#onOctets = onOctets;
  }

  push(octets: Uint8Array): void {
    this.#framer.push(octets);
  }

  /** The next message, or the error that ends the connection; undefined until more octets come. */
  next(context: AttributeContext): ReceivedMessage | NotificationError | undefined {
    const { counters } = this.#options;
    let frame: Frame | undefined;
    try {
      frame = this.#framer.next();
      if (frame === undefined) {
        return undefined;
      }
      this.#onOctets(frame.octets);
      const message = decodeMessage(frame, context);
      counters.messagesReceived += 1;
      counters[counterOf[message.type]] += 1;
      return message;
    } catch (error) {
      if (frame === undefined) {
        this.#onOctets(this.#framer.rest());
      }
      return error instanceof NotificationError ? error : this.#bug(error, frame);
    }
  }

  /** A bug of ours: this peer drops, with what it takes to find it in the log; the others go on. */
  #bug(error: unknown, frame: Frame | undefined): NotificationError {
    const body = frame === undefined ? "" : Buffer.from(frame.body).toString("hex");
    this.#options.logger.error({ err: error, type: frame?.type, body }, "cannot decode a message");
    return new NotificationError(
      ErrorCode.Cease,
      CeaseError.OutOfResources,
      "this speaker failed to decode a message",
    );
  }
}
