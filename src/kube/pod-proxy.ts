import type { Clock } from "../runtime/clock.ts";
import type { CallOptions } from "./client.ts";
import { Credentials } from "./credentials.ts";
import { send } from "./http.ts";
import { jsonOf } from "./http-body.ts";
import { collectionPath, resources } from "./resource.ts";

/** The HTTP server of a Pod, reached through the API server: `pods/NAME:PORT/proxy`. */
export interface PodProxy {
  /** The JSON that the Pod answers with; a KubeError, or the reason of the signal, otherwise. */
  getJson(request: PodRequest, options?: CallOptions): Promise<unknown>;
}

export interface PodRequest {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
  /** Begins with a slash. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
}

export interface PodProxyOptions {
  /** As of `connectKubeApi`. */
  readonly kubeconfigPath?: string;
  readonly userAgent: string;
  readonly clock: Clock;
}

/**
 * Needs `get` on `pods/proxy` in the Pods' namespace.
 *
 * @throws CredentialsError if there is no usable kubeconfig or service account
 */
export function connectPodProxy({ kubeconfigPath, userAgent, clock }: PodProxyOptions): PodProxy {
  const http = { credentials: new Credentials(kubeconfigPath, clock), clock, userAgent };
  return {
    getJson: async ({ namespace, pod, port, path, query }, options) => {
      const collection = collectionPath(resources.pods, namespace);
      const request = {
        method: "GET",
        path: `${collection}/${encodeURIComponent(pod)}:${port}/proxy${path}`,
        ...(query === undefined ? {} : { query }),
        ...options,
      } as const;
      return jsonOf(request, await send(request, http), clock);
    },
  };
}
