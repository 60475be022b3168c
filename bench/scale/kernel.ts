import { readFile } from "node:fs/promises";
import { type KernelRoute, kernelRouteBecame, parseKernelRoutes } from "../../lab/route-log.ts";
import type { Router } from "../../lab/router.ts";
import type { ScaleCluster } from "./cluster.ts";
import type { ScaleObjects } from "./objects.ts";

export interface RouteChange extends KernelRoute {
  readonly prefix: string;
}

/** Services that RouteLB or MetalLB has put into the router's kernel. */
export async function prefixesInKernel({ router }: ScaleCluster): Promise<number> {
  const routes = await router.kernelRoutes("proto", "bgp");
  return Array.isArray(routes) ? routes.length : 0;
}

/** From the create of a Service to its route in the router's kernel, one by one; milliseconds. */
export async function createdToKernel(
  { router }: ScaleCluster,
  objects: ScaleObjects,
  count: number,
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    const fromMs = Date.now();
    await objects.growServices(objects.services + 1, { hasEndpoints: true });
    const address = await objects.untilNewestAddressed();
    const { atMs } = await kernelRouteBecame(router, address, (gateways) => gateways.length > 0, {
      fromMs,
      timeoutMs: 60_000,
      what: `a route to ${address}`,
    });
    times.push(atMs - fromMs);
  }
  return times;
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
