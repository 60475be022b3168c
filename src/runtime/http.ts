import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { jsonPieces } from "./json-pieces.ts";
import type { Logger } from "./logger.ts";
import type { MetricsRegistry } from "./metrics.ts";

export interface HttpServerOptions {
  /** Absent: every address of the machine. */
  readonly host?: string;
  /** 0: one that is free. */
  readonly port: number;
  readonly metrics: MetricsRegistry;
  /** Brings the metrics that are not kept up to date by themselves to this moment. */
  readonly beforeMetrics?: () => Promise<void>;
  /** Why the process is not ready; an empty list: it is. */
  readonly whyNotReady: () => readonly string[];
  /**
   * What `/state` shows, or the part that its query asks for; absent: the path does not exist. It is written piece by piece, with turns
   * of the event loop between, so it must not be changed after.
   */
  readonly state?: (query: URLSearchParams) => object;
  /**
   * The capture file that `/capture?peer=NAME` is; undefined: there is no such peer. Absent: the
   * path does not exist.
   */
  readonly capture?: (peer: string) => Uint8Array | undefined;
  readonly logger: Logger;
}

export interface HttpServer {
  /** The port that it listens on. */
  readonly port: number;
  /** Open connections are cut. */
  close(): Promise<void>;
}

/**
 * Serves `/metrics` (Prometheus), `/healthz` (200 as long as the event loop turns), `/readyz` (200,
 * or 503 with a reason on each line), `/state` (JSON) and `/capture` (pcap).
 *
 * @throws Error if the address cannot be listened on
 */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const server = createServer(
    { headersTimeout: 5_000, requestTimeout: 10_000, keepAliveTimeout: 5_000 },
    (request, response) => {
      answer(request, response, options).catch((error: unknown) => {
        options.logger.warn({ err: error, path: request.url }, "HTTP answer failed");
        response.destroy();
      });
    },
  );
  await listen(server, options);
  server.on("error", (error) => options.logger.warn({ err: error }, "HTTP server failed"));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : options.port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, options: HttpServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      resolve();
    });
  });
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  options: HttpServerOptions,
): Promise<void> {
  if (request.method !== "GET" && request.method !== "HEAD") {
    text(response, 405, "only GET is answered\n");
    return;
  }
  const url = URL.parse(request.url ?? "/", "http://localhost");
  if (url === null) {
    text(response, 400, "the path cannot be read\n");
    return;
  }
  switch (url.pathname) {
    case "/healthz":
      text(response, 200, "ok\n");
      return;
    case "/readyz": {
      const reasons = options.whyNotReady();
      const isReady = reasons.length === 0;
      text(response, isReady ? 200 : 503, isReady ? "ok\n" : `${reasons.join("\n")}\n`);
      return;
    }
    case "/metrics":
      await options.beforeMetrics?.();
      response.setHeader("content-type", options.metrics.contentType);
      response.end(await options.metrics.text());
      return;
    case "/state":
      if (options.state !== undefined) {
        await writeState(response, options.state(url.searchParams));
        return;
      }
      break;
    case "/capture":
      if (options.capture !== undefined) {
        writeCapture(response, options.capture(url.searchParams.get("peer") ?? ""));
        return;
      }
  }
  const paths = ["/metrics", "/healthz", "/readyz"];
  const more = Object.entries({ "/state": options.state, "/capture": options.capture });
  const all = [...paths, ...more.flatMap(([path, serve]) => (serve === undefined ? [] : [path]))];
  text(response, 404, `there are ${all.join(", ")}\n`);
}

function writeCapture(response: ServerResponse, capture: Uint8Array | undefined): void {
  if (capture === undefined) {
    text(response, 404, "say which peer: /capture?peer=NAME, as /state names it\n");
    return;
  }
  response.writeHead(200, { "content-type": "application/vnd.tcpdump.pcap" });
  response.end(capture);
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(body);
}

async function writeState(response: ServerResponse, state: object): Promise<void> {
  response.writeHead(200, { "content-type": "application/json" });
  for await (const piece of jsonPieces(state)) {
    if (response.destroyed) {
      return;
    }
    if (!response.write(piece)) {
      await drained(response);
    }
  }
  response.end("\n");
}

/** Resolves when more may be written, or never will be. */
function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const go = () => {
      response.off("drain", go);
      response.off("close", go);
      resolve();
    };
    response.once("drain", go);
    response.once("close", go);
  });
}
