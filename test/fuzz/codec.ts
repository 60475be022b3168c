import assert from "node:assert/strict";
import type { AttributeContext } from "../../src/bgp/codec/attribute.ts";
import { NotificationError } from "../../src/bgp/codec/error.ts";
import { Framer } from "../../src/bgp/codec/frame.ts";
import { maxExtendedMessageOctets } from "../../src/bgp/codec/iana.ts";
import { decodeMessage, encodeMessage, type ReceivedMessage } from "../../src/bgp/codec/message.ts";
import { reachablePrefixes, withdrawnPrefixes } from "../../src/bgp/codec/update.ts";
import { comparable } from "../support/updates.ts";
import type { Corpus } from "./corpus.ts";
import { chunksOf, hostileStream } from "./input.ts";
import { Random } from "./random.ts";

/** What became of one stream. */
export interface Decoded {
  readonly messages: readonly ReceivedMessage[];
  /** `3/1` and the data in hex; absent if every message was good. */
  readonly error?: string;
}

const contexts: readonly AttributeContext[] = [
  { asnOctets: 4, internal: false },
  { asnOctets: 4, internal: true },
  { asnOctets: 2, internal: false },
  { asnOctets: 2, internal: true },
];

/** How many inputs share one look at what costs more: equality of each message, and encoding. */
const closeLookEvery = 16;

/**
 * Gives input number `index` of the run `seed` to the codec, whole and in chunks.
 *
 * @throws AssertionError if it ends in anything but messages or a NotificationError, if the chunks
 *   make a difference, or if what was decoded does not encode to the same
 */
export function fuzzCodec(seed: number, index: number, corpus: Corpus): Decoded {
  const random = new Random(seed, index);
  const context = random.pick(contexts);
  const stream = hostileStream(random, corpus);
  const whole = decodeChunks([stream], context);
  const chunked = decodeChunks(chunksOf(stream, random), context);
  assert.equal(chunked.error, whole.error);
  assert.equal(chunked.messages.length, whole.messages.length);
  if (index % closeLookEvery === 0) {
    assert.deepEqual(chunked.messages, whole.messages);
    for (const message of whole.messages) {
      checkEncoding(message, context);
    }
  }
  return whole;
}

function decodeChunks(chunks: readonly Uint8Array[], context: AttributeContext): Decoded {
  const framer = new Framer();
  const messages: ReceivedMessage[] = [];
  try {
    for (const chunk of chunks) {
      framer.push(chunk);
      for (let frame = framer.next(); frame !== undefined; frame = framer.next()) {
        const message = decodeMessage(frame, context);
        messages.push(message);
        if (message.type === "UPDATE") {
          Array.from(reachablePrefixes(message));
          Array.from(withdrawnPrefixes(message));
        }
      }
    }
  } catch (error) {
    if (!(error instanceof NotificationError)) {
      throw error;
    }
    const { code, subcode, data } = error;
    assert.ok(code >= 1 && code <= 8 && subcode >= 0 && subcode <= 11, `${code}/${subcode}`);
    return { messages, error: `${code}/${subcode} ${Buffer.from(data).toString("hex")}` };
  }
  return { messages };
}

/** What was decoded without fault is encoded, decoded again, and must be the same. */
function checkEncoding(message: ReceivedMessage, context: AttributeContext): void {
  if (message.type === "UPDATE" && message.malformed.length > 0) {
    return;
  }
  const octets = encodeMessage(message, context);
  assert.ok(octets.length <= maxExtendedMessageOctets);
  const again = decodeChunks([octets], context);
  assert.equal(again.error, undefined);
  assert.deepEqual(again.messages.map(comparable), [message].map(comparable));
}
