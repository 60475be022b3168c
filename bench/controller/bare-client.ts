import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { ApiAccess } from "../../lab/kubeconfig.ts";

export interface BareRequest {
  readonly method: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly path: string;
  /** JSON, as it goes out. */
  readonly body?: string;
}

/**
 * As little as a client of the API can be: requests over connections that are kept, and answers that
 * nobody parses. What it does in a second is the limit that a controller is held against.
 */
export class BareClient implements Disposable {
  readonly #access: ApiAccess;
  readonly #agent: HttpAgent;
  readonly #request: typeof httpRequest | typeof httpsRequest;

  /** @param connections at most so many at once */
  constructor(access: ApiAccess, connections: number) {
    this.#access = access;
    const kept = { keepAlive: true, maxSockets: connections };
    const isPlain = access.server.startsWith("http:");
    this.#agent = isPlain
      ? new HttpAgent(kept)
      : new HttpsAgent({ ...kept, ca: access.certificateAuthority });
    this.#request = isPlain ? httpRequest : httpsRequest;
  }

  /** The head of an answer. */
  open({ method, path, body }: BareRequest, signal?: AbortSignal): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const type = method === "PATCH" ? "application/merge-patch+json" : "application/json";
    const options = {
      method,
      agent: this.#agent,
      headers: {
        accept: "application/json",
        ...(this.#access.token === undefined
          ? {}
          : { authorization: `Bearer ${this.#access.token}` }),
        ...(body === undefined
          ? {}
          : { "content-type": type, "content-length": Buffer.byteLength(body) }),
      },
      ...(signal === undefined ? {} : { signal }),
    };
    const outgoing = this.#request(`${this.#access.server}${path}`, options, resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
    return promise;
  }

  /** Resolves when the whole answer is there. @throws Error on any status but 2xx */
  async send(request: BareRequest): Promise<void> {
    const response = await this.open(request);
    const chunks: Buffer[] = [];
    const isGood = (response.statusCode ?? 0) < 300;
    response.on("data", (chunk: Buffer) => {
      if (!isGood) chunks.push(chunk);
    });
    await new Promise((resolve, reject) => {
      response.on("end", resolve);
      response.on("error", reject);
    });
    if (!isGood) {
      const text = Buffer.concat(chunks).toString("utf8").slice(0, 500);
      throw new Error(`${request.method} ${request.path}: ${response.statusCode} ${text}`);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

/** Has `work` done for 0 to `count` - 1, `width` at a time; resolves with the milliseconds it took. */
export async function inParallel(
  count: number,
  width: number,
  work: (index: number) => Promise<void>,
): Promise<number> {
  const startMs = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < count) {
      const index = next;
      next += 1;
      await work(index);
    }
  };
  await Promise.all(Array.from({ length: Math.min(width, count) }, lane));
  return performance.now() - startMs;
}
