import assert from "node:assert/strict";
import { type JsonObject, listAt, textAt } from "../../lab/kube/json.ts";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import { gatewayChanged, gatewaysOf } from "../../lab/sights/routes.ts";
import { waitFor } from "../../lab/wait.ts";
import type { Cluster } from "./cluster.ts";

const collection = "/api/v1/namespaces/default/services";

/** A Service in front of the Pods of `nginx`. */
export function serviceObject(name: string, spec: JsonObject = {}): JsonObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name },
    spec: { type: "LoadBalancer", selector: { app: "nginx" }, ports: [{ port: 80 }], ...spec },
  };
}

/** Creates a Service and waits for its address. */
export async function makeService(
  { lab }: Cluster,
  name: string,
  spec: JsonObject = {},
): Promise<{ readonly address: string; readonly createdMs: number }> {
  const createdMs = performance.now();
  await lab.api.create(collection, serviceObject(name, spec));
  const address = await waitFor(
    async () => {
      const service = await lab.api.get(`${collection}/${name}`);
      return textAt(listAt(service, "status", "loadBalancer", "ingress")[0], "ip");
    },
    { what: `Service ${name} has an address`, timeoutMs: 90_000, intervalMs: 20 },
  );
  return { address, createdMs };
}

/**
 * Creates a Service and waits until the router's monitor has told of its route through every node;
 * `tookMs` is from the one to the other.
 */
export async function makeReachableService(
  cluster: Cluster,
  name: string,
): Promise<{ readonly address: string; readonly tookMs: number }> {
  const fromMs = Date.now();
  const { address } = await makeService(cluster, name);
  const came = workerNodes.map((node) =>
    gatewayChanged(cluster.lab, address, "came", { gateway: node.address, fromMs }),
  );
  const atMs = Math.max(...(await Promise.all(came)).map((change) => change.atMs));
  return { address, tookMs: atMs - fromMs };
}

export async function patchService({ lab }: Cluster, name: string, spec: JsonObject) {
  await lab.api.patch(`${collection}/${name}`, { spec });
}

export async function removeService({ lab }: Cluster, name: string): Promise<void> {
  await lab.api.remove(`${collection}/${name}`);
}

/** The address of every Service that has one, by name. */
export async function serviceAddresses({ lab }: Cluster): Promise<ReadonlyMap<string, string>> {
  const services = await lab.api.get(collection);
  return new Map(
    listAt(services, "items").flatMap((service) => {
      const ip = textAt(listAt(service, "status", "loadBalancer", "ingress")[0], "ip");
      return ip === undefined ? [] : [[textAt(service, "metadata", "name") ?? "", ip] as const];
    }),
  );
}

/** The destinations of BGP routes in the router's kernel whose next hops are all worker nodes. */
export async function completeRoutes({ lab }: Cluster): Promise<ReadonlySet<string>> {
  const routes = await lab.topology.router.kernelRoutes("proto", "bgp");
  assert.ok(Array.isArray(routes));
  const wanted = workerNodes.map(({ address }) => address).join(" ");
  return new Set(
    routes
      .filter((route) => gatewaysOf(route).toSorted().join(" ") === wanted)
      .map((route) => textAt(route, "dst") ?? ""),
  );
}

/** Lets `create` run for each of `names`, so many at a time. */
export async function forEachOf(
  names: readonly string[],
  concurrency: number,
  create: (name: string) => Promise<unknown>,
): Promise<void> {
  const rest = names.values();
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (const name of rest) await create(name);
    }),
  );
}

/** Adds a pool to the scenario's ConfigMap, as a user edits it. */
export async function addPool({ lab }: Cluster, name: string, cidr: string): Promise<void> {
  const path = "/api/v1/namespaces/routelb-system/configmaps/config";
  const text = textAt(await lab.api.get(path), "data", "config") ?? "";
  assert.ok(text.includes(scenario.poolCidr), text);
  const pool = `- name: ${name}\n  protocol: bgp\n  addresses:\n  - ${cidr}\n`;
  await lab.api.patch(path, { data: { config: `${text}${pool}` } });
}
