import type { ServerResponse } from "node:http";
import { ApiError } from "../api-error.ts";
import type { JsonObject } from "../json.ts";

export function sendText(
  response: ServerResponse,
  code: number,
  text: string,
  contentType = "application/json",
): void {
  response.writeHead(code, {
    "content-type": contentType,
    "content-length": Buffer.byteLength(text),
    "cache-control": "no-cache, private",
  });
  response.end(text);
}

export function sendObject(response: ServerResponse, code: number, object: JsonObject): void {
  sendText(response, code, `${JSON.stringify(object)}\n`);
}

/** Answers with the error's Status; what is not an ApiError is a fault of this server: 500. */
export function sendError(response: ServerResponse, error: unknown): void {
  const known =
    error instanceof ApiError
      ? error
      : new ApiError(500, "InternalError", `Internal error occurred: ${describe(error)}`);
  if (response.headersSent) {
    response.destroy();
    return;
  }
  if (known.retryAfterSeconds !== undefined) {
    response.setHeader("retry-after", String(known.retryAfterSeconds));
  }
  if (known.code === 401) {
    response.setHeader("www-authenticate", "Bearer");
  }
  sendObject(response, known.code, known.status());
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
