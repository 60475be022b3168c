import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { request } from "node:https";
import { pipeline } from "node:stream";

/** A request that did not go on yet. */
export interface HeldRequest {
  readonly method: string;
  readonly path: string;
  /** Lets it go on to the server. */
  release(): void;
}

/**
 * The network between one client and the API server, as plain HTTP on a port of loopback: it can be
 * cut, and it can keep a request that the client has sent.
 */
export class ApiProxy implements AsyncDisposable {
  readonly url: string;
  /** Method and path of every request that went on to the server. */
  readonly forwarded: string[] = [];
  readonly #server: Server;
  readonly #socketPath: string;
  readonly #authority: string;
  #isCut = false;
  #hold:
    | {
        readonly isWanted: (held: HeldRequest) => boolean;
        readonly take: (held: HeldRequest) => void;
      }
    | undefined;

  private constructor(server: Server, port: number, socketPath: string, authority: string) {
    this.#server = server;
    this.url = `http://127.0.0.1:${port}`;
    this.#socketPath = socketPath;
    this.#authority = authority;
    server.on("request", (incoming, outgoing) => this.#take(incoming, outgoing));
  }

  /** @param authority PEM of the API server's certificate */
  static async start(socketPath: string, authority: string): Promise<ApiProxy> {
    const server = createServer({ keepAliveTimeout: 60_000 });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(0, "127.0.0.1", resolve);
    });
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no TCP port");
    return new ApiProxy(server, address.port, socketPath, authority);
  }

  /** What is under way breaks, and what comes is taken and never answered. */
  cut(): void {
    this.#isCut = true;
    this.#server.closeAllConnections();
  }

  mend(): void {
    this.#isCut = false;
    this.#server.closeAllConnections();
  }

  /** Resolves with the next request that `isWanted`, which then waits here. */
  holdNext(isWanted: (held: HeldRequest) => boolean): Promise<HeldRequest> {
    return new Promise((resolve) => {
      this.#hold = {
        isWanted,
        take: (held) => {
          this.#hold = undefined;
          resolve(held);
        },
      };
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    if (this.#isCut) return;
    const chunks: Buffer[] = [];
    incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
    incoming.on("error", () => outgoing.destroy());
    incoming.on("end", () => {
      const { method = "GET", url: path = "/" } = incoming;
      const held = {
        method,
        path,
        release: () => this.#forward(incoming, Buffer.concat(chunks), outgoing),
      };
      if (this.#hold?.isWanted(held) === true) {
        this.#hold.take(held);
      } else {
        held.release();
      }
    });
  }

  #forward(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse): void {
    const { method, url: path, headers } = incoming;
    this.forwarded.push(`${method} ${path}`);
    const further = request({
      socketPath: this.#socketPath,
      ca: this.#authority,
      servername: "localhost",
      method,
      path,
      headers: { ...headers, host: "localhost" },
    });
    further.on("response", (response) => {
      outgoing.writeHead(response.statusCode ?? 502, response.headers);
      pipeline(response, outgoing, () => undefined);
    });
    further.on("error", () => outgoing.destroy());
    outgoing.on("close", () => further.destroy());
    further.end(body);
  }
}
