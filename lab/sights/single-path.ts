import type { Lab } from "../lab.ts";
import { answered, countBy } from "../probe.ts";
import { maximumPaths } from "../router-config.ts";
import { nodeAddress, scenario, workerNodes } from "../scenario.ts";
import { urlOf, type View } from "../view.ts";
import { waitFor } from "../wait.ts";
import { awaitGateways, gatewayChanged, kernelGateways } from "./routes.ts";
import { formatCounts, formatSeconds, mustSee, type Sight } from "./sight.ts";
import { formatFailures, ingressNode } from "./traffic.ts";

/** The misconfiguration of the original deployment: one path, whatever is advertised. */
export const singlePath: Sight = {
  title: "with maximum-paths 1 all traffic goes through one node, and the next after a halt",
  async see(lab, show) {
    const [view] = lab.views;
    const { address, family, router } = view;
    await lab.secondHopFollows();
    await setMaximumPaths(lab, view, 1);
    const first = await onlyGateway(lab, view);
    show("show bgp", await router.vtysh(`show bgp ${family} unicast`));
    const before = await allThrough(lab, view, first);
    const { termMs } = await lab.halt(first);
    const node = workerNodes.find(({ name }) => name === first);
    const gateway = node === undefined ? "" : nodeAddress(node, family);
    const left = await gatewayChanged(lab, address, "left", { gateway, fromMs: termMs });
    const second = await onlyGateway(lab, view);
    mustSee(second !== first, `the only next hop is still ${first}`);
    const after = await allThrough(lab, view, second);
    await lab.boot(first);
    await lab.awaitSessions(workerNodes.length);
    await setMaximumPaths(lab, view, 8);
    await awaitGateways(lab, address, view.gateways);
    return (
      `${before}; ${first} halted, the route moved ${formatSeconds(left.atMs - termMs)} after ` +
      `SIGTERM: ${after}; maximum-paths 8 again: three next hops`
    );
  },
};

async function setMaximumPaths(lab: Lab, { router, family }: View, count: number): Promise<void> {
  await router.configure(
    `router bgp ${scenario.routerAsn}`,
    `address-family ${family} unicast`,
    maximumPaths(lab.variant, count),
  );
}

/** The node behind the kernel's only next hop. */
async function onlyGateway(lab: Lab, { address, family, router }: View): Promise<string> {
  return waitFor(
    async () => {
      const gateways = await kernelGateways(lab, address, router);
      if (gateways?.length !== 1) return undefined;
      return workerNodes.find((node) => nodeAddress(node, family) === gateways[0])?.name;
    },
    { what: "the kernel has one next hop", timeoutMs: 20_000 },
  );
}

/** @throws NotSeenError unless all requests are answered and came through `node` */
async function allThrough(lab: Lab, { address, client }: View, node: string): Promise<string> {
  const probe = await lab.probe({
    url: urlOf(address),
    client,
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
