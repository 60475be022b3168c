import assert from "node:assert/strict";
import { at, booleanAt, listAt, numberAt, textAt } from "../../lab/kube/json.ts";
import { formatRouterConfig } from "../../lab/router-config.ts";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import { manifestPath } from "../../lab/service-manifest.ts";
import { awaitGateways } from "../../lab/sights/routes.ts";
import { plainVariant } from "../../lab/variant.ts";
import { waitFor } from "../../lab/wait.ts";
import { Cluster } from "./cluster.ts";
import type { Guide } from "./guide.ts";
import type { Metallb } from "./metallb.ts";
import { makeService, serviceAddresses } from "./services.ts";
import { underRequests } from "./stream.ts";

const { serviceAddress, nodes } = scenario;
const nginxManifest = manifestPath("nginx");
const localManifest = manifestPath("nginx-local");
const routerConfig = formatRouterConfig(plainVariant, scenario.sites[0]);
export const workers = workerNodes.map(({ address }) => address);

const addressFamily = " address-family ipv4 unicast\n";
const firstNeighbor = ` neighbor ${nodes[0]?.address} peer-group nodes\n`;

/** The control plane's node is a neighbor, too: our speakers run there, MetalLB's do not. */
export const routerOfEveryNode = {
  config: routerConfig.replace(addressFamily, `${firstNeighbor}${addressFamily}`),
};

