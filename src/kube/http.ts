import { type ClientRequest, request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Clock } from "../runtime/clock.ts";
import { KubeError } from "./client.ts";
import { type Credentials, tcpKeepAliveMs } from "./credentials.ts";
import { bodyOf } from "./http-body.ts";
import { answerLimitMs, asError, type HttpRequest, nameOf, unanswered } from "./http-request.ts";
import { errorOfStatus } from "./status.ts";

export interface HttpOptions {
  readonly credentials: Credentials;
  readonly clock: Clock;
  readonly userAgent: string;
}

/** How long the connection may take. */
const connectLimitMs = 10_000;
const errorBodyLimit = 256 * 1024;

/**
 * Sends `request` and gives the answer as soon as its head is there, if its status is 2xx.
 *
 * After a 401 the credentials are read again and the request is sent once more: tokens and
 * certificates are replaced while we run.
 *
 * @throws KubeError on any other status, and with status 0 when there is no answer
 */
export async function send(request: HttpRequest, options: HttpOptions): Promise<IncomingMessage> {
  let response = await sendOnce(request, options);
  if (response.statusCode === 401) {
    response.destroy();
    readAgain(request, options.credentials);
    response = await sendOnce(request, options);
  }
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) {
    return response;
  }
  throw await errorOf(request, response, options.clock);
}

function readAgain(request: HttpRequest, credentials: Credentials): void {
  try {
    credentials.reload();
  } catch (error) {
    throw new KubeError(401, "Unauthorized", `${nameOf(request)}: ${asError(error).message}`, {
      cause: error,
    });
  }
}

async function sendOnce(request: HttpRequest, options: HttpOptions): Promise<IncomingMessage> {
  const { credentials, clock, userAgent } = options;
  try {
    const own = await credentials.requestOptions();
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const headers = {
      ...own.headers,
      accept: "application/json",
      "user-agent": userAgent,
      ...(request.takesGzip === true && { "accept-encoding": "gzip" }),
      ...(body === undefined
        ? {}
        : {
            "content-type": request.contentType ?? "application/json",
            "content-length": Buffer.byteLength(body),
          }),
    };
    request.signal?.throwIfAborted();
    const path = `${own.path}${request.path}${queryOf(request)}`;
    const start = own.protocol === "https:" ? httpsRequest : httpRequest;
    const open = () => start({ ...own, method: request.method, path, headers });
    return await answerOf(open, request, body, clock);
  } catch (error) {
    throw unanswered(request, error);
  }
}

/** `?a=b&c=d`, or nothing. */
function queryOf({ query = {} }: HttpRequest): string {
  const given = Object.entries(query).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  return given.length === 0 ? "" : `?${new URLSearchParams(given).toString()}`;
}

/**
 * A connection that was kept alive may have died unnoticed, as all do when the server restarts. What
 * only reads is then sent once more, on another one.
 */
async function answerOf(
  open: () => ClientRequest,
  request: HttpRequest,
  body: string | undefined,
  clock: Clock,
): Promise<IncomingMessage> {
  const first = open();
  first.end(body);
  try {
    return await answerTo(first, request.signal, clock);
  } catch (error) {
    if (!first.reusedSocket || request.method !== "GET" || !isReset(error)) {
      throw error;
    }
    const second = open();
    second.end(body);
    return answerTo(second, request.signal, clock);
  }
}

function isReset(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ECONNRESET" || code === "EPIPE";
}

/** Resolves when the head of the answer is there; `signal` also ends the body that follows. */
function answerTo(
  outgoing: ClientRequest,
  signal: AbortSignal | undefined,
  clock: Clock,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const abort = () => outgoing.destroy(asError(signal?.reason));
    let timer = clock.after(connectLimitMs, () => outgoing.destroy(new Error("cannot connect")));
    const extend = () => {
      timer.cancel();
      timer = clock.after(answerLimitMs, () => outgoing.destroy(new Error("no answer in time")));
    };
    outgoing.once("socket", (socket) => {
      if (socket.connecting) {
        socket.setKeepAlive(true, tcpKeepAliveMs);
        socket.once(outgoing.protocol === "https:" ? "secureConnect" : "connect", extend);
      } else {
        extend();
      }
    });
    outgoing.once("response", (response) => {
      timer.cancel();
      response.once("close", () => signal?.removeEventListener("abort", abort));
      resolve(response);
    });
    outgoing.on("error", (error) => {
      timer.cancel();
      signal?.removeEventListener("abort", abort);
      reject(error);
    });
    signal?.addEventListener("abort", abort);
  });
}

/** What the server says in place of an answer: a Status object, or some proxy's text. */
async function errorOf(
  request: HttpRequest,
  response: IncomingMessage,
  clock: Clock,
): Promise<KubeError> {
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of bodyOf(request, response, connectLimitMs, clock)) {
      text += decoder.decode(chunk, { stream: true });
      if (text.length > errorBodyLimit) {
        break;
      }
    }
  } catch (error) {
    if (request.signal?.aborted === true) {
      throw error;
    }
    // A body that is cut off takes nothing from what the status says.
  }
  return errorOfStatus(
    nameOf(request),
    response.statusCode ?? 0,
    parsedOrText(text),
    response.headers["retry-after"],
  );
}

function parsedOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
