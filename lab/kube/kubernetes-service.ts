import { parseAddress } from "../../src/net/address.ts";
import type { Objects } from "./objects.ts";

/**
 * Makes the Service `default/kubernetes` and its EndpointSlice, as every cluster has them.
 *
 * @param clusterIp by convention the first address of the range
 */
export function registerKubernetesService(
  objects: Objects,
  host: string,
  port: number,
  clusterIp: string,
): void {
  const labels = { component: "apiserver", provider: "kubernetes" };
  objects.apply({
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "kubernetes", namespace: "default", labels },
    spec: {
      clusterIP: clusterIp,
      ports: [{ name: "https", port: 443, targetPort: port, protocol: "TCP" }],
    },
  });
  objects.apply({
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: "kubernetes",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "kubernetes" },
    },
    addressType: parseAddress(host)?.family === "ipv6" ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [host], conditions: { ready: true } }],
    ports: [{ name: "https", port, protocol: "TCP" }],
  });
}