/** MetalLB in the scenario, with Services whose addresses have a gap. */
export async function startMetallb(id: string, metallb: Metallb): Promise<Cluster> {
  const cluster = await Cluster.start({
    id,
    proxyMode: "nftables",
    router: routerOfEveryNode,
    ...metallb,
  });
  try {
    await prepare(cluster);
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

async function prepare(cluster: Cluster): Promise<void> {
  const { lab } = cluster;
  await excludeControlPlane(cluster);
  await lab.kubectl.run("create", "-f", nginxManifest);
  await lab.kubectl.run("wait", "--for=jsonpath={.status.loadBalancer.ingress}", "service/nginx");
  await lab.kubectl.run("create", "-f", localManifest);
  for (const name of ["gap", "late-1", "late-2"]) await makeService(cluster, name);
  await lab.kubectl.run("delete", "service", "gap");
  for (const address of (await serviceAddresses(cluster)).values()) {
    await awaitGateways(lab, address, workers);
  }
}

/** As kubeadm does. */
export async function excludeControlPlane({ lab }: Cluster): Promise<void> {
  const label = "node.kubernetes.io/exclude-from-external-load-balancers=";
  await lab.kubectl.run("label", `node/${nodes[0]?.name}`, label);
}

/** The addresses under requests: of a Service with each policy. */
export async function askedAddresses(cluster: Cluster): Promise<readonly string[]> {
  const addresses = await serviceAddresses(cluster);
  const local = addresses.get("nginx-local");
  assert.equal(addresses.get("nginx"), serviceAddress);
  assert.ok(local);
  return [serviceAddress, local];
}

/**
 * Runs steps 3 and 4 of the guide under requests; `onFirst` looks when one node is swapped.
 *
 * @param wanted the next hops that are used when the first node is swapped
 */
export async function swap(
  cluster: Cluster,
  guide: Guide,
  onFirst: () => Promise<void>,
  wanted = workers,
): Promise<string> {
  const before = await serviceAddresses(cluster);
  const { told } = await underRequests(cluster, await askedAddresses(cluster), async () => {
    await guide.follow("### 3. Swap the controllers");
    for (const [index, node] of workerNodes.entries()) {
      const next = index === 0 ? wanted : workers;
      await swapNode(cluster, guide, { heading: stepFour, node: node.name, wanted: next });
      if (index === 0) await onFirst();
    }
  });
  assert.deepEqual(await serviceAddresses(cluster), before, "an address changed");
  assert.deepEqual(await speakersByNode(cluster), allOf("routelb"));
  return told;
}

const stepFour = "### 4. Swap the speakers, one node after the other";

/** Runs a step for one node and waits until the router sends every Service through `wanted`. */
export async function swapNode(
  cluster: Cluster,
  guide: Guide,
  step: { readonly heading: string; readonly node: string; readonly wanted?: readonly string[] },
): Promise<void> {
  const { heading, node, wanted = workers } = step;
  assert.ok(guide.blocks(heading).some((block) => block.startsWith("node=node1\n")));
  await guide.follow(heading, (text) => text.replace("node=node1", `node=${node}`));
  for (const address of (await serviceAddresses(cluster)).values()) {
    await awaitGateways(cluster.lab, address, wanted);
  }
}

export function allOf(program: "metallb" | "routelb"): Readonly<Record<string, string>> {
  return Object.fromEntries(workerNodes.map(({ name }) => [name, program]));
}

/** Names of the Pods in MetalLB's namespace. */
export async function podNames({ lab }: Cluster): Promise<readonly string[]> {
  const list = await lab.api.get("/api/v1/namespaces/metallb-system/pods");
  return listAt(list, "items").map((pod) => textAt(pod, "metadata", "name") ?? "");
}

/** Whose speaker runs on each worker node. */
export async function speakersByNode({ lab }: Cluster): Promise<Readonly<Record<string, string>>> {
  const list = await lab.api.get("/api/v1/pods");
  const speakers = listAt(list, "items").filter(
    (pod) => textAt(listAt(pod, "spec", "containers")[0], "name") === "speaker",
  );
  return Object.fromEntries(
    speakers
      .map((pod) => {
        const labels = at(pod, "metadata", "labels");
        const program = textAt(labels, "app") ?? textAt(labels, "app.kubernetes.io/name") ?? "";
        return [textAt(pod, "spec", "nodeName") ?? "", program] as const;
      })
      .filter(([node]) => workerNodes.some(({ name }) => name === node))
      .toSorted(([a], [b]) => a.localeCompare(b)),
  );
}

export interface TablePath {
  readonly nextHop: string;
  /** Only of an internal session. */
  readonly localPref: number | undefined;
  readonly isUsed: boolean;
  /** `IGP` or `incomplete`. */
  readonly origin: string;
}

/** The paths to `address` in the router's BGP table, by next hop. */
export async function paths({ lab }: Cluster, address: string): Promise<readonly TablePath[]> {
  const table = await lab.topology.router.vtyshJson(`show ip bgp ${address}/32 json`);
  return listAt(table, "paths")
    .map((path) => ({
      nextHop: textAt(listAt(path, "nexthops")[0], "ip") ?? "",
      localPref: numberAt(path, "locPrf"),
      origin: textAt(path, "origin") ?? "",
      isUsed:
        booleanAt(path, "multipath") === true || booleanAt(path, "bestpath", "overall") === true,
    }))
    .toSorted((a, b) => a.nextHop.localeCompare(b.nextHop));
}

/** The next hops that are used, as `workers.join()` names them. */
export function usedBy(those: readonly TablePath[]): string {
  return those
    .filter(({ isUsed }) => isUsed)
    .map(({ nextHop }) => nextHop)
    .join();
}

/** Writes the text of MetalLB's ConfigMap. */
export async function writeConfig({ lab }: Cluster, text: string): Promise<void> {
  const path = "/api/v1/namespaces/metallb-system/configmaps/config";
  await lab.api.patch(path, { data: { config: text } });
}

/** The router's side of the sessions becomes internal, or external again. */
export async function setRemoteAsn({ lab }: Cluster, asn: number): Promise<void> {
  await lab.topology.router.configure(
    `router bgp ${scenario.routerAsn}`,
    `neighbor nodes remote-as ${asn}`,
  );
}

/** Waits until the router's paths to the Service are as `isWanted` says. */
export async function pathsBecame(
  cluster: Cluster,
  what: string,
  isWanted: (those: readonly TablePath[]) => boolean,
): Promise<readonly TablePath[]> {
  return waitFor(
    async () => {
      const those = await paths(cluster, serviceAddress);
      return isWanted(those) ? those : undefined;
    },
    { what, timeoutMs: 60_000, intervalMs: 100 },
  );
}
