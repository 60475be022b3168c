import type { Clock } from "../runtime/clock.ts";
import {
  type CallOptions,
  GarbageError,
  type KubeApi,
  KubeError,
  type KubeObject,
  type ListEnd,
  type ListOptions,
  type ObjectPath,
  type PatchType,
  type Scope,
  type TimedCallOptions,
  type WatchEvent,
  type WatchOptions,
} from "./client.ts";
import { Credentials } from "./credentials.ts";
import { type HttpOptions, send } from "./http.ts";
import { bodyOf, jsonOf } from "./http-body.ts";
import type { HttpRequest } from "./http-request.ts";
import { recordOf, textOf } from "./json.ts";
import { ListSplitter } from "./list-splitter.ts";
import { collectionPath, type Resource } from "./resource.ts";
import { kubeObjectOf, linesOf, parseWatchLine, versionOf } from "./watch-lines.ts";

export interface ConnectOptions {
  /** Absent: $KUBECONFIG, the home directory's kubeconfig, else the Pod's service account. */
  readonly kubeconfigPath?: string;
  /** Who writes, as the server notes it in `metadata.managedFields`. */
  readonly fieldManager: string;
  readonly clock: Clock;
}

/** How long a list may stay silent between two pieces of its body. */
const listSilenceLimitMs = 30_000;

const patchContentTypes = {
  merge: "application/merge-patch+json",
  json: "application/json-patch+json",
  strategic: "application/strategic-merge-patch+json",
} as const satisfies Record<PatchType, string>;

/**
 * The API server of a kubeconfig, or of the Pod that we run in. Nothing is sent yet: whether the
 * server is there is seen at the first call.
 *
 * @throws CredentialsError if there is no usable kubeconfig or service account
 */
export function connectKubeApi(options: ConnectOptions): KubeApi {
  const http = {
    credentials: new Credentials(options.kubeconfigPath, options.clock),
    clock: options.clock,
    userAgent: options.fieldManager,
  };
  return {
    list: (resource, list, visit) => listPage(http, resource, list, visit),
    watch: (resource, watch) => openWatch(http, resource, watch),
    get: (object, call) => callForObject(http, { path: pathOf(object), method: "GET" }, call),
    create: (resource, namespace, body, call) => {
      const path = collectionPath(resource, namespace);
      const query = { fieldManager: options.fieldManager };
      return callForObject(http, { method: "POST", path, query, body }, call);
    },
    update: (object, body, call) => {
      const query = { fieldManager: options.fieldManager };
      return callForObject(http, { method: "PUT", path: pathOf(object), query, body }, call);
    },
    patch: (object, type, body, call) => {
      const query = { fieldManager: options.fieldManager };
      const contentType = patchContentTypes[type];
      const request = { method: "PATCH", path: pathOf(object), query, contentType, body } as const;
      return callForObject(http, request, call);
    },
    remove: async (object, call) => {
      const request = { path: pathOf(object), method: "DELETE", ...signalOf(call) } as const;
      await jsonOf(request, await send(request, http), http.clock);
    },
  };
}

async function listPage(
  http: HttpOptions,
  resource: Resource,
  options: ListOptions,
  visit: (object: KubeObject) => void,
): Promise<ListEnd> {
  const { limit, continueToken, resourceVersion } = options;
  const request: HttpRequest = {
    method: "GET",
    path: collectionPath(resource, options.namespace),
    takesGzip: true,
    query: {
      ...selectorsOf(options),
      limit: limit?.toString(),
      continue: continueToken,
      resourceVersion,
      resourceVersionMatch: matchOf(resourceVersion),
    },
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  };
  const response = await send(request, http);
  const splitter = new ListSplitter((element) => visit(kubeObjectOf(element)));
  for await (const chunk of bodyOf(request, response, listSilenceLimitMs, http.clock)) {
    splitter.push(chunk);
  }
  const end = splitter.end();
  const next = textOf(recordOf(recordOf(end)["metadata"])["continue"]);
  return {
    resourceVersion: versionOf(end),
    ...(next === undefined || next === "" ? {} : { continueToken: next }),
  };
}

/** With a limit and no match, the server takes a version for the exact one, and may have lost it. */
function matchOf(resourceVersion: string | undefined): string | undefined {
  return resourceVersion === undefined || resourceVersion === "0" ? undefined : "NotOlderThan";
}

async function openWatch(
  http: HttpOptions,
  resource: Resource,
  options: WatchOptions,
): Promise<AsyncIterable<WatchEvent>> {
  const request: HttpRequest = {
    method: "GET",
    path: collectionPath(resource, options.namespace),
    query: {
      ...selectorsOf(options),
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: options.resourceVersion,
      timeoutSeconds: options.timeoutSeconds.toString(),
    },
    signal: options.signal,
  };
  const response = await send(request, http);
  const chunks = bodyOf(request, response, options.silenceLimitMs, http.clock);
  return watchEvents(`watch of ${resource.plural}`, chunks);
}

async function* watchEvents(
  context: string,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<WatchEvent, void, undefined> {
  for await (const line of linesOf(chunks)) {
    if (line.trim() !== "") {
      yield parseWatchLine(context, line);
    }
  }
}

function selectorsOf(scope: Scope): Record<string, string | undefined> {
  return {
    labelSelector: scope.labelSelector,
    fieldSelector: scope.name === undefined ? undefined : `metadata.name=${scope.name}`,
  };
}

function pathOf(object: ObjectPath): string {
  const collection = collectionPath(object.resource, object.namespace);
  const subresource = object.subresource === undefined ? "" : `/${object.subresource}`;
  return `${collection}/${encodeURIComponent(object.name)}${subresource}`;
}

function signalOf(call: CallOptions | undefined): CallOptions {
  return call?.signal === undefined ? {} : { signal: call.signal };
}

async function callForObject(
  http: HttpOptions,
  request: HttpRequest,
  call: TimedCallOptions | undefined,
): Promise<KubeObject> {
  const { limitMs } = call ?? {};
  if (limitMs === undefined) {
    return objectAnswer(http, { ...request, ...signalOf(call) });
  }
  const limit = new AbortController();
  const timer = http.clock.after(limitMs, () => {
    const title = `${request.method} ${request.path}`;
    limit.abort(new KubeError(0, "", `${title}: no answer within ${limitMs / 1_000} s`));
  });
  const { signal } = call ?? {};
  try {
    return await objectAnswer(http, {
      ...request,
      query: { ...request.query, timeout: `${Math.ceil(limitMs)}ms` },
      // What several signals are joined by costs more than the rest of a call's preparation.
      signal: signal === undefined ? limit.signal : AbortSignal.any([limit.signal, signal]),
    });
  } finally {
    timer.cancel();
  }
}

async function objectAnswer(http: HttpOptions, request: HttpRequest): Promise<KubeObject> {
  const answer = await jsonOf(request, await send(request, http), http.clock);
  try {
    return kubeObjectOf(answer);
  } catch (error) {
    throw new GarbageError(`${request.method} ${request.path}`, { cause: error });
  }
}
