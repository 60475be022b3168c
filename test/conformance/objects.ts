import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { isObject, type Json, type JsonObject, numberAt, textAt } from "../../lab/kube/json.ts";
import { waitFor } from "../../lab/wait.ts";
import { type Answer, ask, type Target } from "./target.ts";

/** A fresh namespace's name, which exists when this resolves. */
export async function makeNamespace(target: Target): Promise<string> {
  const name = `conformance-${randomBytes(4).toString("hex")}`;
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name } };
  assert.equal((await ask(target, "POST", "/api/v1/namespaces", { body })).status, 201);
  return name;
}

export function servicesPath(namespace: string, ...rest: readonly string[]): string {
  return ["/api/v1/namespaces", namespace, "services", ...rest].join("/");
}

/** A Service of type LoadBalancer with one port, as short as users write it. */
export function loadBalancer(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type: "LoadBalancer", selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
}

/**
 * Creates the object and gives it as the server made it. A real server refuses a Pod until a
 * controller has made its namespace's default ServiceAccount, a moment after the namespace.
 */
export async function create(target: Target, path: string, body: JsonObject): Promise<JsonObject> {
  const answer = await waitFor(
    async () => {
      const given = await ask(target, "POST", path, { body });
      const reason = textAt(given.body, "message") ?? "";
      return /error looking up service account/.test(reason) ? undefined : given;
    },
    { what: `${path} takes its first object`, timeoutMs: 60_000, intervalMs: 100 },
  );
  assert.equal(answer.status, 201, JSON.stringify(answer.body));
  return object(answer.body);
}

export async function createService(
  target: Target,
  namespace: string,
  spec: JsonObject = {},
): Promise<JsonObject> {
  return create(target, servicesPath(namespace), loadBalancer("web", spec));
}

export async function get(target: Target, path: string): Promise<JsonObject> {
  const answer = await ask(target, "GET", path);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return object(answer.body);
}

export function object(value: Json | undefined): JsonObject {
  assert.ok(isObject(value), `not an object: ${JSON.stringify(value)}`);
  return value;
}

export function resourceVersion(value: Json): string {
  const version = textAt(value, "metadata", "resourceVersion");
  assert.ok(version !== undefined && /^[1-9][0-9]*$/.test(version), `not a version: ${version}`);
  return version;
}

/** Asserts a failure in Kubernetes' form: an HTTP status and a Status object that agree. */
export function assertFailure(answer: Answer, status: number, reason: string): void {
  const seen = {
    status: answer.status,
    kind: textAt(answer.body, "kind"),
    apiVersion: textAt(answer.body, "apiVersion"),
    result: textAt(answer.body, "status"),
    reason: textAt(answer.body, "reason"),
    code: numberAt(answer.body, "code"),
  };
  const wanted = {
    status,
    kind: "Status",
    apiVersion: "v1",
    result: "Failure",
    reason,
    code: status,
  };
  assert.deepEqual(seen, wanted, JSON.stringify(answer.body));
}
