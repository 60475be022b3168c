import type { Lab } from "../lab.ts";
import { answered, countBy } from "../probe.ts";
import { scenario, workerNodes } from "../topology.ts";
import { waitFor } from "../wait.ts";
import { awaitGateways, gatewayChanged, kernelGateways } from "./routes.ts";
import { formatCounts, formatSeconds, mustSee, type Sight } from "./sight.ts";
import { formatFailures, ingressNode } from "./traffic.ts";

const { serviceAddress } = scenario;

/** The misconfiguration of the original deployment: one path, whatever is advertised. */
export const singlePath: Sight = {
  title: "with maximum-paths 1 all traffic goes through one node, and the next after a halt",
  async see(lab, show) {
    await lab.secondHopFollows();
    await setMaximumPaths(lab, 1);
    const first = await onlyGateway(lab);
    show("show ip bgp", await lab.topology.router.vtysh("show ip bgp"));
    const before = await allThrough(lab, first);
    const { termMs } = await lab.halt(first);
    const gateway = workerNodes.find(({ name }) => name === first)?.address ?? "";
    const left = await gatewayChanged(lab, serviceAddress, "left", { gateway, fromMs: termMs });
    const second = await onlyGateway(lab);
    mustSee(second !== first, `the only next hop is still ${first}`);
    const after = await allThrough(lab, second);
    await lab.boot(first);
    await lab.awaitSessions(workerNodes.length);
    await setMaximumPaths(lab, 8);
    await awaitGateways(
      lab,
      serviceAddress,
      workerNodes.map(({ address }) => address),
    );
    return (
      `${before}; ${first} halted, the route moved ${formatSeconds(left.atMs - termMs)} after ` +
      `SIGTERM: ${after}; maximum-paths 8 again: three next hops`
    );
  },
};

async function setMaximumPaths(lab: Lab, count: number): Promise<void> {
  await lab.topology.router.configure(
    `router bgp ${scenario.routerAsn}`,
    "address-family ipv4 unicast",
    `maximum-paths ${count}`,
  );
}

/** The node behind the kernel's only next hop. */
async function onlyGateway(lab: Lab): Promise<string> {
  return waitFor(
    async () => {
      const gateways = await kernelGateways(lab, serviceAddress);
      if (gateways?.length !== 1) return undefined;
      return workerNodes.find(({ address }) => address === gateways[0])?.name;
    },
    { what: "the kernel has one next hop", timeoutMs: 20_000 },
  );
}

/** @throws NotSeenError unless all requests are answered and came through `node` */
async function allThrough(lab: Lab, node: string): Promise<string> {
  const probe = await lab.probe({
    url: `http://${serviceAddress}/`,
    concurrency: 4,
    count: 300,
    timeoutMs: 3_000,
  });
  const results = await probe.results();
  const byNode = countBy(answered(results), ingressNode);
  mustSee(answered(results).length === 300, formatFailures(results));
  mustSee(
    byNode.size === 1 && byNode.has(node),
    `the next hop is ${node}; requests came through ${formatCounts(byNode)}`,
  );
  return `300 of 300 requests through ${node}`;
}
