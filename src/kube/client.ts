import type { Resource } from "./resource.ts";

/**
 * The Kubernetes API, as far as RouteLB uses it. Every call ends: with an answer, with a KubeError,
 * or when its signal aborts (with the signal's reason).
 *
 * `connectKubeApi` (connect.ts) gives the real one; tests may hand in one of their own.
 */
export interface KubeApi {
  /**
   * Reads one page of a list. `visit` is called for each object as it arrives, so that a list of
   * any length is never held whole; an exception of `visit` ends the call with it.
   */
  list(
    resource: Resource,
    options: ListOptions,
    visit: (object: KubeObject) => void,
  ): Promise<ListEnd>;

  /**
   * Follows changes from `resourceVersion` on. Resolves as soon as the server takes the watch; the
   * iteration, which the caller must start, ends when the server ends the stream. Both throw a
   * KubeError with status 410 when that version is no longer to be had, and the iteration throws
   * GarbageError on a line that is no watch event.
   */
  watch(resource: Resource, options: WatchOptions): Promise<AsyncIterable<WatchEvent>>;

  get(object: ObjectPath, options?: TimedCallOptions): Promise<KubeObject>;

  /** `body` names itself in its metadata. */
  create(
    resource: Resource,
    namespace: string | undefined,
    body: object,
    options?: TimedCallOptions,
  ): Promise<KubeObject>;

  /** With `metadata.resourceVersion` in `body`, a change that came between is answered with 409. */
  update(object: ObjectPath, body: object, options?: TimedCallOptions): Promise<KubeObject>;

  patch(
    object: ObjectPath,
    type: PatchType,
    body: object,
    options?: TimedCallOptions,
  ): Promise<KubeObject>;

  remove(object: ObjectPath, options?: CallOptions): Promise<void>;
}

/** Where an object is: `namespace` for namespaced resources only. */
export interface ObjectPath {
  readonly resource: Resource;
  readonly namespace?: string;
  readonly name: string;
  readonly subresource?: "status";
}

/** RFC 7386, RFC 6902, and Kubernetes' own, which merges lists by their keys. */
export type PatchType = "merge" | "json" | "strategic";

export interface CallOptions {
  readonly signal?: AbortSignal;
}

export interface TimedCallOptions extends CallOptions {
  /**
   * The call has ended after so long, with a KubeError of status 0 if there is no answer by then.
   * The server is asked to give up by itself at the same age. d: the server's limit, 60 s.
   */
  readonly limitMs?: number;
}

/** What a list and a watch are narrowed by. */
export interface Scope {
  /** Absent: all namespaces. */
  readonly namespace?: string;
  /** One object by name; RBAC rules with `resourceNames` allow it. */
  readonly name?: string;
  readonly labelSelector?: string;
}

export interface ListOptions extends Scope {
  /** At most so many objects in one page; absent: all in one. */
  readonly limit?: number;
  /** Of the page before. */
  readonly continueToken?: string;
  /**
   * Absent: the newest state (a consistent read). "0": whatever the server has in memory. Another:
   * a state not older than that one.
   */
  readonly resourceVersion?: string;
  readonly signal?: AbortSignal;
}

export interface ListEnd {
  /** Of the list as a whole: where a watch goes on. */
  readonly resourceVersion: string;
  /** Present: there are more pages. */
  readonly continueToken?: string;
}

export interface WatchOptions extends Scope {
  readonly resourceVersion: string;
  /** When the server shall end the stream. */
  readonly timeoutSeconds: number;
  /** A stream on which nothing arrives for so long counts as dead; longer than the server's bookmark interval. */
  readonly silenceLimitMs: number;
  readonly signal: AbortSignal;
}

export type WatchEvent =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: KubeObject }
  /** Nothing changed up to this version. */
  | { readonly type: "BOOKMARK"; readonly resourceVersion: string };

/** An object as the server sent it; only its metadata is checked. */
export interface KubeObject {
  readonly metadata: ObjectMetadata;
  readonly [field: string]: unknown;
}

export interface ObjectMetadata {
  readonly name: string;
  /** Empty on an object that has none (it is cluster-scoped). */
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly [field: string]: unknown;
}

/** A call that failed, by the server's answer or for want of one. */
export class KubeError extends Error {
  override readonly name = "KubeError";
  /** The HTTP status; 0 when there was no whole answer (no connection, cut off, too late). */
  readonly status: number;
  /** `reason` of the server's Status object (`NotFound`, `Conflict` ...); empty without one. */
  readonly reason: string;
  /** What the server asks for (Retry-After). */
  readonly retryAfterSeconds?: number;

  constructor(
    status: number,
    reason: string,
    message: string,
    options: { readonly retryAfterSeconds?: number; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.reason = reason;
    if (options.retryAfterSeconds !== undefined) {
      this.retryAfterSeconds = options.retryAfterSeconds;
    }
  }
}

/** What came is not what the Kubernetes API speaks. */
export class GarbageError extends Error {
  override readonly name = "GarbageError";
}

/**
 * The API server itself said that the object does not exist. A 404 without a Status of reason
 * NotFound (a proxy's, or of a resource that the server does not have) does not count.
 */
export function isNotFound(error: unknown): boolean {
  return error instanceof KubeError && error.status === 404 && error.reason === "NotFound";
}

/** Somebody else wrote the object since it was read. */
export function isConflict(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409 && error.reason !== "AlreadyExists";
}

export function isAlreadyExists(error: unknown): boolean {
  return error instanceof KubeError && error.status === 409 && error.reason === "AlreadyExists";
}

/** `namespace/name`, or `name` of a cluster-scoped object: the key of Stores. */
export function objectKey(object: KubeObject): string {
  const { namespace, name } = object.metadata;
  return namespace === "" ? name : `${namespace}/${name}`;
}

/** All objects of a list, page by page: for the few and small ones that are not watched. */
export async function listAll(
  api: KubeApi,
  resource: Resource,
  options: Omit<ListOptions, "limit" | "continueToken"> = {},
): Promise<readonly KubeObject[]> {
  const objects: KubeObject[] = [];
  let continueToken: string | undefined;
  do {
    const page = {
      ...options,
      limit: 100,
      ...(continueToken === undefined ? {} : { continueToken }),
    };
    ({ continueToken } = await api.list(resource, page, (object) => objects.push(object)));
  } while (continueToken !== undefined);
  return objects;
}
