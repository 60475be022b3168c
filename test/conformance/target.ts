import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { type Json, parseJson } from "../../lab/kube/json.ts";
import type { ApiAccess } from "../../lab/kubeconfig.ts";

/** An API server that claims to be one: the embedded or the real. */
export interface Target {
  readonly access: ApiAccess;
  /** Makes every resourceVersion of before too old to watch from. */
  forgetHistory(): Promise<void>;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Json;
}

export interface Question {
  readonly body?: Json;
  /** `application/json` unless said. */
  readonly contentType?: string;
  readonly accept?: string;
  readonly userAgent?: string;
  /** Instead of the target's own. */
  readonly token?: string;
}

export const mergePatch = "application/merge-patch+json";
export const strategicPatch = "application/strategic-merge-patch+json";
export const jsonPatch = "application/json-patch+json";

/** One request; any status is an answer. */
export async function ask(
  target: Target,
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  question: Question = {},
): Promise<Answer> {
  const response = await send(target, method, path, question, AbortSignal.timeout(20_000));
  const body = await text(response);
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: response.headers["content-type"]?.startsWith("application/json") ? parseJson(body) : body,
  };
}

/** A stream of watch events, one at a time. */
export class WatchStream implements Disposable {
  readonly status: number;
  readonly #lines: AsyncIterator<Json>;
  readonly #stop: AbortController;

  private constructor(status: number, lines: AsyncIterator<Json>, stop: AbortController) {
    this.status = status;
    this.#lines = lines;
    this.#stop = stop;
  }

  /** `path` holds its query, without `watch`. */
  static async open(target: Target, path: string): Promise<WatchStream> {
    const stop = new AbortController();
    const separator = path.includes("?") ? "&" : "?";
    const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]);
    const response = await send(target, "GET", `${path}${separator}watch=true`, {}, signal);
    return new WatchStream(response.statusCode ?? 0, jsonLines(response), stop);
  }

  /** The next event; undefined when the server ended the stream. */
  async next(): Promise<Json | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}

async function* jsonLines(response: IncomingMessage): AsyncGenerator<Json> {
  let rest = "";
  response.setEncoding("utf8");
  for await (const chunk of response) {
    const parts = `${rest}${chunk}`.split("\n");
    rest = parts.pop() ?? "";
    yield* parts.filter((part) => part !== "").map(parseJson);
  }
}

async function send(
  target: Target,
  method: string,
  path: string,
  question: Question,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { server, certificateAuthority } = target.access;
  const token = question.token ?? target.access.token;
  const body = question.body === undefined ? undefined : JSON.stringify(question.body);
  const dial = server.startsWith("https:") ? httpsRequest : httpRequest;
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const outgoing = dial(
    new URL(`${server}${path}`),
    {
      method,
      signal,
      agent: false,
      ...(certificateAuthority !== undefined && { ca: certificateAuthority }),
      headers: {
        accept: question.accept ?? "application/json",
        "user-agent": question.userAgent ?? "conformance/1.0",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && {
          "content-type": question.contentType ?? "application/json",
          // Node leaves it out where a method usually has no body, such as DELETE.
          "content-length": Buffer.byteLength(body),
        }),
      },
    },
    resolve,
  );
  outgoing.on("error", reject);
  outgoing.end(body);
  return promise;
}
