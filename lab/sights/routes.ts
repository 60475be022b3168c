import {
  at,
  isList,
  type Json,
  listAt,
  numberAt,
  parseJson,
  textAt,
  textsAt,
} from "../kube/json.ts";
import type { Lab } from "../lab.ts";
import { runIn } from "../namespaces.ts";
import { type KernelRoute, kernelRouteBecame } from "../route-log.ts";
import type { Router } from "../router.ts";
import { waitFor } from "../wait.ts";

const patienceMs = 45_000;

/** The next hops of the one kernel route to `address`; undefined if there is not exactly one route. */
export async function kernelGateways(
  lab: Lab,
  address: string,
  router: Router = lab.topology.router,
): Promise<readonly string[] | undefined> {
  const routes = await router.kernelRoutes(address);
  const [route, second] = Array.isArray(routes) ? routes : [];
  if (route === undefined || second !== undefined) return undefined;
  return gatewaysOf(route);
}

/** Waits until the router's kernel has one route to `address`, through exactly `gateways`. */
export async function awaitGateways(
  lab: Lab,
  address: string,
  gateways: readonly string[],
  router: Router = lab.topology.router,
): Promise<void> {
  const wanted = [...gateways].sort().join(" ");
  await waitFor(
    async () => {
      const present = await kernelGateways(lab, address, router);
      return present !== undefined && [...present].sort().join(" ") === wanted ? true : undefined;
    },
    {
      what: `the kernel of ${router.namespace} sends ${address} through ${wanted}`,
      timeoutMs: patienceMs,
      intervalMs: 100,
    },
  );
}

/** Of all weights of a namespace's IPv4 route to `address`, the part of each of `gateways`. */
export async function kernelShares(
  namespace: string,
  address: string,
  gateways: readonly string[],
): Promise<readonly number[]> {
  const text = await runIn(namespace, "ip", ["-j", "route", "show", `${address}/32`]);
  const routes = parseJson(text === "" ? "[]" : text);
  const nextHops = isList(routes) ? listAt(routes[0], "nexthops") : [];
  const weights = gateways.map((gateway) => {
    const found = nextHops.find((hop) => textAt(hop, "gateway") === gateway);
    return numberAt(found, "weight") ?? 0;
  });
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** Whether the shares are as the counts are. The kernel takes whole numbers, and FRR gives it percents. */
export function isSharedAs(shares: readonly number[], counts: readonly number[]): boolean {
  const total = counts.reduce((sum, count) => sum + count, 0);
  return (
    shares.length === counts.length &&
    shares.every((share, index) => Math.abs(share - (counts[index] ?? 0) / total) < 0.011)
  );
}

/** The moment when the kernel's route to `address` lost, or got, the next hop `gateway`. */
export async function gatewayChanged(
  lab: Lab,
  address: string,
  change: "left" | "came",
  options: { readonly gateway: string; readonly fromMs: number },
  router: Router = lab.topology.router,
): Promise<KernelRoute> {
  const { gateway, fromMs } = options;
  return kernelRouteBecame(
    router,
    address,
    (gateways) => gateways.includes(gateway) === (change === "came"),
    {
      fromMs,
      timeoutMs: patienceMs,
      what: `next hop ${gateway} ${change}`,
    },
  );
}

/** A path of the router's BGP table. */
export interface BgpPath {
  readonly nextHop: string;
  readonly asPath: string;
  /** Used: the best path, or equal to it. */
  readonly isUsed: boolean;
  readonly localPref: number | undefined;
  /** As FRR writes them. */
  readonly communities: readonly string[];
}

export async function bgpPaths(
  lab: Lab,
  prefix: string,
  router: Router = lab.topology.router,
): Promise<readonly BgpPath[]> {
  const family = prefix.includes(":") ? "ipv6" : "ipv4";
  const table = await router.vtyshJson(`show bgp ${family} unicast ${prefix} json`);
  return listAt(table, "paths").map((path) => ({
    nextHop: textAt(listAt(path, "nexthops")[0], "ip") ?? "",
    asPath: textAt(path, "aspath", "string") ?? "",
    isUsed:
      at(path, "valid") === true &&
      (at(path, "multipath") === true || at(path, "bestpath", "overall") === true),
    localPref: numberAt(path, "locPrf"),
    communities: textsAt(path, "community", "list"),
  }));
}

/** The next hops of a route as `ip -j route` shows it. */
export function gatewaysOf(route: Json): readonly string[] {
  const single = textAt(route, "gateway");
  if (single !== undefined) return [single];
  return listAt(route, "nexthops").flatMap((hop) => textAt(hop, "gateway") ?? []);
}
