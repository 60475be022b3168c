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
export async function untilPaths({ router }: ScaleCluster, count: number): Promise<void> {
  await waitFor(
    async () => {
      const routes = await router.kernelRoutes("proto", "bgp");
      const counts = listAt({ routes }, "routes").map(
        (route) => listAt(route, "nexthops").length || 1,
      );
      return counts.reduce((sum, one) => sum + one, 0) === count || undefined;
    },
    { what: `${count} next hops in the router's kernel`, timeoutMs: 900_000, intervalMs: 50 },
  );
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
