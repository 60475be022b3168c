import assert from "node:assert/strict";
import type { Probe } from "../../lab/probe.ts";
import { monitorFollows, readKernelRoutes } from "../../lab/route-log.ts";
import { type Account, settle } from "../../lab/sights/account.ts";
import { kernelGateways } from "../../lab/sights/routes.ts";
import { describeResults, formatFailures } from "../../lab/sights/traffic.ts";
import { allDone, waitFor } from "../../lab/wait.ts";
import type { Cluster } from "./cluster.ts";

/** What was seen meanwhile. */
export interface Stream {
  /** The requests sent and failed, and how many next hops the router's kernel had over time. */
  readonly told: string;
  /** How often the kernel's routes changed. */
  readonly changes: number;
}

/** Of each address, across the event. */
const fewestRequests = 500;
/** How many of them come before anything happens, and when all of it is over. */
const fewestAside = fewestRequests / 4;

/**
 * Does something while clients ask each of `addresses`, each time on a new connection.
 *
 * The router must have a route to each of them at every moment, and no request may fail but one
 * whose connection stood when that route changed, which re-hashes it. An event that is over quickly is
 * followed by as many requests as are still wanting.
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
  await awaitRequests(probes, fromMs, fewestAside);
  await action();
  await lab.secondHopFollows();
  await awaitRequests(probes, Date.now(), fewestAside);
  await awaitRequests(probes, fromMs, fewestRequests);
  const toMs = Date.now();
  await monitorFollows(lab.topology.router);
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
    assert.ok(account.sent >= fewestRequests, `${account.sent} requests only: ${history}`);
    changes += account.nextHops.length - 1;
    told.push(
      `${history}; longest time without an answer ${Math.round(account.longestGapMs)} ms` +
        (across.length === 0 ? "" : `; lost at changes: ${describeResults(across, fromMs)}`),
    );
  }
  return { told: told.join("\n"), changes };
}

/** Waits until each probe has `count` requests over that began at `sinceMs` or later. */
async function awaitRequests(
  probes: readonly Probe[],
  sinceMs: number,
  count: number,
): Promise<void> {
  const begunSince = async (probe: Probe): Promise<number> =>
    (await probe.soFar()).filter(({ startMs }) => startMs >= sinceMs).length;
  await allDone(
    probes.map((probe) =>
      waitFor(async () => (await begunSince(probe)) >= count || undefined, {
        what: `${count} requests`,
        timeoutMs: 120_000,
        intervalMs: 200,
      }),
    ),
  );
}

/** `next hops 3 (0.0 s), 2 (1.4 s), 3 (2.9 s)`. */
function formatHops({ nextHops }: Account, zeroMs: number): string {
  const counts = nextHops
    .map(({ atMs, gateways }) => ({ atMs, count: gateways.length }))
    .filter(({ count }, index, all) => index === 0 || count !== all[index - 1]?.count)
    .map(({ atMs, count }) => `${count} (${((atMs - zeroMs) / 1000).toFixed(1)} s)`);
  return `next hops ${counts.join(", ")}`;
}
