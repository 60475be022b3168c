import type { ServerResponse } from "node:http";
import type { Clock, Timer } from "../../../src/runtime/clock.ts";
import { expired, forbiddenField, invalid } from "../api-error.ts";
import type { JsonObject } from "../json.ts";
import type { ResourceType } from "../resources.ts";
import type { Predicate } from "../selectors.ts";
import type { Change, ObjectStore } from "../store.ts";
import { requestFilter } from "./list.ts";
import { objectText, type Representation, tableText } from "./representation.ts";
import { type ApiRequest, isTrue, numberParameter, type Target } from "./request.ts";

export interface WatchSettings {
  readonly clock: Clock;
  readonly random: () => number;
  readonly bookmarkIntervalMs: number;
}

/** What a client may leave unread before its watch is ended, as the real server does. */
const maxUnreadBytes = 64 * 1024 * 1024;

/** So long before a watch's time is over it gets a bookmark more, as the real server does. */
const lastBookmarkSeconds = 2;

/** One open watch. */
export class WatchStream {
  readonly request: ApiRequest;
  readonly #response: ServerResponse;
  readonly #type: ResourceType;
  readonly #representation: Representation;
  readonly #filter: Predicate;
  readonly #settings: WatchSettings;
  readonly #store: ObjectStore;
  readonly #timers = new Set<Timer>();
  #unsubscribe: () => void = () => undefined;
  #hasSentColumns = false;
  #isSilent = false;

  constructor(
    request: ApiRequest,
    target: Target,
    response: ServerResponse,
    representation: Representation,
    store: ObjectStore,
    settings: WatchSettings,
  ) {
    this.request = request;
    this.#response = response;
    this.#type = target.type;
    this.#representation = representation;
    this.#filter = requestFilter(request, target);
    this.#settings = settings;
    this.#store = store;
  }

  /**
   * Sends what happened since the version asked for, then what happens, until the time is over,
   * the client leaves or `end` is called.
   */
  start(onClose: () => void): void {
    const { query } = this.request;
    if (query.has("sendInitialEvents")) {
      throw invalid({ ...this.#type, group: "meta.k8s.io", kind: "ListOptions" }, "", [
        forbiddenField(
          "sendInitialEvents",
          "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled",
        ),
      ]);
    }
    const version = numberParameter(query, "resourceVersion") ?? 0;
    const seconds = numberParameter(query, "timeoutSeconds") ?? 0;
    this.#response.on("close", () => {
      this.#stop();
      onClose();
    });
    this.#response.writeHead(200, {
      "content-type": "application/json",
      "cache-control": "no-cache, private",
    });
    this.#response.flushHeaders();
    if (!this.#sendPast(version)) {
      this.end();
      return;
    }
    this.#unsubscribe = this.#store.subscribe(this.#type.storage, (change) => {
      if (change.version > version) {
        this.#sendChange(change);
      }
    });
    const randomly = 1800 + 1800 * this.#settings.random();
    this.#after((seconds === 0 ? randomly : seconds) * 1000, () => this.end());
    if (isTrue(query.get("allowWatchBookmarks"))) {
      this.#keepBookmarking();
      if (seconds > lastBookmarkSeconds) {
        this.#after((seconds - lastBookmarkSeconds) * 1000, () => this.#bookmark());
      }
    }
  }

  /** Ends the stream as at a timeout: cleanly. */
  end(): void {
    this.#stop();
    this.#response.end();
  }

  /** Cuts the connection with a TCP reset. */
  reset(): void {
    this.#stop();
    this.#response.socket?.resetAndDestroy();
  }

  /** Sends the beginning of a line, then cuts the connection. */
  breakLine(): void {
    this.#stop();
    this.#response.write('{"type":"MODIFIED","object":{"kind":"', () => {
      this.#response.socket?.destroy();
    });
  }

  /** Sends nothing more and leaves the connection open, as a peer that lost power. */
  silence(): void {
    this.#isSilent = true;
  }

  /** Sends an ERROR event; the client decides what to do about it. */
  fail(status: JsonObject): void {
    this.#line("ERROR", JSON.stringify(status));
  }

  #sendPast(version: number): boolean {
    if (version === 0) {
      for (const object of this.#store.list(this.#type.storage)) {
        if (this.#filter(object)) {
          this.#sendObject("ADDED", object);
        }
      }
      return true;
    }
    const changes = this.#store.changesSince(this.#type.storage, version);
    if (changes === undefined) {
      this.fail(expired(`too old resource version: ${version} (${this.#store.version})`).status());
      return false;
    }
    for (const change of changes) {
      this.#sendChange(change);
    }
    return true;
  }

  /** An object that comes to match the selectors is added for this client, and the reverse. */
  #sendChange({ type, object, previous }: Change): void {
    const isIn = type !== "DELETED" && this.#filter(object);
    const wasIn = previous !== undefined && this.#filter(previous);
    if (isIn) {
      this.#sendObject(wasIn ? "MODIFIED" : "ADDED", object);
    } else if (wasIn) {
      this.#sendObject("DELETED", object);
    }
  }

  #sendObject(event: string, object: JsonObject): void {
    const nowMs = this.#settings.clock.wallTime();
    const representation = this.#representation;
    const text =
      representation.form === "table"
        ? tableText(this.#type, [object], representation, nowMs, {}, this.#hasSentColumns)
        : objectText(this.#type, object, representation, nowMs);
    this.#hasSentColumns = true;
    this.#line(event, text);
  }

  #keepBookmarking(): void {
    this.#after(this.#settings.bookmarkIntervalMs, () => {
      this.#bookmark();
      this.#keepBookmarking();
    });
  }

  #bookmark(): void {
    this.#line("BOOKMARK", this.#bookmarkText());
  }

  #bookmarkText(): string {
    const metadata = { resourceVersion: String(this.#store.version), creationTimestamp: null };
    if (this.#representation.form === "table") {
      const row = { cells: [], object: { metadata } };
      return JSON.stringify({
        kind: "Table",
        apiVersion: this.#representation.version,
        metadata: { resourceVersion: metadata.resourceVersion },
        columnDefinitions: [],
        rows: [row],
      });
    }
    const { group, version, kind } = this.#type;
    const apiVersion = group === "" ? version : `${group}/${version}`;
    return JSON.stringify({ kind, apiVersion, metadata });
  }

  #line(event: string, text: string): void {
    if (this.#isSilent || this.#response.writableEnded) {
      return;
    }
    this.#response.write(`{"type":"${event}","object":${text}}\n`);
    if (this.#response.writableLength > maxUnreadBytes) {
      this.reset();
    }
  }

  #after(delayMs: number, callback: () => void): void {
    const timer = this.#settings.clock.after(Math.min(delayMs, 2 ** 31 - 1), () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
  }

  #stop(): void {
    this.#unsubscribe();
    for (const timer of this.#timers) {
      timer.cancel();
    }
    this.#timers.clear();
  }
}
