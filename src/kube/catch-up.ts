import { type KubeApi, type KubeObject, objectKey, type Scope } from "./client.ts";
import type { Resource } from "./resource.ts";
import type { Store } from "./store.ts";

/** Objects in one page, as a Reflector reads them. */
const pageLimit = 100;

/**
 * Reads the newest state (a consistent read) into a Store that a Reflector keeps: once it resolves,
 * the Store shows every write that was answered before the call, however far its watch lags. What
 * was deleted meanwhile may still be in it until the watch says so.
 *
 * An object that cannot be projected is left to the Reflector, which reports it.
 */
export async function catchUp<T>(
  api: KubeApi,
  options: Scope & {
    readonly resource: Resource;
    readonly store: Store<T>;
    readonly project: (object: KubeObject) => T | undefined;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { resource, store, project, ...page } = options;
  const visit = (object: KubeObject) => {
    const value = projected(project, object);
    if (value !== undefined) {
      store.applyOwnWrite(objectKey(object), object.metadata.resourceVersion, value);
    }
  };
  let continueToken: string | undefined;
  do {
    const token = continueToken === undefined ? {} : { continueToken };
    ({ continueToken } = await api.list(resource, { ...page, ...token, limit: pageLimit }, visit));
  } while (continueToken !== undefined);
}

function projected<T>(
  project: (object: KubeObject) => T | undefined,
  object: KubeObject,
): T | undefined {
  try {
    return project(object);
  } catch {
    return undefined;
  }
}
