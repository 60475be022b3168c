import type { IncomingMessage } from "node:http";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { type Clock, nextTurn, type Timer } from "../runtime/clock.ts";
import { sliceMs } from "../runtime/slices.ts";
import { answerLimitMs, type HttpRequest, unanswered } from "./http-request.ts";

/** Unpacked at a time, in another thread: with less, the hops between the two would tell. */
const unpackedOctets = 64 * 1024;
/** Given to the caller at a time: some ten Services. */
const pieceOctets = 16 * 1024;

/**
 * The body of an answer as it arrives. It counts as dead, and throws, when nothing comes for
 * `silenceLimitMs`; time that the caller takes is not counted. Leaving the loop closes the
 * connection.
 *
 * The event loop turns whenever the caller has taken a slice's time: a server that sends faster than
 * we read would else have all of its list or storm of events read in one turn.
 *
 * @throws KubeError with status 0
 */
export async function* bodyOf(
  request: HttpRequest,
  response: IncomingMessage,
  silenceLimitMs: number,
  clock: Clock,
): AsyncGenerator<Uint8Array, void, undefined> {
  let timer: Timer | undefined;
  const listen = () => {
    timer = clock.after(silenceLimitMs, () => response.destroy(new SilentError(silenceLimitMs)));
  };
  listen();
  let takenMs = 0;
  try {
    for await (const chunk of unpacked(response).iterator()) {
      timer?.cancel();
      for (const piece of chunk instanceof Uint8Array ? piecesOf(chunk) : []) {
        const startMs = clock.now();
        yield piece;
        takenMs += clock.now() - startMs;
        if (takenMs >= sliceMs) {
          takenMs = 0;
          await nextTurn();
          request.signal?.throwIfAborted();
        }
      }
      listen();
    }
  } catch (error) {
    throw unanswered(request, error);
  } finally {
    timer?.cancel();
    response.destroy();
  }
}

function piecesOf(chunk: Uint8Array): readonly Uint8Array[] {
  const count = Math.ceil(chunk.length / pieceOctets);
  return Array.from({ length: count }, (_, index) =>
    chunk.subarray(index * pieceOctets, (index + 1) * pieceOctets),
  );
}

/** The body as it was before the server compressed it; unpacked off the event loop. */
function unpacked(response: IncomingMessage): Readable {
  if (response.headers["content-encoding"] !== "gzip") {
    return response;
  }
  const gunzip = createGunzip({ chunkSize: unpackedOctets });
  // Whoever reads it gets the error.
  pipeline(response, gunzip, () => undefined);
  return gunzip;
}

/** Nothing came for longer than the server ever is silent. */
export class SilentError extends Error {
  override readonly name = "SilentError";

  constructor(limitMs: number) {
    super(`nothing came for ${limitMs / 1000} s`);
  }
}

/**
 * The whole body as JSON, of an answer that is not compressed. It is as dead as that of `bodyOf` when
 * nothing comes for long.
 *
 * @throws KubeError with status 0
 */
export async function jsonOf(
  request: HttpRequest,
  response: IncomingMessage,
  clock: Clock,
): Promise<unknown> {
  try {
    return JSON.parse(await textOf(response, clock));
  } catch (error) {
    throw unanswered(request, error);
  }
}

/** An iteration costs several times as much, where a body is one short chunk. */
function textOf(response: IncomingMessage, clock: Clock): Promise<string> {
  return new Promise((resolve, reject) => {
    if (response.destroyed && !response.readableEnded) {
      reject(response.errored ?? new Error("the answer was cut off"));
      return;
    }
    const chunks: Buffer[] = [];
    const listen = () =>
      clock.after(answerLimitMs, () => response.destroy(new SilentError(answerLimitMs)));
    let timer = listen();
    response.on("data", (chunk: Buffer) => {
      chunks.push(chunk);
      timer.cancel();
      timer = listen();
    });
    response.once("error", (error) => {
      timer.cancel();
      reject(error);
    });
    response.once("close", () => {
      timer.cancel();
      reject(new Error("the answer was cut off"));
    });
    response.once("end", () => {
      timer.cancel();
      const [first] = chunks;
      const whole = first !== undefined && chunks.length === 1 ? first : Buffer.concat(chunks);
      resolve(whole.toString("utf8"));
    });
  });
}
