import { get } from "node:http";
import type { HttpAnswer } from "../dataplane.ts";

const bodyLimit = 16 * 1024;

/**
 * Asks `url` once; undefined where no whole answer comes within `timeoutMs`: nobody listens, or it is
 * no HTTP.
 */
export function probeHttp(url: string, timeoutMs: number): Promise<HttpAnswer | undefined> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, signal: AbortSignal.timeout(timeoutMs) });
    request.on("error", () => resolve(undefined));
    request.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("error", () => resolve(undefined));
      response.on("data", (text: string) => {
        body += text;
        if (body.length > bodyLimit) {
          resolve(undefined);
          response.destroy();
        }
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
  });
}
