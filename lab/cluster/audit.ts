import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { numberAt, parseJson, textAt } from "../kube/json.ts";

/** A request that somebody made, as the API server's audit log tells it. */
export interface AuditedRequest {
  readonly user: string;
  readonly verb: string;
  /** `services/status`, or the path of what is no resource. */
  readonly target: string;
  readonly status: number;
  /** Path and query. */
  readonly uri: string;
}

/** The requests in the API server's audit log, oldest first. */
export async function* auditedRequests(file: string): AsyncGenerator<AuditedRequest> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  for await (const line of lines) {
    const event = parseJson(line);
    const resource = textAt(event, "objectRef", "resource");
    const subresource = textAt(event, "objectRef", "subresource");
    yield {
      user: textAt(event, "user", "username") ?? "",
      verb: textAt(event, "verb") ?? "",
      target: [resource ?? textAt(event, "requestURI") ?? "", subresource]
        .filter((part) => part !== undefined)
        .join("/"),
      status: numberAt(event, "responseStatus", "code") ?? 0,
      uri: textAt(event, "requestURI") ?? "",
    };
  }
}
