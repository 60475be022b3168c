import { type ApiClient, ApiError } from "./api-client.ts";
import { type JsonObject, listAt, objectAt, parseJson, textAt } from "./kube/json.ts";
import { pause } from "./wait.ts";

export interface MirrorOptions {
  readonly client: ApiClient;
  /** The collection: `/api/v1/services`. */
  readonly path: string;
  readonly fieldSelector?: string;
  /** Called after each change, and once when the first list is in. Read `objects` then. */
  readonly onChange: () => void;
  readonly onTrouble: (error: unknown) => void;
}

const retryMs = 500;
const watchSeconds = 300;

/**
 * The objects of one collection, kept as the API server has them: list, watch, and again after
 * whatever breaks. While the server is away the last state stays.
 */
export class Mirror {
  /** By "namespace/name", or "/name" where there is no namespace. */
  readonly objects: ReadonlyMap<string, JsonObject>;
  readonly #objects = new Map<string, JsonObject>();
  readonly #options: MirrorOptions;
  #synced = false;
  #resourceVersion: string | undefined;

  constructor(options: MirrorOptions) {
    this.#options = options;
    this.objects = this.#objects;
  }

  /** Whether a complete list was seen. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Runs until `signal` is aborted; never rejects for what the server does. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        if (this.#resourceVersion === undefined) await this.#list();
        await this.#watch(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (isExpired(error)) {
          this.#resourceVersion = undefined;
          continue;
        }
        this.#options.onTrouble(error);
        await pause(retryMs, signal).catch(() => undefined);
      }
    }
  }

  async #list(): Promise<void> {
    const query = this.#query({});
    const list = await this.#options.client.get(`${this.#options.path}${query}`);
    this.#objects.clear();
    for (const object of listAt(list, "items")) {
      const listed = objectAt(object);
      this.#objects.set(objectKey(listed), listed);
    }
    this.#resourceVersion = textAt(list, "metadata", "resourceVersion");
    this.#synced = true;
    this.#options.onChange();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const query = this.#query({
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion: this.#resourceVersion ?? "0",
      timeoutSeconds: `${watchSeconds}`,
    });
    for await (const line of this.#options.client.lines(`${this.#options.path}${query}`, signal)) {
      if (line !== "") this.#take(line);
    }
  }

  #take(line: string): void {
    const event = parseJson(line);
    const object = objectAt(event, "object");
    const type = textAt(event, "type");
    if (type === "ERROR") {
      const status = object["code"] === 410 ? 410 : 500;
      throw new ApiError(`watch ${this.#options.path}`, status, textAt(object, "message") ?? line);
    }
    this.#resourceVersion = textAt(object, "metadata", "resourceVersion");
    if (type === "BOOKMARK") return;
    if (type === "DELETED") this.#objects.delete(objectKey(object));
    else this.#objects.set(objectKey(object), object);
    this.#options.onChange();
  }

  #query(parameters: Readonly<Record<string, string>>): string {
    const { fieldSelector } = this.#options;
    const query = new URLSearchParams({ ...parameters, ...(fieldSelector && { fieldSelector }) });
    return query.size === 0 ? "" : `?${query.toString()}`;
  }
}

/** "namespace/name" of an object; "/name" where it has no namespace. */
export function objectKey(object: JsonObject): string {
  const namespace = textAt(object, "metadata", "namespace") ?? "";
  return `${namespace}/${textAt(object, "metadata", "name") ?? ""}`;
}

function isExpired(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410;
}
