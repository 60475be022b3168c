import { readFile } from "node:fs/promises";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { text as readText } from "node:stream/consumers";
import { isObject, type Json, type JsonObject, parseJson, textAt } from "./kube/json.ts";
import type { ApiAccess } from "./kubeconfig.ts";

/** The server's answer was a failure. */
export class ApiError extends Error {
  readonly status: number;

  constructor(request: string, status: number, message: string) {
    super(`${request}: ${status} ${message}`);
    this.name = "ApiError";
    this.status = status;
  }
}

export type PatchType = "merge" | "strategic-merge";

interface Request {
  readonly method: string;
  readonly path: string;
  readonly body?: Json;
  readonly contentType?: string;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

const requestTimeoutMs = 60_000;

/**
 * The Kubernetes API as far as the lab needs it, over HTTP or HTTPS: paths as the API spells them
 * (`/api/v1/nodes/node1`), objects as they come.
 */
export class ApiClient {
  readonly #access: ApiAccess;
  readonly #timeoutMs: number;
  #agent: HttpAgent | HttpsAgent;

  /** `timeoutMs`: of a request for which nothing else is said. */
  constructor(access: ApiAccess, { timeoutMs = requestTimeoutMs } = {}) {
    this.#access = access;
    this.#timeoutMs = timeoutMs;
    this.#agent = createAgent(access);
  }

  async get(path: string): Promise<JsonObject> {
    return this.#object({ method: "GET", path });
  }

  async create(path: string, body: Json): Promise<JsonObject> {
    return this.#object({ method: "POST", path, body, contentType: "application/json" });
  }

  async patch(
    path: string,
    body: Json,
    type: PatchType = "merge",
    timeoutMs = this.#timeoutMs,
  ): Promise<JsonObject> {
    const contentType = `application/${type}-patch+json`;
    return this.#object({ method: "PATCH", path, body, contentType, timeoutMs });
  }

  /** Deletes; that there is no such object is fine. */
  async remove(path: string, body: JsonObject = {}): Promise<void> {
    try {
      await this.#object({ method: "DELETE", path, body, contentType: "application/json" });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error;
    }
  }

  /** The lines of a response that goes on for as long as the server likes, such as a watch. */
  async *lines(path: string, signal: AbortSignal): AsyncGenerator<string> {
    const response = await this.#send({ method: "GET", path, signal });
    let rest = "";
    response.setEncoding("utf8");
    for await (const chunk of response) {
      const parts = `${rest}${chunk}`.split("\n");
      rest = parts.pop() ?? "";
      yield* parts;
    }
  }

  /** Breaks every connection; what waits on one fails, and the next request dials anew. */
  reconnect(): void {
    this.#agent.destroy();
    this.#agent = createAgent(this.#access);
  }

  async #object(request: Request): Promise<JsonObject> {
    const response = await this.#send(request);
    const object = parseJson(await readText(response));
    if (!isObject(object)) throw new Error(`${request.method} ${request.path}: not an object`);
    return object;
  }

  /** Resolves with a response of status 2xx. */
  async #send(request: Request): Promise<IncomingMessage> {
    const url = new URL(`${this.#access.server}${request.path}`);
    const token = await currentToken(this.#access);
    const limit = request.signal ?? AbortSignal.timeout(request.timeoutMs ?? this.#timeoutMs);
    const body = request.body === undefined ? undefined : JSON.stringify(request.body);
    const options = {
      agent: this.#agent,
      method: request.method,
      signal: limit,
      headers: {
        accept: "application/json",
        "user-agent": "routelb-lab",
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(request.contentType !== undefined && { "content-type": request.contentType }),
        // Node leaves it out where a method usually has no body, and so loses that of a DELETE.
        ...(body !== undefined && { "content-length": Buffer.byteLength(body) }),
      },
    };
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const dial = url.protocol === "https:" ? httpsRequest : httpRequest;
    const outgoing = dial(url, options, resolve);
    outgoing.on("error", reject);
    outgoing.end(body);
    const response = await promise;
    const status = response.statusCode ?? 0;
    if (status < 300) return response;
    throw new ApiError(
      `${request.method} ${request.path}`,
      status,
      statusMessage(await readText(response)),
    );
  }
}

function createAgent(access: ApiAccess): HttpAgent | HttpsAgent {
  const { certificateAuthority: ca, clientCertificate: cert, clientKey: key } = access;
  if (access.server.startsWith("http:")) return new HttpAgent({ keepAlive: true });
  return new HttpsAgent({
    keepAlive: true,
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
  });
}

async function currentToken(access: ApiAccess): Promise<string | undefined> {
  if (access.tokenFile === undefined) return access.token;
  return (await readFile(access.tokenFile, "utf8")).trim();
}

/** The message of a Status object, or the text itself. */
function statusMessage(body: string): string {
  try {
    return textAt(parseJson(body), "message") ?? body;
  } catch {
    return body;
  }
}
