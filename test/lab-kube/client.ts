import assert from "node:assert/strict";
import {
  isObject,
  type Json,
  type JsonObject,
  listAt,
  parseJson,
  textAt,
} from "../../lab/kube/json.ts";
import { type ApiServer, type ApiServerOptions, startApiServer } from "../../lab/kube/server.ts";

export interface Answer {
  readonly code: number;
  readonly body: JsonObject;
  readonly headers: Headers;
}

/** Starts a server that ends with the test. */
export async function serverFor(
  test: { after(end: () => Promise<void>): void },
  options: ApiServerOptions = {},
): Promise<ApiServer> {
  const server = await startApiServer(options);
  test.after(() => server.close());
  return server;
}

/** Sends a request and reads the JSON that comes back. */
export async function ask(
  server: ApiServer,
  method: string,
  path: string,
  body?: Json,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(`${server.url}${path}`, {
    method,
    headers: {
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const parsed = parseJson(await response.text());
  assert.ok(isObject(parsed));
  return { code: response.status, body: parsed, headers: response.headers };
}

export function patch(
  server: ApiServer,
  path: string,
  body: Json,
  kind: "merge-patch" | "strategic-merge-patch" | "json-patch" = "merge-patch",
): Promise<Answer> {
  return ask(server, "PATCH", path, body, { "content-type": `application/${kind}+json` });
}

/** An open watch, read line by line. */
export class WatchReader {
  readonly #lines: AsyncIterator<JsonObject>;
  readonly #controller: AbortController;

  private constructor(lines: AsyncIterator<JsonObject>, controller: AbortController) {
    this.#lines = lines;
    this.#controller = controller;
  }

  static async open(
    server: ApiServer,
    path: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<WatchReader> {
    const controller = new AbortController();
    const response = await fetch(`${server.url}${path}`, { headers, signal: controller.signal });
    assert.equal(response.status, 200);
    assert.ok(response.body !== null);
    return new WatchReader(readLines(response.body), controller);
  }

  /** The next event; undefined at the end of the stream. */
  async next(): Promise<JsonObject | undefined> {
    const { value, done } = await this.#lines.next();
    return done === true ? undefined : value;
  }

  /** The next event as `TYPE name`. */
  async nextText(): Promise<string> {
    const event = await this.next();
    return event === undefined
      ? "end"
      : `${textAt(event, "type")} ${textAt(event, "object", "metadata", "name")}`;
  }

  close(): void {
    this.#controller.abort();
  }
}

async function* readLines(body: ReadableStream<Uint8Array>): AsyncGenerator<JsonObject> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const event = parseJson(line);
      assert.ok(isObject(event));
      yield event;
    }
  }
}

/** Names of a list's items. */
export function names(list: JsonObject): readonly string[] {
  return listAt(list, "items").map((item) => textAt(item, "metadata", "name") ?? "");
}

export function configMap(name: string, data: JsonObject = {}): JsonObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

export function service(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { ports: [{ port: 80 }], selector: { app: name }, ...spec },
  };
}
