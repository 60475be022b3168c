import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import { numberAt, parseJson, textAt } from "../kube/json.ts";

/** A request that somebody made, as the API server's audit log tells it. */
export interface AuditedRequest {
  readonly user: string;
  readonly verb: string;
  readonly apiGroup: string;
  readonly namespace: string;
  /** Of the one object that is concerned; empty for a collection. */
  readonly name: string;
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
      apiGroup: textAt(event, "objectRef", "apiGroup") ?? "",
      namespace: textAt(event, "objectRef", "namespace") ?? "",
      name: textAt(event, "objectRef", "name") ?? "",
      target: [resource ?? textAt(event, "requestURI") ?? "", subresource]
        .filter((part) => part !== undefined)
        .join("/"),
      status: numberAt(event, "responseStatus", "code") ?? 0,
      uri: textAt(event, "requestURI") ?? "",
    };
  }
}

/** A rule of a Role, as far as a request can use it. */
export interface AuditedGrant {
  readonly account: string;
  /** Of the Role; absent for a ClusterRole, which holds everywhere. */
  readonly namespace?: string;
  readonly apiGroup: string;
  readonly resource: string;
  readonly name?: string;
  readonly verb: string;
}

/** Who a grant's account is in a cluster, and the namespace that its Roles are in there. */
export interface AuditedAccount {
  readonly account: string;
  readonly user: string;
  readonly namespace: string;
}

/** Which grants nobody used, and what was refused, in all that the log has of `accounts`. */
export async function unusedGrants<G extends AuditedGrant>(
  file: string,
  grants: readonly G[],
  accounts: readonly AuditedAccount[],
): Promise<{ readonly unused: readonly G[]; readonly refused: readonly string[] }> {
  const unused = new Set(grants);
  const refused: string[] = [];
  for await (const request of auditedRequests(file)) {
    const who = accounts.find(({ user }) => user === request.user);
    if (who === undefined) continue;
    if (request.status === 403) {
      refused.push(`${who.account}: ${request.verb} ${request.target} ${request.name}`);
      continue;
    }
    for (const grant of unused) {
      if (grant.account === who.account && allows(grant, who, request)) unused.delete(grant);
    }
  }
  return { unused: [...unused], refused };
}

function allows(grant: AuditedGrant, who: AuditedAccount, request: AuditedRequest): boolean {
  const where = grant.namespace === "default" ? "default" : who.namespace;
  return (
    grant.verb === request.verb &&
    grant.apiGroup === request.apiGroup &&
    grant.resource === request.target &&
    (grant.name === undefined || grant.name === request.name) &&
    (grant.namespace === undefined || where === request.namespace)
  );
}
