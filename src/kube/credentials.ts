/**
 * Who we are to the API server, and which server: the one home of client-node.
 *
 * Only its KubeConfig is used. Its Watch swallows what its callback throws and what is not JSON,
 * cuts every stream that is quiet for 30 seconds (the server's bookmarks come each minute), cannot
 * tell a stream that ended from one that broke, and does not read the body of an error, which is
 * where the server says what is wrong. http.ts is smaller than what it would take to wrap that.
 */

import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent, type RequestOptions as HttpsRequestOptions } from "node:https";
import { urlToHttpOptions } from "node:url";
import { isDeepStrictEqual } from "node:util";
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import type { Clock } from "../runtime/clock.ts";

/** What every request carries, and where it goes. */
export type RequestCredentials = Omit<HttpsRequestOptions, "headers"> & {
  readonly headers: Readonly<Record<string, string>>;
  /** The prefix of every request's path; empty, or without a slash at its end. */
  readonly path: string;
};

/** The kubeconfig or service account cannot be used as it is. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/** The API server closes a connection that is idle for 90 seconds; we do so before it does. */
const idleLimitMs = 60_000;
/** A connection that is silent for so long is probed. An agent that is not told sets a second. */
export const tcpKeepAliveMs = 15_000;
/** What was read is good for so long: working it out takes longer than some requests. */
const readAgainMs = 1_000;

/**
 * The server and the identity of a kubeconfig file, or of the Pod's service account.
 *
 * Certificate files and the service account's token are read again as they change; `reload` is for
 * when the server refuses what we showed (401): a kubeconfig may have been rewritten.
 */
export class Credentials {
  readonly #kubeconfigPath: string | undefined;
  readonly #clock: Clock;
  #config: KubeConfig;
  #server: URL;
  #agent: { readonly options: object; readonly agent: HttpAgent } | undefined;
  #read: { readonly options: RequestCredentials; readonly untilMs: number } | undefined;

  /**
   * @param kubeconfigPath undefined: $KUBECONFIG, the home directory's, else the service account
   * @throws CredentialsError
   */
  constructor(kubeconfigPath: string | undefined, clock: Clock) {
    this.#kubeconfigPath = kubeconfigPath;
    this.#clock = clock;
    ({ config: this.#config, server: this.#server } = load(kubeconfigPath));
  }

  /** @throws CredentialsError; what was loaded before stays */
  reload(): void {
    this.#read = undefined;
    ({ config: this.#config, server: this.#server } = load(this.#kubeconfigPath));
  }

  /**
   * Headers, TLS, the server and the agent for one request; at most a second old. Connections are kept alive and used again until
   * the certificates change.
   *
   * @throws CredentialsError
   */
  async requestOptions(): Promise<RequestCredentials> {
    const now = this.#clock.now();
    if (this.#read === undefined || now >= this.#read.untilMs) {
      const options = await this.#readOptions();
      this.#read = { options, untilMs: now + readAgainMs };
    }
    return this.#read.options;
  }

  async #readOptions(): Promise<RequestCredentials> {
    const options: HttpsRequestOptions = {};
    try {
      await this.#config.applyToHTTPSOptions(options);
    } catch (error) {
      throw new CredentialsError("the credentials for the API server cannot be read", {
        cause: error,
      });
    }
    if (this.#config.getCurrentCluster()?.proxyUrl === undefined) {
      options.agent = this.#keepAliveAgent(options);
    }
    const { protocol, hostname, port, auth } = urlToHttpOptions(this.#server);
    return {
      ...options,
      protocol,
      hostname,
      port,
      ...(auth === undefined ? {} : { auth }),
      path: this.#server.pathname.replace(/\/$/, ""),
      headers: trimmed(options.headers),
    };
  }

  #keepAliveAgent(options: HttpsRequestOptions): HttpAgent {
    const { ca, cert, key, servername, rejectUnauthorized } = options;
    const tls = Object.fromEntries(
      Object.entries({ ca, cert, key, servername, rejectUnauthorized }).filter(
        ([, value]) => value !== undefined,
      ),
    );
    if (this.#agent === undefined || !isDeepStrictEqual(this.#agent.options, tls)) {
      const keepAlive = { keepAlive: true, keepAliveMsecs: tcpKeepAliveMs, timeout: idleLimitMs };
      const agent =
        this.#server.protocol === "https:"
          ? new HttpsAgent({ ...tls, ...keepAlive })
          : new HttpAgent(keepAlive);
      this.#agent = { options: tls, agent };
    }
    return this.#agent.agent;
  }
}

/**
 * KubeConfig gives up the cluster's certificate where a context names no user, and refuses
 * `http://` servers (the lab's) unless told not to verify a certificate that there is none of.
 */
function load(kubeconfigPath: string | undefined): { config: KubeConfig; server: URL } {
  const config = new KubeConfig();
  try {
    if (kubeconfigPath === undefined) {
      config.loadFromDefault();
    } else {
      config.loadFromFile(kubeconfigPath);
    }
    const cluster = config.getCurrentCluster();
    const user = config.getCurrentUser();
    if (cluster === null || (kubeconfigPath === undefined && isGuess(config))) {
      throw new Error(
        "no kubeconfig was given or found, and this is no Pod with a service account",
      );
    }
    const server = new URL(cluster.server);
    config.loadFromClusterAndUser(
      { ...cluster, skipTLSVerify: cluster.skipTLSVerify || server.protocol === "http:" },
      user ?? { name: "anonymous" },
    );
    return { config, server };
  } catch (error) {
    const source = kubeconfigPath ?? "the default kubeconfig";
    const reason = error instanceof Error ? error.message : String(error);
    throw new CredentialsError(`${source}: ${reason}`, { cause: error });
  }
}

/** With nothing to go by, loadFromDefault assumes a server on this machine's port 8080. */
function isGuess(config: KubeConfig): boolean {
  const isDefault = config.getCurrentContext() === "loaded-context";
  return isDefault && config.getCurrentCluster()?.server === "http://localhost:8080";
}

/** A token file may end with a line feed, which no header can hold. */
function trimmed(headers: HttpsRequestOptions["headers"]): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).map(([name, value]) => [name, String(value).trim()]),
  );
}
