import { isIPv6 } from "node:net";
import type { ApiClient } from "../api-client.ts";
import { attempt } from "../command.ts";
import { textAt } from "../kube/json.ts";
import { inNamespace } from "../namespaces.ts";
import { waitFor } from "../wait.ts";
import { apiServerPort } from "./flags.ts";

/** Longer than TCP waits between two tries of what it could not send while a node was cut off. */
const patienceMs = 60_000;

export interface ProxyMarkerOptions {
  /** Of the administrator. */
  readonly api: ApiClient;
  /** Not used before. */
  readonly name: string;
  /** The API server's: the endpoint behind the marker, which is of its family. */
  readonly address: string;
  /** Of the nodes whose kube-proxies are awaited. */
  readonly namespaces: readonly string[];
}

/**
 * Resolves when the kube-proxy of every node has taken in all that the API server says by now: a
 * Service made for that answers from each node.
 */
export async function proxiesFollow(options: ProxyMarkerOptions): Promise<void> {
  const { api, name, address, namespaces } = options;
  const collection = "/api/v1/namespaces/default/services";
  const family = isIPv6(address) ? "IPv6" : "IPv4";
  const service = await api.create(collection, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { ipFamilies: [family], ports: [{ port: apiServerPort }] },
  });
  try {
    await api.create("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices", {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name,
        labels: { "kubernetes.io/service-name": name },
        ownerReferences: [
          {
            apiVersion: "v1",
            kind: "Service",
            name,
            uid: textAt(service, "metadata", "uid") ?? "",
          },
        ],
      },
      addressType: family,
      ports: [{ port: apiServerPort }],
      endpoints: [{ addresses: [address] }],
    });
    const clusterIp = textAt(service, "spec", "clusterIP") ?? "";
    const host = family === "IPv6" ? `[${clusterIp}]` : clusterIp;
    const url = `https://${host}:${apiServerPort}/livez`;
    await Promise.all(
      namespaces.map((namespace) =>
        waitFor(async () => (await answers(namespace, url)) || undefined, {
          what: `kube-proxy in ${namespace} follows`,
          timeoutMs: patienceMs,
          intervalMs: 100,
        }),
      ),
    );
  } finally {
    await api.remove(`${collection}/${name}`);
  }
}

async function answers(namespace: string, url: string): Promise<boolean> {
  const [enter = "", ...rest] = inNamespace(namespace);
  return (await attempt(enter, [...rest, "curl", "-skg", "-m", "1", "-o", "/dev/null", url])).ok;
}
