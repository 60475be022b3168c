import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIPv6 } from "node:net";
import { type Clock, systemClock } from "../../src/runtime/clock.ts";
import { ApiError } from "./api-error.ts";
import { makeCluster } from "./cluster.ts";
import { Faults, Watches } from "./faults.ts";
import { sendError } from "./http/answer.ts";
import { type ApiRequest, parseRequest } from "./http/request.ts";
import { answerRequest, type RouterContext } from "./http/router.ts";
import type { Objects } from "./objects.ts";

export interface ApiServerOptions {
  /** Where to listen for plain HTTP; the default is a free port of 127.0.0.1. */
  readonly host?: string;
  readonly port?: number;
  /** Also listen on a Unix socket of this path. */
  readonly socketPath?: string;
  /** Bearer tokens, one a line, read at each request; without it everybody may do everything. */
  readonly tokenFile?: string;
  /** One or two CIDRs, the primary first; by default 10.96.0.0/16 and fd00:10:96::/112. */
  readonly serviceClusterIpRanges?: readonly string[];
  /** How many changes of each resource a watch may ask for again; 10,000 by default. */
  readonly historyLimit?: number;
  /** How often a watch that allows bookmarks gets one; every 10 s by default. */
  readonly bookmarkIntervalMs?: number;
  readonly clock?: Clock;
  /** Numbers from 0 to 1 for uids, suffixes, addresses and ports. */
  readonly random?: () => number;
}

export interface ApiServer {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  readonly port: number;
  /** The objects, without HTTP. */
  readonly objects: Objects;
  readonly faults: Faults;
  readonly watches: Watches;
  /** The latest requests, at least 10,000, oldest first. */
  readonly requests: readonly ApiRequest[];
  /** Forgets the history: watches from before get 410. */
  compact(): void;
  /** Closes all connections and stops listening; the objects stay. */
  stop(): Promise<void>;
  /** Listens again, on the same port. */
  start(): Promise<void>;
  /** Ends for good. */
  close(): Promise<void>;
}

const loggedRequests = 10_000;

/** Starts an API server in this process; everything it holds is in memory. */
export async function startApiServer(options: ApiServerOptions = {}): Promise<ApiServer> {
  const clock = options.clock ?? systemClock;
  const random = options.random ?? Math.random;
  const { registry, objects } = makeCluster({ ...options, clock, random });
  const watches = new Watches();
  const faults = new Faults(clock);
  const requests: ApiRequest[] = [];
  const context: RouterContext = {
    registry,
    watches,
    clock,
    watchSettings: { clock, random, bookmarkIntervalMs: options.bookmarkIntervalMs ?? 10_000 },
  };
  const listener = (incoming: IncomingMessage, response: ServerResponse): void => {
    void serve(incoming, response);
  };
  const serve = async (incoming: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const request = parseRequest(incoming);
      requests.push(request);
      if (requests.length >= 2 * loggedRequests) {
        requests.splice(0, loggedRequests);
      }
      const outcome = await faults.apply(request, response);
      if (outcome === "answered") {
        return;
      }
      authenticate(incoming, options.tokenFile);
      await answerRequest(context, { request, incoming, response, fault: outcome });
    } catch (error) {
      sendError(response, error);
    }
  };
  const listeners = new Listeners(listener, options);
  await listeners.start();
  return {
    get url() {
      const host = options.host ?? "127.0.0.1";
      return `http://${isIPv6(host) ? `[${host}]` : host}:${listeners.port}`;
    },
    get port() {
      return listeners.port;
    },
    objects,
    faults,
    watches,
    requests,
    compact: () => registry.store.compact(),
    stop: () => listeners.stop(),
    start: () => listeners.start(),
    close: () => listeners.stop(),
  };
}

function authenticate(incoming: IncomingMessage, tokenFile: string | undefined): void {
  if (tokenFile === undefined) {
    return;
  }
  // A line may go on with a user's name and uid, as in the real server's token file.
  const tokens = readFileSync(tokenFile, "utf8")
    .split("\n")
    .map((line) => line.split(",")[0]?.trim())
    .filter((token) => token !== undefined && token !== "");
  const [, given] = /^Bearer (.+)$/i.exec(incoming.headers.authorization ?? "") ?? [];
  if (given === undefined || !tokens.includes(given)) {
    throw new ApiError(401, "Unauthorized", "Unauthorized");
  }
}

/** The server's sockets: TCP, and a Unix socket if there is one. */
class Listeners {
  readonly #listener: (incoming: IncomingMessage, response: ServerResponse) => void;
  readonly #options: ApiServerOptions;
  #servers: Server[] = [];
  /** The port that the first start got; later ones take the same. */
  port: number;

  constructor(
    listener: (incoming: IncomingMessage, response: ServerResponse) => void,
    options: ApiServerOptions,
  ) {
    this.#listener = listener;
    this.#options = options;
    this.port = options.port ?? 0;
  }

  async start(): Promise<void> {
    const tcp = this.#makeServer();
    await listen(tcp, { host: this.#options.host ?? "127.0.0.1", port: this.port });
    const address = tcp.address();
    if (typeof address === "object" && address !== null) {
      this.port = address.port;
    }
    if (this.#options.socketPath !== undefined) {
      await listen(this.#makeServer(), { path: this.#options.socketPath });
    }
  }

  async stop(): Promise<void> {
    const servers = this.#servers;
    this.#servers = [];
    await Promise.all(
      servers.map(
        (server) =>
          new Promise<void>((resolve) => {
            server.close(() => resolve());
            server.closeAllConnections();
          }),
      ),
    );
  }

  #makeServer(): Server {
    const server = createServer(this.#listener);
    // Clients pool idle connections for 90 s or so: closing first makes them see resets.
    server.keepAliveTimeout = 120_000;
    server.requestTimeout = 0;
    this.#servers.push(server);
    return server;
  }
}

function listen(
  server: Server,
  where: { readonly host: string; readonly port: number } | { readonly path: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(where, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
