import { readFile } from "node:fs/promises";
import { listAt } from "../../lab/kube/json.ts";
import { type KernelRoute, kernelRouteBecame, parseKernelRoutes } from "../../lab/route-log.ts";
import type { Router } from "../../lab/router.ts";
import { waitFor } from "../../lab/wait.ts";
import type { ScaleCluster } from "./cluster.ts";
import type { ScaleObjects } from "./objects.ts";

export interface RouteChange extends KernelRoute {
  readonly prefix: string;
}

/**
 * Resolves when the BGP routes in the router's kernel have so many next hops, all together: each
 * Service has one for each speaker.
 */
export async function untilPaths(
  { router }: ScaleCluster,
  count: number,
  timeoutMs = 900_000,
): Promise<void> {
  await waitFor(
    async () => {
      const routes = await router.kernelRoutes("proto", "bgp");
      const counts = listAt({ routes }, "routes").map(
        (route) => listAt(route, "nexthops").length || 1,
      );
      return counts.reduce((sum, one) => sum + one, 0) === count || undefined;
    },
    { what: `${count} next hops in the router's kernel`, timeoutMs, intervalMs: 50 },
  );
}

/** After so long, no further one of many creates is begun. */
const createsLimitMs = 180_000;

/**
 * From the create of a Service to its route in the router's kernel, one by one; milliseconds, and
 * Infinity for a route that is not there after `limitMs`. Fewer than `count` if they take very long.
 */
export async function createdToKernel(
  cluster: ScaleCluster,
  objects: ScaleObjects,
  count: number,
  limitMs: number,
): Promise<readonly number[]> {
  const times: number[] = [];
  const startedMs = Date.now();
  while (times.length < count && Date.now() - startedMs < createsLimitMs) {
    const fromMs = Date.now();
    await objects.growServices(objects.services + 1, { hasEndpoints: true });
    try {
      times.push((await newestInKernelMs(cluster, objects, fromMs, limitMs)) - fromMs);
    } catch (error) {
      if (Date.now() - fromMs < limitMs) throw error;
      times.push(Infinity);
    }
  }
  return times;
}

async function newestInKernelMs(
  { router }: ScaleCluster,
  objects: ScaleObjects,
  fromMs: number,
  limitMs: number,
): Promise<number> {
  const address = await objects.untilNewestAddressed(limitMs);
  const { atMs } = await kernelRouteBecame(router, address, (gateways) => gateways.length > 0, {
    fromMs,
    timeoutMs: Math.max(0, fromMs + limitMs - Date.now()),
    what: `a route to ${address}`,
  });
  return atMs;
}

/** What happened to the kernel's routes since `fromMs`, oldest first. */
export async function changesSince(
  router: Router,
  fromMs: number,
): Promise<readonly RouteChange[]> {
  const text = await readFile(router.routeLogFile, "utf8");
  const byPrefix = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const prefix = / (10\.100\.\d+\.\d+) /.exec(line)?.[1];
    if (prefix !== undefined) {
      const lines = byPrefix.get(prefix) ?? [];
      lines.push(line);
      byPrefix.set(prefix, lines);
    }
  }
  return [...byPrefix]
    .flatMap(([prefix, lines]) =>
      parseKernelRoutes(lines.join("\n"), prefix).map((change) => ({ ...change, prefix })),
    )
    .filter(({ atMs }) => atMs >= fromMs)
    .toSorted((a, b) => a.atMs - b.atMs);
}
