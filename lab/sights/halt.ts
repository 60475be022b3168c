import { readKernelRoutes, routerLogged } from "../route-log.ts";
import { scenario, workerNodes } from "../topology.ts";
import { waitFor } from "../wait.ts";
import { awaitGateways, gatewayChanged } from "./routes.ts";
import { formatSeconds, mustSee, type Sight } from "./sight.ts";
import { describeResults, formatFailures, unexcused } from "./traffic.ts";

const { serviceAddress } = scenario;

/** Sight 4, first way: SIGTERM to every process of the node, then its link goes down. */
export const nodeHalted: Sight = {
  title: "a node is halted (SIGTERM to all its processes, then its link down) and comes back",
  async see(lab, show) {
    const node = workerNodes[2] ?? workerNodes[0];
    if (node === undefined) throw new Error("no worker node");
    const probe = await lab.probe({
      url: `http://${serviceAddress}/`,
      concurrency: 4,
      intervalMs: 20,
    });
    const { termMs, downMs } = await lab.halt(node.name);
    const left = await gatewayChanged(lab, serviceAddress, "left", {
      gateway: node.address,
      fromMs: termMs,
    });
    const goodbye = await routerLogged(
      lab.topology.router,
      new RegExp(String.raw`NOTIFICATION: received from neighbor ${node.address} `),
      { fromMs: termMs, timeoutMs: 5_000 },
    );
    await waitFor(
      async () =>
        /NotReady/.test(await lab.kubectl.run("get", "node", node.name)) ? true : undefined,
      { what: `${node.name} is NotReady`, timeoutMs: 20_000, intervalMs: 200 },
    );
    show(`kubectl get nodes, ${node.name} halted`, await lab.kubectl.run("get", "nodes"));
    show("show ip bgp summary", await lab.topology.router.vtysh("show ip bgp summary"));
    const bootMs = Date.now();
    await lab.boot(node.name);
    const back = await gatewayChanged(lab, serviceAddress, "came", {
      gateway: node.address,
      fromMs: bootMs,
    });
    await awaitGateways(
      lab,
      serviceAddress,
      workerNodes.map(({ address }) => address),
    );
    const results = await probe.finish();
    const changes = await readKernelRoutes(lab.topology.router, serviceAddress, termMs);
    const changesMs = changes.map((change) => change.atMs);
    const leftAfter = left.atMs - termMs;
    const ahead = downMs - left.atMs;
    const lost = unexcused(results, [], changesMs);
    mustSee(ahead >= 0, `next hop ${node.address} left ${formatSeconds(-ahead)} after the link`);
    mustSee(
      /6\/2 \(Cease\/Administrative Shutdown\)/.test(goodbye.text),
      `the router's log says: ${goodbye.text}`,
    );
    mustSee(
      lost.length === 0,
      `${formatFailures(results)}; unexcused: ${describeResults(lost, termMs)} after SIGTERM`,
    );
    return (
      `${node.name}: Cease/Administrative Shutdown, next hop ${node.address} out of the kernel ` +
      `${formatSeconds(leftAfter)} after SIGTERM and ${formatSeconds(ahead)} before its link ` +
      `went down; back ${formatSeconds(back.atMs - bootMs)} after power on; ` +
      formatFailures(results)
    );
  },
};
