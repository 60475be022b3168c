import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { EmbeddedKube } from "../../lab/embedded-kube.ts";
import { Instance } from "../../lab/instance.ts";
import { Lab } from "../../lab/lab.ts";
import { logTails } from "../../lab/logs.ts";
import { answered, type Probe } from "../../lab/probe.ts";
import { readKernelRoutes } from "../../lab/route-log.ts";
import { scenario, workerNodes } from "../../lab/scenario.ts";
import {
  awaitGateways,
  bgpPaths,
  gatewayChanged,
  kernelGateways,
} from "../../lab/sights/routes.ts";
import { requestsSpread, routerHasRoute, serviceHasAddress } from "../../lab/sights/service.ts";
import { describeResults, formatFailures, unexcused } from "../../lab/sights/traffic.ts";
import { pause, waitFor } from "../../lab/wait.ts";

const { serviceAddress } = scenario;
const prefix = `${serviceAddress}/32`;
const allGateways = workerNodes.map(({ address }) => address);
/** `--drain-time` of the speakers. */
const drainTimeMs = 10_000;

let instance: Instance | undefined;
let started: Lab | undefined;

before(async () => {
  const opened = await Instance.open(`leave${process.pid.toString(36)}`);
  instance = opened;
  const { signal } = new AbortController();
  const lab = await Lab.start({
    instance: opened,
    startKube: (of, until) => EmbeddedKube.start(of, until),
    signal,
    progress: () => undefined,
  });
  started = lab;
  for (const sight of [serviceHasAddress, routerHasRoute, requestsSpread]) {
    await sight.see(lab, () => undefined);
  }
});

after(async () => {
  await started?.close();
  await instance?.close();
});

/** Runs `action` under a stream of requests; no new one may fail, whatever the routes do. */
async function underRequests(
  t: TestContext,
  action: (lab: Lab, fromMs: number) => Promise<string>,
): Promise<void> {
  assert.ok(started !== undefined && instance !== undefined);
  const lab = started;
  const probe: Probe = await lab.probe({
    url: `http://${serviceAddress}/`,
    concurrency: 8,
    intervalMs: 20,
  });
  const fromMs = Date.now();
  try {
    const said = await action(lab, fromMs);
    await pause(3_000);
    const results = await probe.finish();
    const changes = await readKernelRoutes(lab.topology.router, serviceAddress, fromMs);
    const lost = unexcused(
      results,
      [],
      changes.map(({ atMs }) => atMs),
    );
    assert.deepEqual(lost, [], describeResults(lost, fromMs));
    assert.ok(answered(results).length >= 500, formatFailures(results));
    t.diagnostic(`${said}; ${changes.length} changes of the route; ${formatFailures(results)}`);
  } catch (error) {
    process.stderr.write(await logTails(instance, 30));
    throw error;
  }
}

async function annotate(lab: Lab, nodes: readonly string[], value: "true" | undefined) {
  const change = value === undefined ? "routelb.io/drain-" : `routelb.io/drain=${value}`;
  await lab.kubectl.run("annotate", "node", ...nodes, change);
}

/** Resolves when the router has exactly so many paths. */
async function awaitPaths(lab: Lab, count: number): Promise<void> {
  await waitFor(async () => ((await bgpPaths(lab, prefix)).length === count ? true : undefined), {
    what: `${count} paths of ${prefix}`,
    timeoutMs: drainTimeMs + 20_000,
    intervalMs: 100,
  });
}

const limits = { timeout: 180_000 };

test(
  "a rolling update of the speakers changes no route in the router's kernel",
  limits,
  async (t) => {
    await underRequests(t, async (lab, fromMs) => {
      const speakers = ["-n", "routelb-system", "rollout"];
      await lab.kubectl.run(...speakers, "restart", "daemonset/speaker");
      await lab.kubectl.run(...speakers, "status", "daemonset/speaker", "--timeout=120s");
      await lab.awaitSessions(workerNodes.length);
      assert.deepEqual(await readKernelRoutes(lab.topology.router, serviceAddress, fromMs), []);
      return "three speakers replaced";
    });
  },
);

test(
  "an annotated node leaves the kernel's route at once, BGP after the drain time",
  limits,
  async (t) => {
    const [, node] = workerNodes;
    assert.ok(node !== undefined);
    await underRequests(t, async (lab, fromMs) => {
      await annotate(lab, [node.name], "true");
      const { atMs } = await gatewayChanged(lab, serviceAddress, "left", {
        gateway: node.address,
        fromMs,
      });
      assert.equal((await bgpPaths(lab, prefix)).length, 3);
      await awaitPaths(lab, 2);
      const withdrawnMs = Date.now() - fromMs;
      assert.ok(withdrawnMs >= drainTimeMs, `withdrawn after ${withdrawnMs} ms`);
      await annotate(lab, [node.name], undefined);
      await awaitGateways(lab, serviceAddress, allGateways);
      return `out of the kernel after ${atMs - fromMs} ms, withdrawn after ${withdrawnMs} ms`;
    });
  },
);

test(
  "all nodes drain: all keep the address, and one that withdrew has it again",
  limits,
  async (t) => {
    const [first, ...others] = workerNodes.map(({ name }) => name);
    assert.ok(first !== undefined);
    await underRequests(t, async (lab) => {
      await annotate(lab, [first], "true");
      await awaitPaths(lab, 2);
      await annotate(lab, others, "true");
      await awaitPaths(lab, 3);
      await pause(drainTimeMs + 2_000);
      assert.equal((await bgpPaths(lab, prefix)).length, 3);
      assert.equal((await kernelGateways(lab, serviceAddress))?.length, 3);
      await annotate(lab, [first, ...others], undefined);
      await awaitGateways(lab, serviceAddress, allGateways);
      return "three nodes annotated, one before the others";
    });
  },
);
