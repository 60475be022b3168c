import assert from "node:assert/strict";
import { readKernelRoutes } from "../../lab/route-log.ts";
import { type Account, settle } from "../../lab/sights/account.ts";
import { kernelGateways } from "../../lab/sights/routes.ts";
import { describeResults, formatFailures } from "../../lab/sights/traffic.ts";
import type { Cluster } from "./cluster.ts";

/** What was seen meanwhile. */
export interface Stream {
  /** The requests sent and failed, and how many next hops the router's kernel had over time. */
  readonly told: string;
  /** How often the kernel's routes changed. */
  readonly changes: number;
}

/**
 * Does something while clients ask each of `addresses`, each time on a new connection.
 *
 * The router must have a route to each of them at every moment, and no request may fail but one
 * under way while that route changed, which re-hashes connections.
 *
 */
export async function underRequests(
  { lab }: Cluster,
  addresses: readonly string[],
  action: () => Promise<void>,
): Promise<Stream> {
  const before = await Promise.all(addresses.map((address) => kernelGateways(lab, address)));
  await lab.secondHopFollows();
  const probes = await Promise.all(
    addresses.map((address) =>
      lab.probe({ url: `http://${address}/`, concurrency: 2, intervalMs: 20 }),
    ),
  );
  const fromMs = Date.now();
  await action();
  await lab.secondHopFollows();
  const toMs = Date.now();
  const told: string[] = [];
  let changes = 0;
  for (const [index, address] of addresses.entries()) {
    const results = (await probes[index]?.finish()) ?? [];
    const routes = await readKernelRoutes(lab.topology.router, address, fromMs);
    const account = settle(results, before[index] ?? [], routes, { fromMs, toMs });
    const gone = account.nextHops.filter(({ gateways }) => gateways.length === 0);
    const history = `${address}: ${formatFailures(results)}; ${formatHops(account, fromMs)}`;
    assert.deepEqual(gone, [], `the route was gone for a moment: ${history}`);
    const { after: late, before: early, across } = account.failed;
    const unexcused = [...early, ...late];
    assert.deepEqual(unexcused, [], `${history}; ${describeResults(unexcused, fromMs)}`);
    assert.ok(account.sent > 0, `no request to ${address}`);
    changes += account.nextHops.length - 1;
    told.push(
      `${history}; longest time without an answer ${Math.round(account.longestGapMs)} ms` +
        (across.length === 0 ? "" : `; lost at changes: ${describeResults(across, fromMs)}`),
    );
  }
  return { told: told.join("\n"), changes };
}

/** `next hops 3 (0.0 s), 2 (1.4 s), 3 (2.9 s)`. */
function formatHops({ nextHops }: Account, zeroMs: number): string {
  const counts = nextHops
    .map(({ atMs, gateways }) => ({ atMs, count: gateways.length }))
    .filter(({ count }, index, all) => index === 0 || count !== all[index - 1]?.count)
    .map(({ atMs, count }) => `${count} (${((atMs - zeroMs) / 1000).toFixed(1)} s)`);
  return `next hops ${counts.join(", ")}`;
}
