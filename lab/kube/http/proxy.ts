import { request as httpRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { ApiError, badRequest } from "../api-error.ts";
import { type JsonObject, listAt, numberAt, textAt } from "../json.ts";
import type { ApiRequest, Target } from "./request.ts";

/**
 * Forwards a request to the Pod's own HTTP server: `pods/NAME/proxy/PATH`, or `NAME:PORT`.
 *
 * @throws ApiError 400 if the Pod has no address or port, 503 if it does not answer
 */
export async function proxyToPod(
  pod: JsonObject,
  request: ApiRequest,
  target: Target,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const host = textAt(pod, "status", "podIP");
  const port = portOf(pod, target.name ?? "");
  if (host === undefined || port === undefined) {
    throw badRequest(`pod ${textAt(pod, "metadata", "name")} has no address and port to ask`);
  }
  const query = request.query.toString();
  const path = `/${target.rest}${query === "" ? "" : `?${query}`}`;
  const { authorization: _authorization, host: _host, ...headers } = incoming.headers;
  await new Promise<void>((resolve, reject) => {
    const upstream = httpRequest(
      { host, port, path, method: incoming.method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        pipeline(answer, response).then(resolve, reject);
      },
    );
    upstream.on("error", (cause) => {
      const message = `error trying to reach service: ${cause.message}`;
      reject(new ApiError(503, "ServiceUnavailable", message, {}));
    });
    incoming.pipe(upstream);
  });
}

/** The Pod that `NAME`, `NAME:PORT` or `SCHEME:NAME:PORT` names. */
export function podName(name: string): string {
  return name.replace(/^https?:/, "").split(":")[0] ?? "";
}

function portOf(pod: JsonObject, name: string): number | undefined {
  const ports = listAt(pod, "spec", "containers").flatMap((container) =>
    listAt(container, "ports"),
  );
  const given = /:([^:]+)$/.exec(name.replace(/^https?:/, ""))?.[1];
  if (given !== undefined && /^\d+$/.test(given)) {
    return Number(given);
  }
  const found =
    given === undefined ? ports[0] : ports.find((port) => textAt(port, "name") === given);
  return numberAt(found, "containerPort");
}
