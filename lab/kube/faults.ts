import type { ServerResponse } from "node:http";
import type { Clock } from "../../src/runtime/clock.ts";
import { ApiError } from "./api-error.ts";
import type { ApiRequest, RequestVerb } from "./http/request.ts";
import type { WatchStream } from "./http/watch.ts";
import type { JsonObject } from "./json.ts";

/** Which requests a fault hits: all that agree with every member given. */
export interface RequestMatcher {
  readonly verb?: RequestVerb;
  /** A plural: `services`. */
  readonly resource?: string;
  readonly namespace?: string;
  readonly name?: string;
  readonly subresource?: string;
  readonly userAgentPrefix?: string;
  readonly where?: (request: ApiRequest) => boolean;
}

export type FaultAction =
  /** The TCP connection is reset. */
  | { readonly type: "refuse" }
  | { readonly type: "delay"; readonly delayMs: number }
  /** Never answers. */
  | { readonly type: "hang" }
  | {
      readonly type: "answer";
      readonly code: number;
      readonly reason?: string;
      readonly message?: string;
      readonly retryAfterSeconds?: number;
    }
  /** A list that claims there is nothing. */
  | { readonly type: "empty-list" }
  /** A 200 with this text, and then the connection is cut. */
  | { readonly type: "broken-text"; readonly text: string };

export interface Fault {
  /** How many requests it hit. */
  readonly hits: number;
  remove(): void;
}

/** What a fault leaves to do: "answered" (nothing), or the request, perhaps with an empty list. */
export type FaultOutcome = "answered" | "empty-list" | undefined;

interface ActiveFault {
  readonly matcher: RequestMatcher;
  readonly action: FaultAction;
  remaining: number;
  hits: number;
}

/** Faults that tests put between clients and the server. */
export class Faults {
  readonly #active = new Set<ActiveFault>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a fault for the next `times` requests that match; without `times`, until removed. */
  add(matcher: RequestMatcher, action: FaultAction, times = Number.POSITIVE_INFINITY): Fault {
    const fault: ActiveFault = { matcher, action, remaining: times, hits: 0 };
    this.#active.add(fault);
    return {
      get hits() {
        return fault.hits;
      },
      remove: () => this.#active.delete(fault),
    };
  }

  clear(): void {
    this.#active.clear();
  }

  /**
   * Does to a request what the faults say, in the order in which they were added.
   *
   * @throws ApiError of a fault that answers with an error
   */
  async apply(request: ApiRequest, response: ServerResponse): Promise<FaultOutcome> {
    let outcome: FaultOutcome;
    for (const fault of this.#active) {
      if (fault.remaining > 0 && matches(fault.matcher, request)) {
        fault.remaining -= 1;
        fault.hits += 1;
        outcome = (await this.#perform(fault.action, response)) ?? outcome;
        if (outcome === "answered") {
          return outcome;
        }
      }
    }
    return outcome;
  }

  async #perform(action: FaultAction, response: ServerResponse): Promise<FaultOutcome> {
    switch (action.type) {
      case "refuse":
        response.socket?.resetAndDestroy();
        return "answered";
      case "delay":
        await new Promise<void>((resolve) => {
          this.#clock.after(action.delayMs, resolve);
        });
        return undefined;
      case "hang":
        return "answered";
      case "answer":
        throw new ApiError(
          action.code,
          action.reason ?? reasonOf(action.code),
          action.message ?? `injected fault ${action.code}`,
          {},
          action.retryAfterSeconds,
        );
      case "empty-list":
        return "empty-list";
      case "broken-text":
        response.writeHead(200, { "content-type": "application/json" });
        response.write(action.text, () => response.socket?.destroy());
        return "answered";
    }
  }
}

function reasonOf(code: number): string {
  const reasons: Readonly<Record<number, string>> = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
  };
  return reasons[code] ?? "";
}

export function matches(matcher: RequestMatcher, request: ApiRequest): boolean {
  const { target } = request;
  return (
    isOneOf(matcher.verb, request.verb) &&
    isOneOf(matcher.resource, target?.type.plural) &&
    isOneOf(matcher.namespace, target?.namespace) &&
    isOneOf(matcher.name, target?.name) &&
    isOneOf(matcher.subresource, target?.subresource) &&
    request.userAgent.startsWith(matcher.userAgentPrefix ?? "") &&
    (matcher.where?.(request) ?? true)
  );
}

function isOneOf(wanted: string | undefined, value: string | undefined): boolean {
  return wanted === undefined || wanted === value;
}

/** The open watches, for tests to disturb. */
export class Watches {
  readonly #streams = new Set<WatchStream>();

  add(stream: WatchStream): void {
    this.#streams.add(stream);
  }

  delete(stream: WatchStream): void {
    this.#streams.delete(stream);
  }

  /** How many are open. */
  count(matcher: RequestMatcher = {}): number {
    return this.#select(matcher).length;
  }

  /** Ends them: cleanly, with a TCP reset, or in the middle of a line. */
  cut(how: "end" | "reset" | "half-line", matcher: RequestMatcher = {}): void {
    for (const stream of this.#select(matcher)) {
      switch (how) {
        case "end":
          stream.end();
          break;
        case "reset":
          stream.reset();
          break;
        case "half-line":
          stream.breakLine();
          break;
      }
    }
  }

  /** They send nothing more, events and bookmarks included, and stay open. */
  silence(matcher: RequestMatcher = {}): void {
    for (const stream of this.#select(matcher)) {
      stream.silence();
    }
  }

  /** Sends each an ERROR event with this Status. */
  fail(status: JsonObject, matcher: RequestMatcher = {}): void {
    for (const stream of this.#select(matcher)) {
      stream.fail(status);
    }
  }

  #select(matcher: RequestMatcher): readonly WatchStream[] {
    return [...this.#streams].filter((stream) => matches(matcher, stream.request));
  }
}
