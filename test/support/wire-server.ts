import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** One request, and the test's hand on what is answered to it. */
export class Exchange {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly authorization: string | undefined;
  readonly contentType: string | undefined;
  readonly acceptEncoding: string | string[] | undefined;
  readonly body: string;
  /** Resolves when the client, or we, closed the connection or ended the answer. */
  readonly closed: Promise<void>;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, body: string, response: ServerResponse) {
    const url = new URL(request.url ?? "/", "http://server");
    this.method = request.method ?? "";
    this.path = url.pathname;
    this.query = url.searchParams;
    this.authorization = request.headers.authorization;
    this.contentType = request.headers["content-type"];
    this.acceptEncoding = request.headers["accept-encoding"];
    this.body = body;
    this.#response = response;
    this.closed = new Promise((resolve) => {
      response.once("close", resolve);
    });
  }

  json(status: number, body: object, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, { "content-type": "application/json", ...headers });
    this.#response.end(JSON.stringify(body));
  }

  /** A Status object, as for every error of the API. */
  refuse(status: number, reason: string, headers: Record<string, string> = {}): void {
    const details = { name: "nginx" };
    const body = {
      kind: "Status",
      status: "Failure",
      code: status,
      reason,
      message: "no",
      details,
    };
    this.json(status, body, headers);
  }

  /** The head of an answer that goes on. */
  open(headers: Record<string, string> = {}): void {
    this.#response.writeHead(200, { "content-type": "application/json", ...headers });
    this.#response.flushHeaders();
  }

  write(text: string | Uint8Array): void {
    this.#response.write(text);
  }

  event(type: string, object: object): void {
    this.write(`${JSON.stringify({ type, object })}\n`);
  }

  end(): void {
    this.#response.end();
  }

  /** Closes the connection in the midst of the answer. */
  cut(): void {
    this.#response.destroy();
  }
}

/**
 * An HTTP server that answers what the test says, octet by octet: for the faults of a wire. What
 * behaves like an API server is `lab/kube`.
 */
export class WireServer {
  readonly #server: Server;
  readonly #arrived: Exchange[] = [];
  readonly #waiting: ((exchange: Exchange) => void)[] = [];
  readonly #folder: string;
  #port = 0;

  private constructor(server: Server, folder: string) {
    this.#server = server;
    this.#folder = folder;
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      let body = "";
      request.setEncoding("utf8");
      request.on("data", (chunk) => {
        body += String(chunk);
      });
      request.on("end", () => this.#take(new Exchange(request, body, response)));
    });
  }

  static async start(): Promise<WireServer> {
    const server = new WireServer(createServer(), await mkdtemp(join(tmpdir(), "routelb-test-")));
    await server.listen();
    await server.writeKubeconfig("first");
    return server;
  }

  get kubeconfigPath(): string {
    return join(this.#folder, "kubeconfig");
  }

  /** Listens on the port that it had, if it was stopped. */
  async listen(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.listen(this.#port, "127.0.0.1", resolve);
    });
    const address = this.#server.address();
    this.#port = typeof address === "object" && address !== null ? address.port : 0;
  }

  async writeKubeconfig(token: string): Promise<void> {
    const config = {
      "current-context": "test",
      contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
      clusters: [{ name: "test", cluster: { server: `http://127.0.0.1:${this.#port}/prefix` } }],
      users: [{ name: "test", user: { token } }],
    };
    await writeFile(this.kubeconfigPath, JSON.stringify(config));
  }

  async removeKubeconfig(): Promise<void> {
    await rm(this.kubeconfigPath);
  }

  /** The next request, in the order of arrival. */
  next(): Promise<Exchange> {
    const exchange = this.#arrived.shift();
    return exchange === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(exchange);
  }

  /** Cuts all connections and takes no more. */
  async stop(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeAllConnections();
    await stopped;
  }

  async close(): Promise<void> {
    await this.stop();
    await rm(this.#folder, { recursive: true });
  }

  #take(exchange: Exchange): void {
    const waiting = this.#waiting.shift();
    if (waiting === undefined) {
      this.#arrived.push(exchange);
    } else {
      waiting(exchange);
    }
  }
}
