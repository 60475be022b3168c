import type { AttributeContext } from "./attribute.ts";
import type { Frame, MessageTypeCode } from "./frame.ts";
import { MessageType } from "./iana.ts";
import { decodeNotification, encodeNotification, type Notification } from "./notification.ts";
import { decodeOpen, encodeOpen, type Open } from "./open.ts";
import { decodeRouteRefresh, encodeRouteRefresh, type RouteRefresh } from "./route-refresh.ts";
import { decodeUpdate, encodeUpdate, type ReceivedUpdate, type Update } from "./update.ts";
import { Writer } from "./writer.ts";

export interface Keepalive {
  readonly type: "KEEPALIVE";
}

export type Message = Open | Update | Notification | Keepalive | RouteRefresh;
export type ReceivedMessage = Exclude<Message, Update> | ReceivedUpdate;

export const keepalive: Keepalive = { type: "KEEPALIVE" };

/**
 * Decodes one message.
 *
 * @throws NotificationError with what the NOTIFICATION that answers it must hold
 */
export function decodeMessage(
  frame: Pick<Frame, "type" | "body">,
  context: AttributeContext,
): ReceivedMessage {
  switch (frame.type) {
    case MessageType.Open:
      return decodeOpen(frame.body);
    case MessageType.Update:
      return decodeUpdate(frame.body, context);
    case MessageType.Notification:
      return decodeNotification(frame.body);
    case MessageType.Keepalive:
      return keepalive;
    case MessageType.RouteRefresh:
      return decodeRouteRefresh(frame.body);
  }
}

const typeCodes = {
  OPEN: MessageType.Open,
  UPDATE: MessageType.Update,
  NOTIFICATION: MessageType.Notification,
  KEEPALIVE: MessageType.Keepalive,
  "ROUTE-REFRESH": MessageType.RouteRefresh,
} as const satisfies Record<Message["type"], MessageTypeCode>;

/**
 * Encodes one message with its header (RFC 4271 §4.1). The caller keeps to the peer's limit.
 *
 * @throws RangeError if it takes more than 65,535 octets
 */
export function encodeMessage(
  message: Message,
  context: AttributeContext,
): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  const lengthAt = writeHeader(writer, typeCodes[message.type]);
  encodeBody(message, writer, context);
  writer.patchUint16(lengthAt, writer.length);
  return writer.toBytes();
}

/** Writes a header whose length is still to be patched, and tells where. */
export function writeHeader(writer: Writer, type: MessageTypeCode): number {
  for (let word = 0; word < 4; word += 1) {
    writer.uint32(0xffff_ffff);
  }
  const lengthAt = writer.length;
  writer.uint16(0);
  writer.uint8(type);
  return lengthAt;
}

function encodeBody(message: Message, writer: Writer, context: AttributeContext): void {
  switch (message.type) {
    case "OPEN":
      return encodeOpen(message, writer);
    case "UPDATE":
      return encodeUpdate(message, writer, context);
    case "NOTIFICATION":
      return encodeNotification(message, writer);
    case "KEEPALIVE":
      return;
    case "ROUTE-REFRESH":
      return encodeRouteRefresh(message, writer);
  }
}
