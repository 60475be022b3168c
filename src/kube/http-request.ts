import { KubeError } from "./client.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  /** Below the server's URL; begins with a slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: object;
  /** Of `body`; absent: JSON. */
  readonly contentType?: string;
  readonly signal?: AbortSignal;
  /** The answer may come compressed (gzip): worth it where it is long. */
  readonly takesGzip?: boolean;
}

/** How long the head of an answer may take; the server's own limit for a request is 60 seconds. */
export const answerLimitMs = 65_000;

/** The error of a call that got no whole answer; the reason of `signal` if that was why. */
export function unanswered(request: HttpRequest, error: unknown): Error {
  if (request.signal?.aborted === true) {
    return asError(request.signal.reason);
  }
  const cause = asError(error);
  return new KubeError(0, "", `${nameOf(request)}: ${cause.message}`, { cause });
}

export function nameOf(request: HttpRequest): string {
  return `${request.method} ${request.path}`;
}

export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
